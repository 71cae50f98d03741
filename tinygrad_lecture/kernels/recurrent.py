"""Kernels of recurrent networks; ops/recurrent.py has the formulas. Gates are in the order r, z, n and i, f, g, o.

Only the product with the weights of the state must wait for the step before. A backward function computes the gates of
all steps again, at once, and keeps of each only its slope; the loop backwards through time is a product per step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from ..backend import Array, DType, xp
from .blas import one_thread
from .fused import Needs

Sizes: TypeAlias = Sequence[int]  # how many sequences reach each step; they are sorted, the longest first


def steps(sizes: Sizes, reverse: bool = False) -> list[slice]:
    """The rows of each step, in the order in which a network goes through them: backwards with `reverse`."""
    found = [slice(end - n, end) for n, end in zip(sizes, accumulate(sizes), strict=True)]
    return found[::-1] if reverse else found


def over_time(step: Callable[[Array, Array], None], x: Array, state: Array, sizes: Sizes, reverse: bool) -> Array:
    """The states after each step, (rows, k), and below them the final ones, (batch, k).

    step(rows of x, states): writes the new states over the old ones.  state: the first states, which are overwritten;
    those of sequences that have ended stay.
    """
    out = xp(x).empty((len(x) + len(state), state.shape[1]), state.dtype)
    for rows in steps(sizes, reverse):
        now = state[: rows.stop - rows.start]
        step(x[rows], now)
        out[rows] = now
    out[len(x) :] = state
    return out


def before(after: Array, state: Array, sizes: Sizes, reverse: bool) -> Array:
    """The state before each step, (rows, k), from those after each step, (rows, k), and the first, (batch, k)."""
    found, state = xp(after).empty_like(after), state.astype(after.dtype)
    for rows in steps(sizes, reverse):
        n = rows.stop - rows.start
        found[rows] = state[:n]
        state[:n] = after[rows]
    return found


def common_dtype(*arrays: Array | None) -> DType:
    """The dtype of a result of arrays, of which some may be None."""
    return np.result_type(*(array.dtype for array in arrays if array is not None))


def needed(gradients: Sequence[Any], needs: Sequence[bool]) -> tuple[Any, ...]:
    """The gradients, with None where none is needed; an optional input that was left out has no place in `needs`."""
    return tuple(g if need else None for g, need in zip(gradients, needs, strict=False))


def sigmoid_(x: Array) -> Array:
    """The sigmoid of x, in place: exp(x) / (exp(x) + 1), without overflow."""
    lib = xp(x)
    lib.minimum(x, _LARGEST_EXPONENT.get(x.dtype, 709.0), out=x)
    lib.exp(x, out=x)
    x /= x + 1
    return x


_LARGEST_EXPONENT = {np.dtype(np.float32): 88.0}


# --- the plain network --------------------------------------------------------------------------------------


@one_thread
def rnn_states(
    x: Array, h0: Array, weight: Array, *, sizes: Sizes, reverse: bool = False, nonlinearity: str = "tanh"
) -> Array:
    lib = xp(x)

    def step(x: Array, h: Array) -> None:
        new = h.dot(weight.T)
        new += x
        if nonlinearity == "tanh":
            lib.tanh(new, out=h)
        else:
            lib.maximum(new, 0, out=h)

    return over_time(step, x, h0.astype(common_dtype(x, h0, weight)), sizes, reverse)


@one_thread
def rnn_states_backward(
    grad: Array, needs: Needs, x: Array, h0: Array, weight: Array, *, out: Array, sizes: Sizes,
    reverse: bool = False, nonlinearity: str = "tanh",
) -> tuple[Any, ...]:  # fmt: skip
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


# --- GRU ----------------------------------------------------------------------------------------------------


@one_thread
def gru_states(
    x: Array, h0: Array, weight: Array, bias: Array | None = None, *, sizes: Sizes, reverse: bool = False
) -> Array:
    def step(x: Array, h: Array) -> None:
        _, z, new, _ = _gates(x, h, weight, bias)
        h -= new
        h *= z
        h += new  # (1 - z) new + z h

    return over_time(step, x, h0.astype(common_dtype(x, h0, weight, bias)), sizes, reverse)


@one_thread
def gru_states_backward(
    grad: Array, needs: Needs, x: Array, h0: Array, weight: Array, bias: Array | None = None, *, out: Array,
    sizes: Sizes, reverse: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
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


# --- LSTM ---------------------------------------------------------------------------------------------------


@one_thread
def lstm_states(x: Array, h0: Array, c0: Array, weight: Array, *, sizes: Sizes, reverse: bool = False) -> Array:
    lib, hidden = xp(x), h0.shape[1]

    def step(x: Array, states: Array) -> None:
        h, c = states[:, :hidden], states[:, hidden:]
        gates = h.dot(weight.T)  # (n, 4 hidden)
        gates += x
        i, f, g, o = _activated(gates)
        g *= i
        c *= f
        c += g
        lib.tanh(c, out=h)
        h *= o

    states = lib.concatenate([h0, c0], axis=1).astype(common_dtype(x, h0, c0, weight), copy=False)
    return over_time(step, x, states, sizes, reverse)


@one_thread
def lstm_states_backward(
    grad: Array, needs: Needs, x: Array, h0: Array, c0: Array, weight: Array, *, out: Array, sizes: Sizes,
    reverse: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
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
