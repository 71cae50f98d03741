"""Functions without a layer, against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import distinct, integers, numbers, shapes

torch = pytest.importorskip("torch")

from torch_parity import agree, dtypes, examples, pairs  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

F, TF = nn.functional, torch.nn.functional
batches = shapes(max_dims=2)


@examples
@given(st.integers(0, 1000), st.sampled_from([0.1, 0.5, 0.9]))
def test_dropout_keeps_and_scales_alike(seed: int, p: float) -> None:
    tl.manual_seed(seed)
    torch.manual_seed(seed)
    n = 10_000
    ours = F.dropout(tl.ones(n, dtype=tl.float64), p).numpy()
    theirs = TF.dropout(torch.ones(n, dtype=torch.float64), p).numpy()
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-12)
    spread = (n * p * (1 - p)) ** 0.5
    for mask in (ours, theirs):
        assert abs(np.count_nonzero(mask) - n * (1 - p)) < 6 * spread


@examples
@given(st.data(), dtypes, st.sampled_from([1.0, 2.0, 3.0, np.inf]))
def test_normalize(data: st.DataObject, dtype: str, p: float) -> None:
    shape = data.draw(shapes(min_dims=1, min_side=1))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = data.draw(distinct(shape, start=0.5))
    agree(lambda x: F.normalize(x, p, dim), lambda x: TF.normalize(x, p, dim), x, dtype=dtype)


@examples
@given(st.data(), dtypes)
def test_cosine_similarity(data: st.DataObject, dtype: str) -> None:
    shape = data.draw(shapes(min_dims=1, min_side=1))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    x, y = data.draw(pairs(shape, away_from=[0]))
    agree(lambda x, y: F.cosine_similarity(x, y, dim), lambda x, y: TF.cosine_similarity(x, y, dim), x, y, dtype=dtype)


@examples
@given(st.data(), dtypes, st.sampled_from([1.0, 2.0, 3.0, np.inf]), st.booleans())
def test_pairwise_distance(data: st.DataObject, dtype: str, p: float, keepdim: bool) -> None:
    shape = data.draw(shapes(min_dims=1, min_side=1))
    x, y = data.draw(distinct(shape)), data.draw(distinct(shape, start=5, step=0.7))
    agree(nn.PairwiseDistance(p, keepdim=keepdim), torch.nn.PairwiseDistance(p, keepdim=keepdim), x, y, dtype=dtype)


@examples
@given(st.data(), dtypes, st.sampled_from([0.0, 1.5]))
def test_pad(data: st.DataObject, dtype: str, value: float) -> None:
    shape = data.draw(shapes(min_dims=1, min_side=2))
    axes = data.draw(st.integers(1, len(shape)))
    widths = data.draw(st.lists(st.integers(-1, 2), min_size=2 * axes, max_size=2 * axes))
    x = data.draw(numbers(shape))
    agree(lambda x: F.pad(x, widths, value=value), lambda x: TF.pad(x, widths, value=value), x, dtype=dtype)


@examples
@given(st.data(), st.integers(3, 6))
def test_one_hot(data: st.DataObject, classes: int) -> None:
    x = data.draw(integers(data.draw(batches), 0, 3))
    agree(lambda x: F.one_hot(x, classes), lambda x: TF.one_hot(x, classes), x, dtype="float64")
