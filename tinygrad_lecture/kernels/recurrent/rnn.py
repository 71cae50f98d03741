"""The kernel of `rnn_states`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...backend import Array, xp
from ..blas import one_thread
from .steps import before, common_dtype, needed, steps


@one_thread
def rnn_states(
    x: Array,
    h0: Array,
    weight: Array,
    *,
    sizes: Sequence[int],
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> Array:
    lib = xp(x)
    dtype = common_dtype(x, h0, weight)
    out = lib.empty((len(x) + len(h0), h0.shape[1]), dtype)
    h = h0.astype(dtype)  # the states of all sequences; those that have ended stay
    for rows in steps(sizes, reverse):
        n = rows.stop - rows.start
        new = h[:n].dot(weight.T)
        new += x[rows]
        if nonlinearity == "tanh":
            lib.tanh(new, out=new)
        else:
            lib.maximum(new, 0, out=new)
        out[rows] = h[:n] = new
    out[len(x) :] = h
    return out


@one_thread
def rnn_states_backward(
    grad: Array,
    needs: list[bool],
    x: Array,
    h0: Array,
    weight: Array,
    *,
    out: Array,
    sizes: Sequence[int],
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> tuple[Any, ...]:
    n_rows, h = len(x), out[: len(x)]
    dx = 1 - h * h if nonlinearity == "tanh" else (h > 0).astype(out.dtype)  # the slopes, and below the gradient
    dh = grad[n_rows:].copy()
    for rows in reversed(steps(sizes, reverse)):
        n = rows.stop - rows.start
        dh[:n] += grad[rows]
        dx[rows] *= dh[:n]
        dh[:n] = dx[rows].dot(weight)
    dweight = dx.T.dot(before(h, h0, sizes, reverse)) if needs[2] else None
    return needed((dx, dh, dweight), needs)
