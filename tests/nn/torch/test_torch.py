"""nn.torch as a module: constructors, loaders, courtesies."""

import math
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import nn
import nn.torch as torch
import tinygrad_lecture as tl
from tinygrad_lecture.errors.users_line import warn_once


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
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=False):
        assert model(tl.ones(1, 2)).dtype == tl.float32
    assert not torch.cuda.amp.GradScaler().is_enabled()
    assert torch.cuda.device_count() == 0 or torch.cuda.is_available()


def test_what_is_not_done_is_said_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)  # not installed
    warn_once.cache_clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            with torch.autocast("cuda", dtype=torch.bfloat16):
                assert tl.ones(2).to(torch.bfloat16).dtype == tl.ones(2).bfloat16().dtype == tl.float32
            with torch.utils.tensorboard.SummaryWriter("nowhere") as writer:
                writer.add_scalar("loss", tl.tensor(1.0), 1)
    words = ("autocast: there is no mixed", "torch.bfloat16 is not here", "SummaryWriter writes nothing without")
    assert len(said) == 3 and all(str(w.message).startswith(word) for w, word in zip(said, words, strict=True))
    warn_once.cache_clear()


def test_a_summary_writer_writes_by_tensorboardx(monkeypatch):
    written = []

    class Writer:
        log_dir = "runs"

        def __init__(self, log_dir):
            written.append(log_dir)

        def add_scalars(self, name, values, step):
            written.append((name, values, step))

        def close(self):
            written.append("closed")

    monkeypatch.setitem(sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=Writer))
    with torch.utils.tensorboard.SummaryWriter("runs") as writer:
        writer.add_scalars("loss", {"train": tl.ones(2, requires_grad=True).sum()}, 3)
        assert writer.log_dir == "runs"
    assert written == ["runs", ("loss", {"train": np.array(2.0)}, 3), "closed"]
    assert type(written[1][1]["train"]) is np.ndarray


def test_another_default_device_is_refused():
    torch.set_default_device("cpu")
    with pytest.raises(NotImplementedError, match="give each device='cuda'"):
        torch.set_default_device("cuda")


def test_the_profiler_is_the_engines():
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profile:
        with torch.profiler.record_function("forward"):
            tl.ones(3).exp()
        profile.step()
    assert "exp" in profile.key_averages().table(sort_by="cpu_time_total", row_limit=3)
    with pytest.raises(AttributeError, match="export_chrome_trace is not here; there is table"):
        profile.export_chrome_trace("trace.json")


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


@pytest.mark.filterwarnings("ignore")
def test_terms_of_an_entropy():
    x = torch.tensor([-1.0, 0.0, 0.5, math.inf], dtype=torch.float64, requires_grad=True)
    y = torch.special.entr(x)
    np.testing.assert_allclose(y.tolist(), [-math.inf, 0, 0.5 * math.log(2), -math.inf])
    y.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), [math.nan, math.inf, math.log(2) - 1, -math.inf])
