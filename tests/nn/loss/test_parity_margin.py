"""The losses with a margin, and the likelihoods, against PyTorch's: every setting, and the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import integers, numbers, shapes

torch = pytest.importorskip("torch")

from torch_parity import agree, dtypes, examples, pairs  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

reductions = st.sampled_from(["mean", "sum", "none"])
margins = st.sampled_from([0.0, 0.3, 1.0])
vectors = shapes(min_dims=1, max_dims=2, min_side=1)


def twins(name: str, dtype: str = "float64", weight: Any = None, **settings: Any) -> tuple[Any, Any]:
    """(ours, theirs) with the same settings and weight."""
    if weight is None:
        return getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings)
    weight = weight.astype(dtype)
    ours = getattr(nn, name)(weight=tl.tensor(weight), **settings)
    return ours, getattr(torch.nn, name)(weight=torch.tensor(weight), **settings)


def signs(data: st.DataObject, shape: tuple[int, ...]) -> Any:
    """Targets of 1 and -1, integers."""
    return 2 * data.draw(integers(shape, 0, 2)) - 1


@examples
@given(st.data(), dtypes, reductions, margins)
def test_margin_ranking(data: st.DataObject, dtype: str, reduction: str, margin: float) -> None:
    shape = data.draw(shapes(min_side=1))
    x, y = data.draw(pairs(shape))
    target = signs(data, data.draw(st.sampled_from([shape, (1,) * len(shape)])))
    agree(*twins("MarginRankingLoss", margin=margin, reduction=reduction), x, y, target, dtype=dtype)


@examples
@given(st.data(), dtypes, reductions, margins)
def test_hinge_embedding_and_soft_margin(data: st.DataObject, dtype: str, reduction: str, margin: float) -> None:
    shape = data.draw(shapes(min_side=1))
    x, target = data.draw(numbers(shape)), signs(data, shape)
    agree(*twins("HingeEmbeddingLoss", margin=margin, reduction=reduction), x, target, dtype=dtype)
    agree(*twins("SoftMarginLoss", reduction=reduction), x, target.astype(float), dtype=dtype, constants=[1])


@examples
@given(st.data(), dtypes, reductions, st.sampled_from([-0.5, 0.0, 0.4]))
def test_cosine_embedding(data: st.DataObject, dtype: str, reduction: str, margin: float) -> None:
    shape = data.draw(vectors)
    x, y = data.draw(pairs(shape, away_from=[0]))
    target = signs(data, shape[:-1])
    agree(*twins("CosineEmbeddingLoss", margin=margin, reduction=reduction), x, y, target, dtype=dtype)


@examples
@given(st.data(), dtypes, reductions, st.sampled_from([0.3, 1.0]), st.sampled_from([1.0, 2.0, 3.0]), st.booleans())
def test_triplets(data: st.DataObject, dtype: str, reduction: str, margin: float, p: float, swap: bool) -> None:
    anchor, positive, negative = data.draw(numbers((3, *data.draw(vectors))))
    settings = {"margin": margin, "p": p, "swap": swap, "reduction": reduction}
    agree(*twins("TripletMarginLoss", **settings), anchor, positive, negative, dtype=dtype)


@examples
@given(st.data(), dtypes, reductions, margins, st.sampled_from([1, 2]))
def test_multi_margin(data: st.DataObject, dtype: str, reduction: str, margin: float, p: int) -> None:
    shape = data.draw(vectors)
    weight = data.draw(st.none() | numbers(shape[-1:], low=0.2, high=3))
    target = np.asarray(data.draw(integers(shape[:-1], 0, shape[-1])))
    ours, theirs = twins("MultiMarginLoss", dtype, weight, p=p, margin=margin, reduction=reduction)
    agree(ours, theirs, data.draw(numbers(shape)), target, dtype=dtype)


@examples
@given(st.data(), dtypes, reductions)
def test_multilabel_soft_margin(data: st.DataObject, dtype: str, reduction: str) -> None:
    shape = data.draw(vectors)
    weight = data.draw(st.none() | numbers(shape[-1:], low=0.2, high=3))
    target = np.asarray(data.draw(integers(shape, 0, 2)), float)
    ours, theirs = twins("MultiLabelSoftMarginLoss", dtype, weight, reduction=reduction)
    agree(ours, theirs, 5 * data.draw(numbers(shape)), target, dtype=dtype, constants=[1])


@examples
@given(st.data(), dtypes, reductions, st.booleans(), st.booleans())
def test_poisson(data: st.DataObject, dtype: str, reduction: str, log_input: bool, full: bool) -> None:
    shape = data.draw(shapes(min_side=1))
    x, y = data.draw(numbers(shape, low=-2 if log_input else 0, high=2)), data.draw(integers(shape, 0, 6))
    settings = {"log_input": log_input, "full": full, "reduction": reduction}
    agree(*twins("PoissonNLLLoss", **settings), x, y.astype(float), dtype=dtype, constants=[1])


@examples
@given(st.data(), dtypes, reductions, st.booleans())
def test_gaussian(data: st.DataObject, dtype: str, reduction: str, full: bool) -> None:
    shape = data.draw(vectors)
    x, y = data.draw(pairs(shape))
    var = data.draw(numbers(data.draw(st.sampled_from([shape, (*shape[:-1], 1), shape[:-1]])), low=0, high=2))
    agree(*twins("GaussianNLLLoss", full=full, eps=0.1, reduction=reduction), x, y, var, dtype=dtype)
    agree(
        lambda x, y: nn.functional.gaussian_nll_loss(x, y, 0.5),
        lambda x, y: torch.nn.functional.gaussian_nll_loss(x, y, 0.5),
        *(x, y),
        dtype=dtype,
    )
