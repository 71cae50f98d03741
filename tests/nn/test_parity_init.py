"""Initial weights against PyTorch's: each function asks for the same bounds or spread, and the numbers that come of it
are of one distribution. The random streams differ, so no number is the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from strategies import shapes

torch = pytest.importorskip("torch")

from torch_parity import examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

NAMES = ["xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"]
MODES = st.fixed_dictionaries(
    {
        "a": st.sampled_from([0.0, 0.2, math.sqrt(5)]),
        "mode": st.sampled_from(["fan_in", "fan_out"]),
        "nonlinearity": st.sampled_from(["leaky_relu", "relu", "tanh", "linear", "sigmoid", "selu"]),
    }
)


def arguments_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of an initialisation."""
    return MODES if "kaiming" in name else st.fixed_dictionaries({"gain": st.sampled_from([0.5, 1.0, 2.0])})


@pytest.mark.parametrize("name", NAMES)
@examples
@given(data=st.data())
def test_bounds_and_spreads_are_equal(name: str, data: st.DataObject) -> None:
    shape, arguments = data.draw(shapes(min_dims=2, max_dims=4, min_side=1)), data.draw(arguments_of(name))
    asked: list[tuple[float, float]] = []
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("uniform_", "normal_"):
            patch.setattr(nn.init, kind, lambda tensor, a, b: asked.append((a, b)))
            patch.setattr(torch.Tensor, kind, lambda tensor, a, b, generator=None: asked.append((a, b)))
        getattr(nn.init, name)(tl.empty(shape), **arguments)
        getattr(torch.nn.init, name)(torch.empty(shape), **arguments)
    ours, theirs = asked
    assert ours == pytest.approx(theirs, rel=1e-14)


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest distance between two samples' distribution functions (Kolmogorov & Smirnov), in units of chance: of
    two samples from one distribution it is above 3 about once in 30 million times."""
    a, b = np.sort(a.ravel()), np.sort(b.ravel())
    places = np.concatenate([a, b])
    gap = np.searchsorted(a, places, "right") / a.size - np.searchsorted(b, places, "right") / b.size
    return float(np.abs(gap).max() * math.sqrt(a.size * b.size / (a.size + b.size)))


FILLS: list[tuple[str, dict[str, Any]]] = [
    ("uniform_", {"a": -1.0, "b": 3.0}),
    ("normal_", {"mean": 1.0, "std": 0.5}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 1.0}),
    ("xavier_uniform_", {}),
    ("xavier_normal_", {}),
    ("kaiming_uniform_", {"a": math.sqrt(5)}),
    ("kaiming_normal_", {"nonlinearity": "relu"}),
]


@pytest.mark.parametrize(("name", "arguments"), FILLS, ids=lambda value: str(value))
@settings(examples, max_examples=15)
@given(shape=shapes(min_dims=2, max_dims=3, min_side=2), seed=st.integers(0, 1000))
def test_samples_have_the_same_distribution(name: str, arguments: Any, shape: tuple[int, ...], seed: int) -> None:
    tl.manual_seed(seed)
    torch.manual_seed(seed)
    times = math.ceil(1000 / math.prod(shape))
    ours = [getattr(nn.init, name)(tl.empty(shape), **arguments).numpy() for _ in range(times)]
    theirs = [getattr(torch.nn.init, name)(torch.empty(shape), **arguments).numpy() for _ in range(times)]
    assert distance(np.stack(ours), np.stack(theirs)) < 3


@pytest.mark.parametrize("shape", [(3, 3), (2, 3), (3, 2), (2, 2, 2)])
def test_orthogonal_matrices_have_no_preferred_direction(shape: tuple[int, ...]) -> None:
    """Only the first element of many matrices: the elements of one matrix are not independent."""
    tl.manual_seed(1)
    torch.manual_seed(1)
    ours = np.array([nn.init.orthogonal_(tl.empty(shape)).numpy().flat[0] for _ in range(1000)])
    theirs = np.array([torch.nn.init.orthogonal_(torch.empty(shape)).numpy().flat[0] for _ in range(1000)])
    assert distance(ours, theirs) < 3


LAYERS: dict[str, tuple[Any, ...]] = {
    "Linear": (50, 80),
    "Embedding": (50, 80, 3),
    "LayerNorm": ((3, 4),),
    "RMSNorm": (5,),
    "Conv1d": (4, 60, 5),
    "Conv2d": (8, 60, 3, 1, 0, 1, 2),
    "ConvTranspose2d": (60, 8, 3, 1, 0, 0, 2),
    "BatchNorm2d": (5,),
    "GroupNorm": (2, 4),
    "InstanceNorm1d": (3, 1e-5, 0.1, True, True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_initialised_like_pytorchs(name: str) -> None:
    tl.manual_seed(1)
    torch.manual_seed(1)
    ours = getattr(nn, name)(*LAYERS[name]).state_dict()
    theirs = getattr(torch.nn, name)(*LAYERS[name]).state_dict()
    assert list(ours) == list(theirs)
    for key, tensor in theirs.items():
        assert ours[key].shape == tuple(tensor.shape)
        assert distance(ours[key].numpy(), tensor.numpy()) < 3
