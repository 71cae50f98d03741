"""Kernels of recurrent networks; ops/recurrent.py has the formulas. Gates are in the order r, z, n and i, f, g, o.

Only the product with the weights of the state must wait for the step before. Forward keeps the gates of all steps.
Backward computes their slopes at once, so that its loop through time is little more than a product per step; or, with
Numba, in a loop per step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from ..backend import Array, DType, xp
from .blas import one_thread
from .compiled import compiles
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
        new = h.dot(weight_t)
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
    activate = _loop("gru", gates, h) or _gru_step

    def step(gates: Array, h: Array) -> None:
        product = h.dot(weight_t)
        if bias is not None:
            product += bias
        activate(gates, product, h)

    out = over_time(step, gates, h, sizes, reverse)
    return (out, gates) if keep else out


def _gru_step(gates: Array, product: Array, h: Array) -> None:
    """The next state. gates: (n, 4 hidden), the inputs of three, which are replaced.  product: (n, 3 hidden)."""
    two = 2 * h.shape[1]
    gates[:, :two] += product[:, :two]
    sigmoid_(gates[:, :two])
    gates[:, two + h.shape[1] :] = product[:, two:]
    r, z, new, through_r = _parts(gates)
    new += r * through_r
    xp(h).tanh(new, out=new)
    h -= new
    h *= z
    h += new  # (1 - z) new + z h


@one_thread
def gru_states_backward(
    grad: Array, needs: Needs, x: Array, h0: Array, weight: Array, bias: Array | None = None, *, out: Array,
    kept: Array, sizes: Sizes, reverse: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    lib, (n_rows, hidden) = xp(x), (len(x), h0.shape[1])
    h_before = before(out[:n_rows], h0, sizes, reverse)
    dx, dproduct = lib.empty((2, n_rows, 3 * hidden), out.dtype)
    dh = grad[n_rows:].copy()
    loop = _loop("gru_backward", kept, grad, dh)
    if loop is None:
        r, z, new, through_r = _parts(kept)
        slopes, slopes_of_product = dx.reshape(n_rows, 3, hidden), dproduct.reshape(n_rows, 3, hidden)  # views
        slopes[:, 2] = (1 - z) * (1 - new * new)
        slopes[:, 0] = slopes[:, 2] * through_r * (r * (1 - r))
        slopes[:, 1] = (h_before - new) * (z * (1 - z))
        dproduct[:] = dx  # the same by the product with the state, where r stands before the last
        slopes_of_product[:, 2] *= r
    for rows in reversed(steps(sizes, reverse)):
        dh_n = dh[: rows.stop - rows.start]
        if loop is not None:
            loop(kept[rows], h_before[rows], grad[rows], dh_n, dx[rows], dproduct[rows])
        else:
            dh_n += grad[rows]
            slopes[rows] *= dh_n[:, None]
            slopes_of_product[rows] *= dh_n[:, None]
            dh_n *= z[rows]
        dh_n += dproduct[rows].dot(weight)
    dweight = dproduct.T.dot(h_before) if needs[2] else None
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
    gates, weight_t = lib.array(x, states.dtype, order="C"), lib.ascontiguousarray(weight.T)
    activate = _loop("lstm", gates, states) or _lstm_step
    out = over_time(lambda x, s: activate(x, s[:, :hidden].dot(weight_t), s), gates, states, sizes, reverse)
    return (out, gates) if keep else out


def _lstm_step(gates: Array, product: Array, states: Array) -> None:
    """The next states, (n, 2 hidden). gates: (n, 4 hidden), the inputs, which are replaced.  product: (n, 4 hidden)."""
    lib, hidden = xp(gates), states.shape[1] // 2
    h, c = states[:, :hidden], states[:, hidden:]
    gates += product
    i, f, g, o = _parts(gates)
    sigmoid_(gates[:, : 2 * hidden])
    lib.tanh(g, out=g)
    sigmoid_(o)
    c *= f
    c += i * g
    lib.tanh(c, out=h)
    h *= o


@one_thread
def lstm_states_backward(
    grad: Array, needs: Needs, x: Array, h0: Array, c0: Array, weight: Array, *, out: Array, kept: Array, sizes: Sizes,
    reverse: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    lib, (n_rows, hidden) = xp(x), (len(x), h0.shape[1])
    states = before(out[:n_rows], lib.concatenate([h0, c0], axis=1), sizes, reverse)
    dx, dstates = lib.empty((n_rows, 4 * hidden), out.dtype), grad[n_rows:].copy()
    dh, dc = dstates[:, :hidden], dstates[:, hidden:]
    loop = _loop("lstm_backward", kept, grad, dstates, out)
    if loop is None:
        (i, f, g, o), (di, df, dg, do) = _parts(kept), _parts(dx)
        tanh_c = lib.tanh(out[:n_rows, hidden:])
        through_c = (1 - tanh_c * tanh_c) * o  # dh/dc
        lib.multiply(i * (1 - i), g, out=di)  # dc/d(gate i), as for f and g
        lib.multiply(f * (1 - f), states[:, hidden:], out=df)
        lib.multiply(1 - g * g, i, out=dg)
        lib.multiply(o * (1 - o), tanh_c, out=do)  # dh/d(gate o)
    for rows in reversed(steps(sizes, reverse)):
        n = rows.stop - rows.start
        if loop is not None:
            loop(kept[rows], out[rows], states[rows], grad[rows], dstates[:n], dx[rows])
        else:
            dstates[:n] += grad[rows]
            dc[:n] += dh[:n] * through_c[rows]
            slopes = dx[rows].reshape(n, 4, hidden)  # a view
            slopes[:, :3] *= dc[:n, None]
            slopes[:, 3] *= dh[:n]
            dc[:n] *= f[rows]
        dh[:n] = dx[rows].dot(weight)
    dweight = dx.T.dot(states[:, :hidden]) if needs[3] else None
    return needed((dx, dh, dc, dweight), needs)


def _parts(gates: Array) -> list[Array]:
    """Views of four that stand side by side, (n, hidden) each."""
    hidden = gates.shape[1] // 4
    return [gates[:, k * hidden : (k + 1) * hidden] for k in range(4)]


def _loop(name: str, *arrays: Array) -> Callable[..., None] | None:
    """The loop of this name, if it can be called with such arrays."""
    if not compiles(*arrays):
        return None
    from .compiled import loops

    return getattr(loops, name)  # type: ignore[no-any-return]
