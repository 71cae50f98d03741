"""Kernels of recurrent networks; ops/fused.py has the formulas. Gates are in the order r, z, n and i, f, g, o.

Forward keeps the gates of all steps for backward. A step is a product with the weights of the state, and a function
of the rest. An LSTM has compiled code too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from ..backend import Array, DType, xp
from . import compiled
from .arrays import product
from .compiled import compiles
from .fused import Needs, needed
from .threads import blas_address, one_thread

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


def sigmoid_(x: Array) -> None:
    """Replace x by its sigmoid. exp(-x) may overflow: 1 / inf is 0."""
    lib = xp(x)
    x *= -1  # NumPy 2.4's negative is wrong in place where elements do not stand side by side
    lib.exp(x, out=x)
    x += 1
    lib.reciprocal(x, out=x)


# --- the plain network --------------------------------------------------------------------------------------


@one_thread
def rnn_states(
    x: Array, h0: Array, weight: Array, *, sizes: Sizes, reverse: bool = False, nonlinearity: str = "tanh"
) -> Array:
    lib = xp(x)
    weight_t = lib.ascontiguousarray(weight.T)

    def step(x: Array, h: Array) -> None:
        new = product(h, weight_t)
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
        dh[:n] = product(dx[rows], weight)
    dweight = product(dx.T, before(h, h0, sizes, reverse)) if needs[2] else None
    return needed((dx, dh, dweight), needs)


# --- GRU ----------------------------------------------------------------------------------------------------


@one_thread
@np.errstate(over="ignore")
def gru_states(
    x: Array, h0: Array, weight: Array, bias: Array | None = None, *, sizes: Sizes, reverse: bool = False,
    keep: bool = False,
) -> Any:  # fmt: skip
    """With keep=True also r, z, n and what r multiplies, side by side: (rows, 4 hidden)."""
    hidden, h = h0.shape[1], h0.astype(common_dtype(x, h0, weight, bias))
    gates = xp(x).empty((len(x), 4 * hidden), h.dtype)
    gates[:, : 3 * hidden] = x
    weight_t = xp(x).ascontiguousarray(weight.T)

    def step(gates: Array, h: Array) -> None:
        """gates: (n, 4 hidden), of three the inputs."""
        sums = product(h, weight_t)  # (n, 3 hidden)
        if bias is not None:
            sums += bias
        gates[:, : 2 * hidden] += sums[:, : 2 * hidden]
        sigmoid_(gates[:, : 2 * hidden])
        gates[:, 3 * hidden :] = sums[:, 2 * hidden :]
        r, z, new, through_r = _parts(gates)
        new += r * through_r
        xp(h).tanh(new, out=new)
        h -= new
        h *= z
        h += new  # (1 - z) new + z h

    out = over_time(step, gates, h, sizes, reverse)
    return (out, gates) if keep else out


@one_thread
def gru_states_backward(
    grad: Array, needs: Needs, x: Array, h0: Array, weight: Array, bias: Array | None = None, *, out: Array,
    kept: Array, sizes: Sizes, reverse: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    lib, (n_rows, hidden) = xp(x), (len(x), h0.shape[1])
    h_before = before(out[:n_rows], h0, sizes, reverse)
    dx, dproduct = lib.empty((2, n_rows, 3 * hidden), out.dtype)
    dh = grad[n_rows:].copy()
    for rows in reversed(steps(sizes, reverse)):
        h, dh_n = h_before[rows], dh[: rows.stop - rows.start]
        dh_n += grad[rows]
        r, z, new, through_r = _parts(kept[rows])
        dr, dz, dnew, _ = _parts(dx[rows], hidden)
        lib.multiply(dh_n * (1 - z), 1 - new * new, out=dnew)
        lib.multiply(dh_n * (h - new), z * (1 - z), out=dz)
        lib.multiply(dnew * through_r, r * (1 - r), out=dr)
        dproduct[rows] = dx[rows]
        dproduct[rows, 2 * hidden :] *= r
        dh_n *= z
        dh_n += product(dproduct[rows], weight)
    dweight = product(dproduct.T, h_before) if needs[2] else None
    dbias = dproduct.sum(axis=0) if bias is not None else None
    return needed((dx, dh, dweight, dbias), needs)


# --- LSTM ---------------------------------------------------------------------------------------------------


@one_thread
@np.errstate(over="ignore")
def lstm_states(
    x: Array, h0: Array, c0: Array, weight: Array, *, sizes: Sizes, reverse: bool = False, keep: bool = False
) -> Any:
    """With keep=True also σ(i), σ(f), tanh(g) and σ(o), side by side: (rows, 4 hidden)."""
    lib, hidden = xp(x), h0.shape[1]
    states = lib.concatenate([h0, c0], axis=1).astype(common_dtype(x, h0, c0, weight), copy=False)
    gates = lib.empty(x.shape, states.dtype)
    gates[:] = x
    if compiles(gates, states, weight) and blas_address("sgemm"):
        out, n_rows = np.empty((len(x) + len(h0), 2 * hidden), states.dtype), len(x)
        loops = compiled.recurrent
        loops.through_time(loops.lstm, weight, states, steps(sizes, reverse), gates, out)
        out[n_rows:] = states
        return (out, gates) if keep else out
    weight_t = lib.ascontiguousarray(weight.T)

    def step(gates: Array, states: Array) -> None:
        """gates: (n, 4 hidden), the inputs."""
        h, c = states[:, :hidden], states[:, hidden:]
        gates += product(h, weight_t)
        i, f, g, o = _parts(gates)
        sigmoid_(gates[:, : 2 * hidden])
        lib.tanh(g, out=g)
        sigmoid_(o)
        c *= f
        c += i * g
        lib.tanh(c, out=h)
        h *= o

    out = over_time(step, gates, states, sizes, reverse)
    return (out, gates) if keep else out


@one_thread
def lstm_states_backward(
    grad: Array, needs: Needs, x: Array, h0: Array, c0: Array, weight: Array, *, out: Array, kept: Array, sizes: Sizes,
    reverse: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    lib, (n_rows, hidden) = xp(x), (len(x), h0.shape[1])
    states = before(out[:n_rows], lib.concatenate([h0, c0], axis=1), sizes, reverse)
    dx, dstates = lib.empty((n_rows, 4 * hidden), out.dtype), grad[n_rows:].copy()
    back = steps(sizes, not reverse)
    if compiles(kept, out, states, dstates, grad, weight) and blas_address("sgemm"):
        compiled.recurrent.through_time(
            compiled.recurrent.lstm_backward, weight, dstates, back, kept, out, states, grad, dx
        )
        back = []
    for rows in back:
        now = dstates[: rows.stop - rows.start]
        now += grad[rows]
        (i, f, g, o), (di, df, dg, do) = _parts(kept[rows]), _parts(dx[rows])
        dh, dc, tanh_c = now[:, :hidden], now[:, hidden:], lib.tanh(out[rows, hidden:])
        dc += dh * o * (1 - tanh_c * tanh_c)
        lib.multiply(dh * tanh_c, o * (1 - o), out=do)
        lib.multiply(dc * g, i * (1 - i), out=di)
        lib.multiply(dc * states[rows, hidden:], f * (1 - f), out=df)
        lib.multiply(dc * i, 1 - g * g, out=dg)
        dc *= f
        dh[:] = product(dx[rows], weight)
    dh, dc = dstates[:, :hidden], dstates[:, hidden:]
    dweight = product(dx.T, states[:, :hidden]) if needs[3] else None
    return needed((dx, dh, dc, dweight), needs)


def _parts(gates: Array, hidden: int | None = None) -> list[Array]:
    """Views of four parts that stand side by side, (n, hidden) each; of three, the last is empty."""
    hidden = gates.shape[1] // 4 if hidden is None else hidden
    return [gates[:, k * hidden : (k + 1) * hidden] for k in range(4)]
