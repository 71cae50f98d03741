"""The kernel of `gru_states`; gates are in the order r, z, n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...backend import Array, xp
from ..blas import one_thread
from .steps import before, common_dtype, needed, sigmoid_, steps


@one_thread
def gru_states(
    x: Array, h0: Array, weight: Array, bias: Array | None = None, *, sizes: Sequence[int], reverse: bool = False
) -> Array:
    lib = xp(x)
    dtype = common_dtype(x, h0, weight, bias)
    out = lib.empty((len(x) + len(h0), h0.shape[1]), dtype)
    h = h0.astype(dtype)  # the states of all sequences; those that have ended stay
    for rows in steps(sizes, reverse):
        n = rows.stop - rows.start
        _, z, new, _ = _gates(x[rows], h[:n], weight, bias)
        h[:n] -= new
        h[:n] *= z
        h[:n] += new  # (1 - z) new + z h
        out[rows] = h[:n]
    out[len(x) :] = h
    return out


@one_thread
def gru_states_backward(
    grad: Array,
    needs: list[bool],
    x: Array,
    h0: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    out: Array,
    sizes: Sequence[int],
    reverse: bool = False,
) -> tuple[Any, ...]:
    lib, (n_rows, hidden) = xp(x), (len(x), h0.shape[1])
    h_before = before(out[:n_rows], h0, sizes, reverse)
    r, z, new, through_r = _gates(x, h_before, weight, bias)
    dx = lib.empty((n_rows, 3, hidden), out.dtype)  # dh/d(gate), from here on
    dx[:, 2] = (1 - z) * (1 - new * new)
    dx[:, 0] = dx[:, 2] * through_r * (r * (1 - r))
    dx[:, 1] = (h_before - new) * (z * (1 - z))
    dproduct = dx.copy()  # the same by the product with the state, where r stands before the last
    dproduct[:, 2] *= r
    dh = grad[n_rows:].copy()
    for rows in reversed(steps(sizes, reverse)):
        n = rows.stop - rows.start
        dh_n = dh[:n]
        dh_n += grad[rows]
        dx[rows] *= dh_n[:, None]
        dproduct[rows] *= dh_n[:, None]
        dh_n *= z[rows]
        dh_n += dproduct[rows].reshape(n, 3 * hidden).dot(weight)
    dx, dproduct = dx.reshape(n_rows, 3 * hidden), dproduct.reshape(n_rows, 3 * hidden)
    dweight = dproduct.T.dot(h_before) if needs[2] else None
    dbias = dproduct.sum(axis=0) if bias is not None else None
    return needed((dx, dh, dweight, dbias), needs)


def _gates(x: Array, h: Array, weight: Array, bias: Array | None) -> tuple[Array, Array, Array, Array]:
    """r, z, the new state, and the part of the product with the state that r multiplies: (n, hidden) each."""
    hidden = h.shape[1]
    product = h.dot(weight.T)  # (n, 3 hidden)
    if bias is not None:
        product += bias
    through_r = product[:, 2 * hidden :]
    rz = sigmoid_(product[:, : 2 * hidden] + x[:, : 2 * hidden])
    r, z = rz[:, :hidden], rz[:, hidden:]
    new = r * through_r
    new += x[:, 2 * hidden :]
    xp(x).tanh(new, out=new)
    return r, z, new, through_r
