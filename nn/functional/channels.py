"""The op `batch_norm`: channels normalised over all other axes, by the kernels that normalise rows."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.op import Value
from tinygrad_lecture.backend import Array, xp
from tinygrad_lecture.kernels.arrays import row_products, row_sums
from tinygrad_lecture.kernels.fused import centre, layer_norm, layer_norm_backward


@tl.fused
def batch_norm(x: Value, weight: Value = None, bias: Value = None, /, eps: float = 1e-5) -> Value:
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var of each channel, axis 1, over all other axes."""
    rows = tl.layer_norm(by_channel(x), eps=eps)
    rows = rows if weight is None else rows * weight.reshape(-1, 1)
    return _like(x, rows if bias is None else rows + bias.reshape(-1, 1))


def by_channel(x: Value) -> Value:
    """(batch, channels, ...) -> (channels, n)."""
    batch, channels, *axes = x.shape
    return tl.reshape(tl.swapaxes(x, 0, 1), (channels, batch * math.prod(axes)))


def _like(x: Value, rows: Value) -> Value:
    """(channels, n) -> (batch, channels, ...), the shape of x."""
    batch, channels, *axes = x.shape
    return tl.swapaxes(tl.reshape(rows, (channels, batch, *axes)), 0, 1)


def _forward(
    x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5, *, keep: bool = False
) -> Any:
    rows, kept = layer_norm(by_channel(x), eps=eps, keep=True)
    rows = rows if weight is None else rows * weight[:, None]
    y = xp(x).ascontiguousarray(_like(x, rows if bias is None else rows + bias[:, None]))
    return (y, kept) if keep else y


def _backward(
    g: Array, needs: list[bool], x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5,
    *, kept: tuple[Array, Array],
) -> tuple[Any, ...]:  # fmt: skip
    g, rows = by_channel(g), by_channel(x)
    offset, scale = kept
    dbias = row_sums(g)[:, 0] if any(needs[2:]) else None
    dweight = (row_products(g, centre(rows, offset)[0]) * scale)[:, 0] if any(needs[1:2]) else None
    upstream = g if weight is None else g * weight[:, None]
    (dx,) = layer_norm_backward(upstream, [True], rows, eps=eps, kept=kept) if needs[0] else (None,)
    return (None if dx is None else _like(x, dx), dweight, dbias)[: len(needs)]


batch_norm.kernel(_forward, _backward, views=False)
