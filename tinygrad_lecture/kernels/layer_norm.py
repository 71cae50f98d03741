"""Layer normalisation of rows; the formula is in ops/fused.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, xp
from .compiled import compiles
from .fused import Needs, in_place
from .pieces import row_slices, share_rows
from .product import as_rows, column_sums, row_products, row_sums


def check_weights(x: Array, weight: Array | None, bias: Array | None, axes: int, eps: float) -> None:
    """Raise ValueError unless the weight and bias have the shape of x's last axes, and eps is 0 or more."""
    if not eps >= 0:
        raise ValueError(f"eps must be 0 or more, not {eps}")
    if any(given is not None and given.shape != x.shape[x.ndim - axes :] for given in (weight, bias)):
        raise ValueError("the weight or bias does not fit x")


def layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, axes: int = 1, eps: float = 1e-5, *,
    keep: bool = False,
) -> Any:  # fmt: skip
    """With keep=True also each row's mean and 1 / sqrt(var + eps), (rows, 1)."""
    check_weights(x, weight, bias, axes, eps)
    rows = as_rows(x, axes)
    if compiles(rows, weight, bias):
        y, mean, scale = _compiled(rows, _flat(weight), _flat(bias), eps)
        return (y.reshape(x.shape), (mean, scale)) if keep else y.reshape(x.shape)
    mean = row_sums(rows)
    mean /= max(rows.shape[1], 1)
    y = rows - mean
    scale = row_products(y, y)
    scale /= max(rows.shape[1], 1)
    scale += eps
    scale = 1 / xp(x).sqrt(scale)
    y *= scale
    y = y.reshape(x.shape)
    if weight is not None:
        y = in_place(xp(x).multiply, y, weight)
    if bias is not None:
        y = in_place(xp(x).add, y, bias)
    return (y, (mean, scale)) if keep else y


def layer_norm_backward(
    g: Array, needs: Needs, x: Array, weight: Array | None = None, bias: Array | None = None, axes: int = 1,
    eps: float = 1e-5, *, kept: tuple[Array, Array],
) -> tuple[Any, ...]:  # fmt: skip
    mean, scale = kept
    normalized = x.shape[x.ndim - axes :]
    g, rows = as_rows(g, axes), as_rows(x, axes)  # (rows, n)
    if compiles(rows, g, weight):
        dx, dweight, dbias = _compiled_backward(g, rows, _flat(weight), mean, scale)
        gradients = dx.reshape(x.shape), dweight.reshape(normalized), dbias.reshape(normalized)
        return tuple(gradient if need else None for gradient, need in zip(gradients, needs, strict=False))
    y = rows - mean  # normalised up to the factor scale
    gy = g * y
    dweight = column_sums(gy, scale).reshape(normalized) if len(needs) > 1 and needs[1] else None
    dbias = column_sums(g).reshape(normalized) if len(needs) > 2 and needs[2] else None
    dx = None
    if needs[0]:  # dx = scale (d - mean(d) - y scale² mean(d y)), where d = g weight
        n = max(y.shape[1], 1)
        y *= scale * scale * row_sums(gy, weight) / n
        dx = g * (1 if weight is None else weight.reshape(-1))
        dx -= row_sums(g, weight) / n
        dx -= y
        dx *= scale
        dx = dx.reshape(x.shape)
    return (dx, dweight, dbias)[: len(needs)]


def _flat(weight: Array | None) -> Array | None:
    return None if weight is None else weight.reshape(-1)


def _compiled(rows: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """The output, (rows, n), and each row's mean and 1 / sqrt(var + eps), (rows, 1). weight, bias: (n,)."""
    from .compiled import loops

    y, mean, scale = np.empty_like(rows), *np.empty((2, len(rows), 1), rows.dtype)

    def normalize(part: slice) -> None:
        loops.layer_norm(rows[part], weight, bias, np.float32(float(eps)), y[part], mean[part], scale[part])

    share_rows(normalize, rows)
    return y, mean, scale


def _compiled_backward(
    g: Array, rows: Array, weight: Array | None, mean: Array, scale: Array
) -> tuple[Array, Array, Array]:
    """The gradients with respect to x, (rows, n), and to the weight and bias, (n,)."""
    from .compiled import loops

    dx, slices = np.empty_like(rows), row_slices(rows)
    dweight, dbias = np.zeros((2, len(slices), rows.shape[1]), rows.dtype)  # of each slice

    def differentiate(part: slice) -> None:
        i = slices.index(part)
        loops.layer_norm_backward(g[part], rows[part], weight, mean[part], scale[part], dx[part], dweight[i], dbias[i])

    share_rows(differentiate, rows)
    return dx, dweight.sum(axis=0), dbias.sum(axis=0)
