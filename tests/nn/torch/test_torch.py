"""nn.torch as a module: constructors, loaders, courtesies."""

import math

import numpy as np
import pytest

import nn
import nn.torch as torch
import tinygrad_lecture as tl


def test_tensor_takes_data_or_sizes():
    assert torch.Tensor([1, 2]).dtype == tl.float32
    assert torch.Tensor(3).shape == (3,)
    assert torch.LongTensor([1]).dtype == tl.int64
    assert isinstance(tl.ones(2), torch.Tensor)
    assert isinstance(torch.LongTensor([1]), torch.LongTensor)
    assert not isinstance(torch.ones(1), torch.LongTensor)


def test_courtesies_change_nothing():
    model = nn.Linear(2, 2)
    assert torch.compile(model) is model
    assert torch.compile(mode="default")(model) is model
    with torch.autocast("cuda", dtype=torch.bfloat16):
        assert model(tl.ones(1, 2)).dtype == tl.float32
    assert not torch.cuda.amp.GradScaler().is_enabled()
    assert torch.cuda.device_count() == 0 or torch.cuda.is_available()


def test_a_state_that_does_not_fit_raises_what_pytorch_raises():
    with pytest.raises(RuntimeError, match="missing: bias"):
        nn.Linear(2, 2).load_state_dict({"weight": tl.ones(2, 2)})
    with pytest.raises(RuntimeError, match="different shapes"):
        torch.utils.data.default_collate([tl.ones(1), tl.ones(2)])


def test_there_is_one_data_loader():
    assert torch.utils.data.DataLoader is torch.utils.data.dataloader.DataLoader is nn.DataLoader
    assert issubclass(torch.utils.data.TensorDataset, torch.utils.data.Dataset)


def test_a_changed_saved_tensor_of_a_function_is_found():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    x = tl.ones(2, requires_grad=True) * 1
    y = Square.apply(x).sum()
    x.inplace()[...] = 5
    with pytest.raises(RuntimeError, match="Square saved for backward was changed in place"):
        y.backward()


def test_base_classes_of_layers_are_where_pytorch_has_them():
    assert isinstance(nn.ConvTranspose1d(1, 1, 1), torch.nn.modules.conv._ConvNd)
    assert isinstance(nn.BatchNorm1d(1), torch.nn.modules.batchnorm._BatchNorm)
    assert torch.nn.modules.batchnorm.BatchNorm2d is nn.BatchNorm2d


@pytest.mark.filterwarnings("ignore")
def test_terms_of_an_entropy_and_the_scaled_tail_of_erf():
    x = torch.tensor([-1.0, 0.0, 0.5, math.inf], dtype=torch.float64, requires_grad=True)
    y = torch.special.entr(x)
    np.testing.assert_allclose(y.tolist(), [-math.inf, 0, 0.5 * math.log(2), -math.inf])
    y.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), [math.nan, math.inf, math.log(2) - 1, -math.inf])
    x = torch.tensor([-math.inf, -5.0, 0.5, 2.0, 10.0, 1e8, math.inf], dtype=torch.float64, requires_grad=True)
    y = torch.special.erfcx(x)  # exp(x²) erfc(x), in 16 digits of mpmath
    wanted = [math.inf, 144009798674.6610, 0.6156903441929259, 0.2553956763105057, 0.05614099274382259]
    np.testing.assert_allclose(y.tolist(), [*wanted, 5.641895835477563e-9, 0], rtol=1e-14)
    y[1:5].sum().backward()
    np.testing.assert_allclose(x.grad[1:5], (2 * x * y)[1:5].detach() - 2 / math.pi**0.5, rtol=1e-12)
