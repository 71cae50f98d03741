"""Layers against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import nn
from strategies import distinct, integers, numbers, shapes

torch = pytest.importorskip("torch")

from torch_parity import agree, dtypes, examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

F, TF = nn.functional, torch.nn.functional
sizes = st.integers(1, 5)
batches = shapes(max_dims=2)


@examples
@given(st.data(), dtypes, sizes, sizes, st.booleans())
def test_linear(data: st.DataObject, dtype: str, n_in: int, n_out: int, bias: bool) -> None:
    x = data.draw(numbers((*data.draw(batches), n_in)))
    agree(nn.Linear(n_in, n_out, bias), torch.nn.Linear(n_in, n_out, bias), x, dtype=dtype)


@examples
@given(st.data(), dtypes, sizes, sizes)
def test_embedding(data: st.DataObject, dtype: str, rows: int, features: int) -> None:
    padding = data.draw(st.none() | st.integers(-rows, rows - 1))
    tokens = data.draw(integers(data.draw(batches), 0, rows))
    ours, theirs = nn.Embedding(rows, features, padding), torch.nn.Embedding(rows, features, padding)
    if padding is not None:
        assert not ours.weight.detach()[padding].numpy().any()
    agree(ours, theirs, tokens, dtype=dtype)
    weight = data.draw(numbers((rows, features)))  # with a padding row that is not 0
    agree(
        lambda x, w: F.embedding(x, w, padding), lambda x, w: TF.embedding(x, w, padding), tokens, weight, dtype=dtype
    )


@examples
@given(st.data(), dtypes, st.sampled_from([1.0, 2.0, np.inf]))
def test_embedding_with_a_largest_norm(data: st.DataObject, dtype: str, norm_type: float) -> None:
    tokens = data.draw(integers(data.draw(batches), 0, 4))
    settings = {"max_norm": 0.7, "norm_type": norm_type}
    agree(nn.Embedding(4, 3, **settings), torch.nn.Embedding(4, 3, **settings), tokens, dtype=dtype)


@examples
@given(st.data(), dtypes, st.sampled_from(["mean", "sum", "max"]), st.booleans(), st.booleans())
def test_embedding_bag(data: st.DataObject, dtype: str, mode: str, padded: bool, last: bool) -> None:
    settings: dict[str, Any] = {"mode": mode, "padding_idx": 1 if padded else None}
    n = data.draw(st.integers(0, 5))
    offsets = np.sort(data.draw(integers((data.draw(st.integers(0, 3)),), 0, n + 1)))
    offsets = np.concatenate([[0], offsets, [n] if last else []]).astype(int)
    given_ = [data.draw(integers((n,), 0, 4)), offsets]
    if mode == "sum" and data.draw(st.booleans()):
        given_.append(data.draw(numbers((n,))))
    ours, theirs = (m.EmbeddingBag(4, 3, include_last_offset=last, **settings) for m in (nn, torch.nn))
    agree(ours, theirs, *given_, dtype=dtype)
    whole = data.draw(integers((data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))), 0, 4))
    agree(nn.EmbeddingBag(4, 3, **settings), torch.nn.EmbeddingBag(4, 3, **settings), whole, dtype=dtype)


@examples
@given(st.data(), dtypes, st.booleans(), st.booleans(), st.sampled_from([1e-5, 1e-3]))
def test_layer_norm(data: st.DataObject, dtype: str, affine: bool, bias: bool, eps: float) -> None:
    normalized = data.draw(shapes(min_dims=1, max_dims=2, min_side=1))
    assume(dtype == "float64" or np.prod(normalized) > 1)  # for a single number PyTorch's gradient is only nearly 0
    x = data.draw(distinct((*data.draw(batches), *normalized), step=2.0))  # close numbers magnify rounding
    shape: Any = normalized[0] if len(normalized) == 1 and data.draw(st.booleans()) else normalized
    ours, theirs = (module.LayerNorm(shape, eps, affine, bias) for module in (nn, torch.nn))
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    agree(ours, theirs, x, dtype=dtype)


@examples
@given(st.data(), dtypes, st.booleans(), st.sampled_from([None, 1e-3]))
def test_rms_norm(data: st.DataObject, dtype: str, affine: bool, eps: float | None) -> None:
    normalized = data.draw(shapes(min_dims=1, max_dims=2, min_side=1))
    x = data.draw(distinct((*data.draw(batches), *normalized), start=-1.1))
    ours, theirs = (module.RMSNorm(normalized, eps, affine) for module in (nn, torch.nn))
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    agree(ours, theirs, x, dtype=dtype)


@examples
@given(st.data(), dtypes, st.sampled_from([0.0, 0.3, 1.0]))
def test_dropout_without_chance(data: st.DataObject, dtype: str, p: float) -> None:
    x = data.draw(numbers(data.draw(shapes())))
    training = p != 0.3 and data.draw(st.booleans())
    agree(nn.Dropout(p).train(training), torch.nn.Dropout(p).train(training), x, dtype=dtype)


@examples
@given(st.data(), dtypes)
def test_flatten_and_unflatten(data: st.DataObject, dtype: str) -> None:
    shape = data.draw(shapes(min_dims=1, max_dims=4))
    x = data.draw(numbers(shape))
    start = data.draw(st.integers(0, len(shape) - 1))
    end = data.draw(st.integers(start, len(shape) - 1)) - data.draw(st.sampled_from([0, len(shape)]))
    agree(nn.Flatten(start, end), torch.nn.Flatten(start, end), x, dtype=dtype)
    parts = data.draw(st.sampled_from([(1, shape[start]), (shape[start], 1, 1), (1, -1)]))
    if -1 not in parts or x.size:
        agree(nn.Unflatten(start, parts), torch.nn.Unflatten(start, parts), x, dtype=dtype)


@examples
@given(st.data(), dtypes)
def test_a_network_of_all_layers(data: st.DataObject, dtype: str) -> None:
    """Several layers deep, from tokens to log-probabilities."""
    tokens = data.draw(integers((3, 4), 0, 7))

    def build(module: Any) -> Any:
        return module.Sequential(
            module.Embedding(7, 6, padding_idx=0),
            module.LayerNorm(6),
            module.Sequential(module.Linear(6, 8), module.GELU(approximate="tanh"), module.Linear(8, 6, bias=False)),
            module.RMSNorm(6, eps=1e-6),
            module.Flatten(),
            module.Softplus(),
            module.Linear(24, 2),
            module.LogSoftmax(dim=-1),
        )

    agree(build(nn), build(torch.nn), tokens, dtype=dtype)
