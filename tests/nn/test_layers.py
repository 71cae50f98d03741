"""What every layer and loss keeps: the gradient is right, twice; float32 stays float32; rows do not mix; it runs on a
GPU's arrays without waiting for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from numeric import assert_close
from strict_cupy import no_synchronisation

F = nn.functional
N = 5


@dataclass
class Case:
    """A layer or loss and its inputs; float inputs are differentiated."""

    make: Callable[[], nn.Module]
    inputs: tuple[NDArray[Any], ...]


def normal(*shape: int, seed: int = 0) -> NDArray[Any]:
    """Normal numbers, none of them at a kink."""
    return np.random.default_rng(seed).normal(size=shape) + 0.01


def chances(*shape: int, seed: int = 0) -> NDArray[Any]:
    """Numbers between 0.05 and 0.95."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


class First(nn.Module):
    """The first result of a layer that returns several."""

    def __init__(self, inner: nn.Module) -> None:
        self.inner = inner

    def forward(self, input: tl.Tensor) -> tl.Tensor:
        return self.inner(input)[0]


LABELS = np.array([0, 3, 1, 3, 2])
SOME_IGNORED = np.array([0, -100, 1, 3, -100])
WEIGHT = [0.5, 1.0, 2.0, 0.0]

LAYERS = {
    "Linear": Case(lambda: nn.Linear(4, 3), (normal(N, 4),)),
    "Embedding": Case(lambda: nn.Embedding(6, 3), (np.array([[0, 5], [1, 1], [5, 2], [3, 4], [0, 0]]),)),
    "Embedding with padding": Case(lambda: nn.Embedding(6, 3, padding_idx=5), (np.array([[0, 5], [1, 1], [5, 5]]),)),
    "LayerNorm": Case(lambda: nn.LayerNorm(4), (normal(N, 4),)),
    "LayerNorm over two axes": Case(lambda: nn.LayerNorm((3, 4), bias=False), (normal(N, 3, 4),)),
    "RMSNorm": Case(lambda: nn.RMSNorm(4), (normal(N, 4),)),
    "Dropout": Case(lambda: nn.Dropout(0.3).eval(), (normal(N, 4),)),
    "Flatten": Case(nn.Flatten, (normal(N, 2, 3),)),
    "Unflatten": Case(lambda: nn.Unflatten(1, (2, -1)), (normal(N, 6),)),
    "Softmax": Case(nn.Softmax, (normal(N, 4),)),
    "LogSoftmax": Case(nn.LogSoftmax, (normal(N, 4),)),
    **{
        name: Case(getattr(nn, name), (2 * normal(N, 4),))
        for name in ("Identity", "Sigmoid", "LogSigmoid", "Tanh", "Hardtanh", "ReLU", "ReLU6")
        + ("LeakyReLU", "ELU", "Softplus", "SiLU", "GELU")
    },
    "GELU, tanh": Case(lambda: nn.GELU("tanh"), (normal(N, 4),)),
    "Linear with weight_norm": Case(lambda: nn.utils.weight_norm(nn.Linear(4, 3)), (normal(N, 4),)),
    "Conv1d with weight_norm": Case(lambda: nn.utils.weight_norm(nn.Conv1d(2, 3, 2), dim=1), (normal(N, 2, 4),)),
    "Conv1d": Case(lambda: nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2), (normal(2, 2, 6),)),
    "Conv2d": Case(lambda: nn.Conv2d(2, 3, (3, 2), padding=(1, 0), dilation=(1, 2)), (normal(2, 2, 4, 4),)),
    "Conv2d, circular": Case(
        lambda: nn.Conv2d(1, 2, 3, padding="same", padding_mode="circular"), (normal(2, 1, 3, 4),)
    ),
    "ConvTranspose1d": Case(lambda: nn.ConvTranspose1d(2, 2, 3, stride=2, groups=2), (normal(2, 2, 3),)),
    "ConvTranspose2d": Case(lambda: nn.ConvTranspose2d(2, 1, 3, 2, 1, 1), (normal(2, 2, 2, 3),)),
    "MaxPool1d": Case(lambda: nn.MaxPool1d(3, 2, 1), (normal(2, 2, 5),)),
    "MaxPool2d": Case(lambda: nn.MaxPool2d(2, ceil_mode=True), (normal(2, 2, 3, 4),)),
    "AvgPool1d": Case(lambda: nn.AvgPool1d(2), (normal(2, 2, 4),)),
    "AvgPool2d": Case(lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), (normal(2, 2, 3, 4),)),
    "AdaptiveAvgPool2d": Case(lambda: nn.AdaptiveAvgPool2d((2, 3)), (normal(2, 2, 3, 4),)),
    "Unfold": Case(lambda: nn.Unfold(2), (normal(2, 2, 3, 3),)),
    "ReflectionPad2d": Case(lambda: nn.ReflectionPad2d(1), (normal(2, 1, 3, 2),)),
    "Upsample": Case(lambda: nn.Upsample(scale_factor=2), (normal(2, 2, 3, 2),)),
    "Upsample, bilinear": Case(lambda: nn.Upsample((4, 5), mode="bilinear"), (normal(2, 2, 3, 2),)),
    "PixelShuffle": Case(lambda: nn.PixelShuffle(2), (normal(2, 4, 2, 2),)),
    "BatchNorm2d in evaluation": Case(lambda: nn.BatchNorm2d(2).eval(), (normal(2, 2, 2, 2),)),
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4), (normal(2, 4, 3),)),
    "InstanceNorm2d": Case(lambda: nn.InstanceNorm2d(2, affine=True), (normal(2, 2, 2, 3),)),
    "Dropout2d": Case(lambda: nn.Dropout2d(0.3).eval(), (normal(2, 2, 2, 2),)),
    "ReLU in place": Case(lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True)), (normal(N, 4),)),
    "MLP": Case(lambda: nn.MLP([4, 6, 3], nn.Tanh), (normal(N, 4),)),
    **{
        name: Case(
            lambda name=name: First(getattr(nn, name)(1, 2, batch_first=True, bidirectional=name == "RNN")),
            (normal(2, 2, 1),),
        )
        for name in ("RNN", "GRU", "LSTM")
    },
    "RNNCell": Case(lambda: nn.RNNCell(2, 2), (normal(N, 2),)),
    "GRUCell": Case(lambda: nn.GRUCell(2, 2), (normal(N, 2),)),
    "TransformerEncoderLayer": Case(
        lambda: nn.TransformerEncoderLayer(2, 1, 2, dropout=0.0, activation="gelu", batch_first=True),
        (normal(2, 2, 2),),
    ),
}

MIXING = {  # the rows of a batch have an influence on each other
    "BatchNorm1d": Case(lambda: nn.BatchNorm1d(3), (normal(N, 3),)),
    "BatchNorm2d": Case(lambda: nn.BatchNorm2d(2, momentum=None), (normal(N, 2, 2, 3),)),
}
LOSSES = {
    "MSELoss": Case(nn.MSELoss, (normal(N, 3), normal(N, 3, seed=1))),
    "L1Loss": Case(nn.L1Loss, (normal(N, 3), normal(N, 3, seed=1))),
    "HuberLoss": Case(nn.HuberLoss, (normal(N, 3), normal(N, 3, seed=1))),
    "SmoothL1Loss": Case(lambda: nn.SmoothL1Loss(beta=0.5), (normal(N, 3), normal(N, 3, seed=1))),
    "CrossEntropyLoss": Case(nn.CrossEntropyLoss, (normal(N, 4), LABELS)),
    "CrossEntropyLoss, all its settings": Case(
        lambda: nn.CrossEntropyLoss(tl.tensor(WEIGHT), label_smoothing=0.2), (normal(N, 4), SOME_IGNORED)
    ),
    "CrossEntropyLoss, all ignored": Case(
        lambda: nn.CrossEntropyLoss(ignore_index=1, reduction="sum"), (normal(N, 4), np.ones(N, int))
    ),
    "CrossEntropyLoss, more axes": Case(nn.CrossEntropyLoss, (normal(N, 4, 2), LABELS[:, None] * [1, 0])),
    "CrossEntropyLoss of probabilities": Case(
        lambda: nn.CrossEntropyLoss(tl.tensor(WEIGHT), label_smoothing=0.2), (normal(N, 4), chances(N, 4))
    ),
    "NLLLoss": Case(lambda: nn.NLLLoss(tl.tensor(WEIGHT)), (-chances(N, 4), SOME_IGNORED)),
    "BCELoss": Case(lambda: nn.BCELoss(tl.tensor([1.0, 2.0])), (chances(N, 2), chances(N, 2, seed=1))),
    "BCEWithLogitsLoss": Case(
        lambda: nn.BCEWithLogitsLoss(tl.tensor([1.0, 2.0]), pos_weight=tl.tensor(3.0)), (normal(N, 2), chances(N, 2))
    ),
    "KLDivLoss": Case(lambda: nn.KLDivLoss("batchmean"), (-chances(N, 3, seed=1), chances(N, 3))),
    "KLDivLoss of logarithms": Case(lambda: nn.KLDivLoss(log_target=True), (-chances(N, 3), normal(N, 3, seed=1))),
}

ALL = {**LAYERS, **MIXING, **LOSSES}


def each(cases: dict[str, Case]) -> Any:
    """Parametrise a test over cases, with their names as ids."""
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


def prepared(case: Case, dtype: Any = tl.float64, device: str = "cpu") -> tuple[nn.Module, list[tl.Tensor]]:
    """(module with random parameters, its inputs); float inputs require grad."""
    module = case.make()
    for seed, parameter in enumerate(module.parameters()):
        with tl.no_grad():
            parameter.copy_(tl.tensor(normal(*parameter.shape, seed=seed)))
    module.to(dtype=dtype, device=device)
    inputs = [tl.tensor(x, dtype=dtype if x.dtype.kind == "f" else None, device=device) for x in case.inputs]
    return module, [x.requires_grad_() if x.dtype.kind == "f" else x for x in inputs]


# the gradient of padding is 0 on purpose; a block is checked in tests/nn/attention, by fewer of its many parameters
@each({name: case for name, case in ALL.items() if "padding" not in name and "Transformer" not in name})
def test_gradients_are_right(case: Case) -> None:
    """First and second order, by inputs and parameters, against finite differences."""
    module, inputs = prepared(case)
    parameters = dict(module.named_parameters())
    n = len(inputs)

    def run(*values: tl.Tensor) -> tl.Tensor:
        return nn.functional_call(module, dict(zip(parameters, values[n:], strict=True)), values[:n])

    assert nn.gradcheck(module, inputs)
    assert tl.gradgradcheck(run, [*inputs, *parameters.values()])


@each(ALL)
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_dtypes_stay(case: Case, dtype: Any) -> None:
    module, inputs = prepared(case, dtype)
    out = module(*inputs)
    assert out.dtype == dtype
    if out.requires_grad:
        out.sum().backward()
    for tensor in (*inputs, *module.parameters()):
        assert not tensor.requires_grad or tensor.grad.dtype == dtype


@each(LAYERS)
def test_rows_do_not_mix(case: Case) -> None:
    """Permuting the rows permutes the output, and a single row gives its row of the output."""
    module, inputs = prepared(case)
    order = list(range(len(inputs[0])))[::-1]
    out = module(inputs[0]).detach().numpy()
    assert_close(module(inputs[0][order]).detach().numpy(), out[order], "rows in another order", 1e-12)
    assert_close(module(inputs[0][1:2]).detach().numpy(), out[1:2], "a row alone", 1e-12)


@each({name: case for name, case in ALL.items() if name != "Identity"})
@pytest.mark.parametrize("several", [tuple, list])
def test_a_tuple_or_list_of_tensors_is_no_input(case: Case, several: Any) -> None:
    """As from an RNN, which returns (output, state): it would be stacked."""
    module, (x, *others) = prepared(case)
    for values in ((x, x), (x.detach(), x.detach())):
        with pytest.raises(TypeError, match=r"one tensor, not a .*\(output, state\); take its first"):
            module(several(values), *others)


@each({**LAYERS, **MIXING})
def test_the_input_may_be_named_as_in_pytorch(case: Case) -> None:
    module, (x,) = prepared(case)
    name = "src" if isinstance(module, nn.TransformerEncoderLayer) else "input"
    assert module.eval()(**{name: x}).tolist() == module(x).tolist()


@each(ALL)
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_it_runs_on_a_gpus_arrays_without_synchronising(case: Case, dtype: Any) -> None:
    """The same numbers without synchronisation: forward, backward and backward of the gradients."""

    def results(device: str) -> list[tl.Tensor]:
        module, inputs = prepared(case, dtype, device)
        by = [x for x in (*inputs, *module.parameters()) if x.requires_grad]
        with no_synchronisation():
            out = module(*inputs)
            first = tl.grad((out * out).sum(), by, create_graph=True, allow_unused=True)
            second = tl.grad(sum((g * g).sum() for g in first if g is not None), by, allow_unused=True)
        found = [out, *(g for g in (*first, *second) if g is not None)]
        assert {x.device for x in found} == {device}
        return found

    for there, here in zip(results("strict"), results("cpu"), strict=True):
        tolerance = 1e-11 if dtype == tl.float64 else 2e-5
        assert_close(there.detach().cpu().numpy(), here.detach().numpy(), "on the device", tolerance)


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_device_and_dtype_arguments(device: str) -> None:
    settings = {"device": device, "dtype": tl.float64}
    for layer in (
        nn.Linear(2, 3, **settings),
        nn.Embedding(3, 2, 1, **settings),
        nn.LayerNorm(2, **settings),
        nn.RMSNorm(2, **settings),
        nn.Conv2d(2, 4, 3, **settings),
        nn.ConvTranspose1d(2, 4, 3, **settings),
        nn.BatchNorm2d(2, **settings),
        nn.GroupNorm(2, 4, **settings),
        nn.InstanceNorm1d(2, affine=True, **settings),
        nn.MLP([2, 3, 1], **settings),
        nn.LSTM(2, 3, **settings),
        nn.GRUCell(2, 3, **settings),
        nn.Transformer(2, 1, 1, 1, 2, **settings),
    ):
        assert {p.device for p in layer.parameters()} == {device}
        assert {p.dtype for p in layer.parameters()} == {np.dtype(np.float64)}


def test_signatures_are_readable():
    for name in nn.__all__:
        if isinstance(kind := getattr(nn, name), type):
            assert " at 0x" not in str(inspect.signature(kind))


VIEWED: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), (4, 3, 5)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), (4, 3, 5, 5)),
    "GroupNorm": (lambda: nn.GroupNorm(1, 3), (4, 3, 5)),
    "Conv2d": (lambda: nn.Conv2d(3, 2, 3), (4, 3, 5, 5)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 2, 3), (4, 3, 5, 5)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (4, 3, 6, 6)),
    "Linear": (lambda: nn.Linear(5, 2), (4, 3, 5)),
    "LSTM": (lambda: nn.LSTM(5, 2, num_layers=2), (4, 3, 5)),
    "GRU": (lambda: nn.GRU(5, 2, bidirectional=True), (4, 3, 5)),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2), (4, 3, 4)),
}


@pytest.mark.parametrize("name", VIEWED)
def test_outputs_have_a_view_as_one_vector(name: str) -> None:
    """As programs for PyTorch flatten them: out.view(len(out), -1)."""
    make, shape = VIEWED[name]

    def flatten(out: Any) -> None:
        if isinstance(out, tuple):
            for part in out:
                flatten(part)
        else:
            assert out.view(-1).shape == (out.numel(),)

    flatten(make()(tl.randn(*shape)))
