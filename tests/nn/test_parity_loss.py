"""The losses against PyTorch's: every reduction, weights, ignored and smoothed targets; and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from strategies import integers, numbers, shapes

torch = pytest.importorskip("torch")

from torch_parity import agree, dtypes, examples, pairs  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

reductions = st.sampled_from(["mean", "sum", "none"])


def twins(name: str, dtype: str, weights: Any = None, **settings: Any) -> tuple[Any, Any]:
    """(ours, theirs) with the same settings and weights; `weights` maps names to arrays or None."""
    given = {key: array for key, array in (weights or {}).items() if array is not None}
    ours = {key: tl.tensor(array, dtype=dtype) for key, array in given.items()}
    theirs = {key: torch.tensor(array.astype(dtype)) for key, array in given.items()}
    return getattr(nn, name)(**ours, **settings), getattr(torch.nn, name)(**theirs, **settings)


# --- regression ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MSELoss", "L1Loss"])
@examples
@given(data=st.data(), dtype=dtypes, reduction=reductions)
def test_distances(name: str, data: st.DataObject, dtype: str, reduction: str) -> None:
    shape = data.draw(shapes(min_side=1))
    agree(*twins(name, dtype, reduction=reduction), *data.draw(pairs(shape)), dtype=dtype)


@examples
@given(data=st.data(), dtype=dtypes, reduction=reductions, beta=st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_smooth_l1(data: st.DataObject, dtype: str, reduction: str, beta: float) -> None:
    shape = data.draw(shapes(min_side=1))
    x, y = data.draw(pairs(shape))
    agree(*twins("SmoothL1Loss", dtype, reduction=reduction, beta=beta), x, y, dtype=dtype)
    if beta:
        agree(*twins("HuberLoss", dtype, reduction=reduction, delta=beta), x, y, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bound", [0.5, 1.0, 2.0])
def test_around_the_bounds(dtype: str, bound: float) -> None:
    x = np.linspace(-3, 3, 1201)
    agree(*twins("SmoothL1Loss", dtype, reduction="none", beta=bound), x, np.zeros(1201), dtype=dtype)
    agree(*twins("HuberLoss", dtype, reduction="none", delta=bound), x, np.zeros(1201), dtype=dtype)


# --- classification -----------------------------------------------------------------------------------------

CLASSES = 4


@st.composite
def class_weights(draw: Any) -> NDArray[Any] | None:
    """None, or a weight per class; one may be 0."""
    weight = draw(st.none() | numbers((CLASSES,), low=0.2, high=3))
    if weight is not None and draw(st.booleans()):
        weight[1] = 0
    return weight  # type: ignore[no-any-return]


@st.composite
def scores(draw: Any) -> NDArray[Any]:
    """(classes,), (N, classes), (N, classes, d) or (N, classes, d, e)."""
    batch = draw(shapes(max_dims=3, min_side=1))
    return draw(numbers((*batch[:1], CLASSES, *batch[1:]), low=-4, high=4))  # type: ignore[no-any-return]


@st.composite
def labels(draw: Any, x: NDArray[Any], ignore_index: int) -> NDArray[Any]:
    """A class number per row of x; some or all may be ignore_index."""
    axis = min(x.ndim - 1, 1)
    shape = tuple(np.delete(x.shape, axis))
    target = draw(integers(shape, 0, CLASSES))
    kind = draw(st.sampled_from(["none", "some", "all"]))
    if kind == "some":
        target = np.where(np.random.default_rng(int(target.sum())).random(shape) < 0.5, ignore_index, target)
    if kind == "all":
        target = np.full(shape, ignore_index)
    return np.asarray(target)


@examples
@given(st.data(), dtypes, reductions, scores(), class_weights(), st.sampled_from([0.0, 0.1, 1.0]))
def test_cross_entropy_of_class_numbers(
    data: st.DataObject, dtype: str, reduction: str, x: Any, weight: Any, label_smoothing: float
) -> None:
    ignore_index = data.draw(st.sampled_from([-100, 2, -1]))
    settings = {"reduction": reduction, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    ours, theirs = twins("CrossEntropyLoss", dtype, {"weight": weight}, **settings)
    agree(ours, theirs, x, data.draw(labels(x, ignore_index)), dtype=dtype)


@examples
@given(st.data(), dtypes, reductions, scores(), class_weights(), st.sampled_from([0.0, 0.1, 1.0]))
def test_cross_entropy_of_probabilities(
    data: st.DataObject, dtype: str, reduction: str, x: Any, weight: Any, label_smoothing: float
) -> None:
    target = data.draw(numbers(x.shape, low=0, high=1))
    settings = {"reduction": reduction, "label_smoothing": label_smoothing}
    agree(*twins("CrossEntropyLoss", dtype, {"weight": weight}, **settings), x, target, dtype=dtype)


@examples
@given(st.data(), dtypes, reductions, scores(), class_weights())
def test_nll(data: st.DataObject, dtype: str, reduction: str, x: Any, weight: Any) -> None:
    ignore_index = data.draw(st.sampled_from([-100, 2, -1]))
    ours, theirs = twins("NLLLoss", dtype, {"weight": weight}, reduction=reduction, ignore_index=ignore_index)
    agree(ours, theirs, x, data.draw(labels(x, ignore_index)), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_large_scores(dtype: str) -> None:
    x = np.array([[1e4, -1e4, 0], [700, 700, -700], [0, 0, 1e30]])
    agree(*twins("CrossEntropyLoss", dtype, reduction="none"), x, np.array([1, 0, 2]), dtype=dtype)


# --- probabilities ------------------------------------------------------------------------------------------


@examples
@given(st.data(), dtypes, reductions)
def test_binary_cross_entropy(data: st.DataObject, dtype: str, reduction: str) -> None:
    shape = data.draw(shapes(min_side=1))
    p, y = data.draw(pairs(shape, low=0.001, high=0.999))
    weight = data.draw(st.none() | numbers(shape[-1:], low=0, high=3))
    agree(*twins("BCELoss", dtype, {"weight": weight}, reduction=reduction), p, y, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_at_0_and_1(dtype: str) -> None:
    """Where a logarithm is clamped to -100, and the gradient is bounded.

    The gradient by the target is not PyTorch's there, which forgets the -100 in it and has inf.
    """
    p = np.array([0, 0, 0, 1, 1, 1, 1e-30, 1e-30, 1e-44, 1e-44, 1e-11, 1e-11])
    y = np.array([0, 1, 0.5, 0, 1, 0.5, 0, 1, 0, 1, 0, 1])
    agree(*twins("BCELoss", dtype, reduction="none"), p, y, dtype=dtype, constants=[1])


@examples
@given(st.data(), dtypes, reductions)
def test_binary_cross_entropy_with_logits(data: st.DataObject, dtype: str, reduction: str) -> None:
    shape = data.draw(shapes(min_side=1))
    x, y = data.draw(pairs(shape, low=0, high=1))
    weights = {name: data.draw(st.none() | numbers(shape[-1:], low=0, high=3)) for name in ("weight", "pos_weight")}
    agree(*twins("BCEWithLogitsLoss", dtype, weights, reduction=reduction), 60 * x - 30, y, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_with_large_logits(dtype: str) -> None:
    x = np.repeat([0, 20, -20, 100, -100, 1e4, -1e4], 2)
    agree(*twins("BCEWithLogitsLoss", dtype, reduction="none"), x, np.tile([0.0, 1.0], 7), dtype=dtype)


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")  # PyTorch on "mean"
@examples
@given(st.data(), dtypes, st.sampled_from(["mean", "sum", "none", "batchmean"]), st.booleans())
def test_kl_div(data: st.DataObject, dtype: str, reduction: str, log_target: bool) -> None:
    shape = data.draw(shapes(min_side=1))
    x, y = data.draw(pairs(shape, low=0.001, high=1))
    y = np.log(y) if log_target else y
    agree(*twins("KLDivLoss", dtype, reduction=reduction, log_target=log_target), np.log(x), np.asarray(y), dtype=dtype)


def test_kl_div_with_a_zero_target() -> None:
    x, y = np.array([-1.0, -2.0]), np.array([0.0, 1.0])
    agree(*twins("KLDivLoss", "float64", reduction="sum"), x, y, dtype="float64", constants=[1])
