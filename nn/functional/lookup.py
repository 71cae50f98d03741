"""Embedding lookup: select rows of a table by integer index, one for each or the sum of several; similarity of rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.autograd.operands import constant
from tinygrad_lecture.backend import INT64, to_host
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.ops.composite import as_floats, named
from tinygrad_lecture.ops.indexing import index_get

from ..errors import check_indices
from .normalization import check_eps

__all__ = ["cosine_similarity", "embedding", "embedding_bag", "normalize", "pairwise_distance"]


@named
def embedding(
    input: Any, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """weight[input]: one row of the table for each integer.

    - `input`: integers of any shape, each from 0 to rows - 1; a Tensor, array or list.
    - `weight`: `(rows, features)`.
    - `padding_idx`: a row that gets no gradient; negative values count from the end.
    - `max_norm`: the rows that are selected are shortened to this length first, in place. The length is their
      `norm_type`-norm. On a GPU this waits for the device.
    - `sparse`: accepted; gradients are dense.

    Returns `(*input.shape, features)`.

    Raises TypeError unless the input has an integer dtype, IndexError for a row that does not exist (not checked on a
    GPU), ValueError for a weight of another number of axes and for scale_grad_by_freq, which is not here.
    """
    input = _checked("embedding", input, weight, scale_grad_by_freq)
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    found: Tensor = index_get(weight, (input._array,))  # (*input.shape, features)
    if padding_idx is None:
        return found
    padding = input == _padding_row("embedding", padding_idx, weight)
    return tl.where(tl.unsqueeze(padding, -1), found.detach(), found)  # type: ignore[no-any-return]


def embedding_bag(
    input: Any, weight: Tensor, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, *, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean, sum or largest of several rows of a table, `(bags, features)`: a text as the mean of its words.

    - `input`: integers, `(bags, size)`, or with offsets all bags one after the other, `(n,)`.
    - `weight`: `(rows, features)`.
    - `offsets`: `(bags,)`, where each bag begins in a vector `input`; the first is 0.
    - `mode`: "mean", "sum" or "max". An empty bag gives 0.
    - `padding_idx`: a row that is left out.

    The other arguments and errors are those of `embedding`. Raises ValueError for offsets or shapes that do not fit.
    (Joulin et al., arXiv:1607.01759, call it a bag of words.)
    """
    input = _checked("embedding_bag", input, weight, scale_grad_by_freq)
    if mode not in ("mean", "sum", "max"):
        raise TensorError(f'embedding_bag: mode must be "mean", "sum" or "max", not {mode!r}')
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    place, reached = _bags(input, offsets)  # (bags, longest) each
    counted = tl.tensor(reached, device=input.device)
    input = input.flatten()[place]
    if padding_idx is not None:
        counted = tl.logical_and(counted, input != _padding_row("embedding_bag", padding_idx, weight))
    rows = weight[input]  # (bags, longest, features)
    number = counted.sum(1, keepdims=True)  # (bags, 1)
    if mode == "max" and rows.shape[1]:
        largest = tl.where(counted.unsqueeze(-1), rows, -math.inf).amax(1)
        return tl.where(number == 0, 0, largest)  # type: ignore[no-any-return]
    total: Tensor = tl.where(counted.unsqueeze(-1), rows, 0).sum(1)  # (bags, features)
    return total if mode != "mean" else total / tl.clip(number, min=1).to(total.dtype)


def _bags(input: Tensor, offsets: Any) -> tuple[Any, Any]:
    """For each bag the places of its elements in the input, padded to the longest, and which of them are of the bag."""
    if input.ndim == 2 and offsets is None:
        place = np.arange(input.numel()).reshape(input.shape)
        return place, place >= 0
    if input.ndim != 1 or offsets is None:
        raise TensorError(
            "embedding_bag: input must be (bags, size) without offsets, or a vector of all bags with the offsets where "
            f"each begins, not {input.shape} {'without' if offsets is None else 'with'} offsets"
        )
    starts = np.asarray(to_host(offsets.array) if isinstance(offsets, Tensor) else offsets)
    n = len(input)
    ends = np.append(starts[1:], n)
    if starts.ndim != 1 or starts.dtype.kind not in "iu" or (len(starts) and starts[0] != 0) or (ends < starts).any():
        raise TensorError(f"embedding_bag: offsets must be integers from 0 on that do not fall, not {starts.tolist()}")
    step = np.arange((ends - starts).max(initial=0))
    place = starts[:, None] + step  # (bags, longest)
    reached = place < ends[:, None]
    return np.where(reached, place, 0), reached


def _checked(name: str, input: Any, weight: Tensor, scale_grad_by_freq: bool) -> Tensor:
    """The indices as a Tensor on the weight's device."""
    if weight.ndim != 2:
        raise TensorError(f"{name}: weight must have shape (rows, features), not {weight.shape}")
    if scale_grad_by_freq:
        raise TensorError(f"{name}: scale_grad_by_freq is not here; divide the gradient of each row by its count")
    device = weight.device
    here = isinstance(input, Tensor) and input.device == device
    indices: Tensor = input if here else tl.as_tensor(input, device=device)
    check_indices(name, indices, weight.shape[0], "rows")
    return indices if indices.dtype is INT64 else indices.long()  # in an index, uint8 would be a mask


def _padding_row(name: str, padding_idx: int, weight: Tensor) -> int:
    rows = weight.shape[0]
    if not -rows <= padding_idx < rows:
        raise IndexError(f"{name}: padding_idx {padding_idx} is out of range for {rows} rows")
    return padding_idx % rows


def _shorten_rows(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are selected to at most the length max_norm, in place."""
    max_norm, norm_type = constant(max_norm, "max_norm", "embedding"), constant(norm_type, "norm_type", "embedding")
    rows = np.unique(to_host(indices.array))
    with tl.no_grad():
        selected = weight[rows]
        lengths = tl.norm(selected, norm_type, -1, keepdims=True)
        weight[rows] = tl.where(lengths > max_norm, selected * (max_norm / (lengths + 1e-7)), selected)


# --- how alike two vectors are -------------------------------------------------------------------------------


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖_p, eps) along an axis: vectors of length 1 in the p-norm. The shape stays. ValueError for eps < 0."""
    check_eps("normalize", eps)
    lengths: Tensor = tl.clip(tl.norm(input, p, dim, keepdims=True), min=eps)
    return input / lengths


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along an axis, which is removed; inputs broadcast.

    This is the cosine of the angle between the vectors: 1 for the same direction, 0 for a right angle.
    Raises ValueError for a negative eps, or shapes that do not broadcast.
    """
    check_eps("cosine_similarity", eps)
    if x1.shape != x2.shape:
        shape = (x1 * x2).shape  # or an error that names both
        x1, x2 = x1.broadcast_to(shape), x2.broadcast_to(shape)
    return tl.sum(normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps), dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """‖x1 - x2 + eps‖_p along the last axis, which is removed unless keepdim; inputs broadcast.

    eps keeps the gradient finite where both are equal.
    """
    return tl.norm(as_floats(x1) - x2 + eps, p, -1, keepdims=keepdim)  # type: ignore[no-any-return]
