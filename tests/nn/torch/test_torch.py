"""nn.torch as a module: constructors, loaders, courtesies."""

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


@pytest.mark.parametrize(
    "layer",
    ["RReLU()", "Threshold(0, 1)", "AlphaDropout()", "LocalResponseNorm(2)", "ChannelShuffle(2)", "Softmax2d()"],
)
def test_a_layer_of_torch_alone_refuses_a_tuple_of_tensors(layer):
    x = torch.ones(1, 4, 2, 2)
    with pytest.raises(TypeError, match=r"it takes one tensor, .* take its first"):
        eval(f"torch.nn.{layer}")((x, x))


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
