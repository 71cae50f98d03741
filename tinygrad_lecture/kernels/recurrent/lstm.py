"""The kernel of `lstm_states`; gates are in the order i, f, g, o."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...backend import Array, xp
from ..blas import one_thread
from .steps import before, common_dtype, needed, sigmoid_, steps


@one_thread
def lstm_states(x: Array, h0: Array, c0: Array, weight: Array, *, sizes: Sequence[int], reverse: bool = False) -> Array:
    lib, (batch, hidden) = xp(x), h0.shape
    dtype = common_dtype(x, h0, c0, weight)
    out = lib.empty((len(x) + batch, 2 * hidden), dtype)
    h, c = h0.astype(dtype), c0.astype(dtype)  # the states of all sequences; those that have ended stay
    for rows in steps(sizes, reverse):
        n = rows.stop - rows.start
        gates = h[:n].dot(weight.T)  # (n, 4 hidden)
        gates += x[rows]
        i, f, g, o = _activated(gates)
        g *= i
        c[:n] *= f
        c[:n] += g
        lib.tanh(c[:n], out=h[:n])
        h[:n] *= o
        out[rows, :hidden], out[rows, hidden:] = h[:n], c[:n]
    out[len(x) :, :hidden], out[len(x) :, hidden:] = h, c
    return out


@one_thread
def lstm_states_backward(
    grad: Array,
    needs: list[bool],
    x: Array,
    h0: Array,
    c0: Array,
    weight: Array,
    *,
    out: Array,
    sizes: Sequence[int],
    reverse: bool = False,
) -> tuple[Any, ...]:
    lib, (n_rows, hidden) = xp(x), (len(x), h0.shape[1])
    states = before(out[:n_rows], lib.concatenate([h0, c0], axis=1), sizes, reverse)
    h_before, c_before = states[:, :hidden], states[:, hidden:]
    slopes = h_before.dot(weight.T)  # (rows, 4 hidden): the gates, and below their slopes
    slopes += x
    i, f, g, o = _activated(slopes)
    forget = f.copy()
    tanh_c = lib.tanh(out[:n_rows, hidden:])
    through_c = (1 - tanh_c * tanh_c) * o  # dh/dc
    o *= (1 - o) * tanh_c  # dh/d(gate o)
    f *= (1 - f) * c_before  # dc/d(gate f)
    i_ = i * (1 - i) * g  # dc/d(gate i)
    g[:] = (1 - g * g) * i  # dc/d(gate g)
    i[:] = i_
    dh, dc = grad[n_rows:, :hidden].copy(), grad[n_rows:, hidden:].copy()
    for rows in reversed(steps(sizes, reverse)):
        n = rows.stop - rows.start
        d, dh_n, dc_n = slopes[rows], dh[:n], dc[:n]
        dh_n += grad[rows, :hidden]
        dc_n += grad[rows, hidden:]
        dc_n += dh_n * through_c[rows]
        apart = d.reshape(n, 4, hidden)  # a view
        apart[:, :3] *= dc_n[:, None]
        apart[:, 3] *= dh_n
        dc_n *= forget[rows]
        dh_n[:] = d.dot(weight)
    dweight = slopes.T.dot(h_before) if needs[3] else None
    return needed((slopes, dh, dc, dweight), needs)


def _activated(gates: Array) -> list[Array]:
    """σ(i), σ(f), tanh(g), σ(o), in place: four views of the gates, (n, hidden) each."""
    hidden = gates.shape[1] // 4
    i, f, g, o = (gates[:, k * hidden : (k + 1) * hidden] for k in range(4))
    sigmoid_(gates[:, : 2 * hidden])
    xp(gates).tanh(g, out=g)
    sigmoid_(o)
    return [i, f, g, o]
