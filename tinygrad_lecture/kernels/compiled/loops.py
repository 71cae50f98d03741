"""Loops over elements, which Numba compiles: each beside the NumPy code that it stands for (`__init__.py` says when).

Most are tasks of `pool.py`, which compute one chunk of a job; `run_rows(loop, x, *others)` calls them for all chunks of
the rows of x. All arrays are float32 and C-contiguous. A loop writes its results into arrays that it is given. Tests
hold every loop to its NumPy code.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...backend import Array
from .pool import Task, inlined, loop, part, piece, row, summing, whole

f = np.float32


# --- exp ------------------------------------------------------------------------------------------------------------

_PER_LOG2 = f(1 / math.log(2))
_LOG2_HIGH, _LOG2_LOW = f(0.693359375), f(math.log(2) - 0.693359375)  # in two parts, so that r loses no digits
_ROUND = f(1.5 * 2**23 + 127)  # adding it rounds to an integer; 127 is what the bits of a float add to its exponent
_HIGHEST, _LOWEST = f(88.3), f(-87.3)
_SERIES = tuple(
    map(f, (5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4))
)


@inlined
def exp(x: Any) -> Any:
    """e^x to 1e-7 of it; 0 below -87.3, inf above 88.3. No branch and no call, so that a processor computes 16 at once.

    x = n log(2) + r with an integer n, so e^x = 2^n e^r. e^r is a polynomial (Moshier, Cephes, `expf`), and n becomes
    the exponent of a float by a shift of its bits.
    """
    shifted = x * _PER_LOG2 + _ROUND
    n = shifted - _ROUND
    r = (x - n * _LOG2_HIGH) - n * _LOG2_LOW
    c = _SERIES
    series = ((((c[5] * r + c[4]) * r + c[3]) * r + c[2]) * r + c[1]) * r + c[0]
    power = f(np.int32(f(shifted).view(np.int32) << 23).view(np.float32))  # 2^n
    y = (series * (r * r) + r + f(1)) * power
    y = f(0) if x < _LOWEST else y
    return f(math.inf) if x > _HIGHEST else y


# --- gelu.py --------------------------------------------------------------------------------------------------------

_DENSITY = f(1 / math.sqrt(2 * math.pi))


@Task
def gelu(job: int, chunk: int) -> None:
    """x gate(x) and its derivative, with the gate by the normal distribution.

    Arrays x, out, slope or None: (n,); the coefficients of C and the x² beyond which C is constant.
    """
    x, out, slope, odds = piece(job, 0, chunk), piece(job, 1, chunk), piece(job, 2, chunk), whole(job, 3)
    end = odds[7]
    for i in range(x.size):
        v = x[i]
        square = v * v
        s = end if square > end else square
        c = (((((odds[6] * s + odds[5]) * s + odds[4]) * s + odds[3]) * s + odds[2]) * s + odds[1]) * s + odds[0]
        gate = f(1) / (f(1) + exp(c * v))
        out[i] = v * gate
        if slope.size:
            slope[i] = gate + v * (exp(square * f(-0.5)) * _DENSITY)


# --- fused.py -------------------------------------------------------------------------------------------------------


@inlined
def less_mean(x: Any, first: Any, offset: Any) -> Any:
    """See `centre` in fused.py. In a function of its own, since `summing` would let the compiler add first + offset."""
    return (x - first) - offset


@summing
def row_sum(row: Array, first: Any) -> Any:
    total = f(0)
    for j in range(row.size):
        total += less_mean(row[j], first, f(0))
    return total


@summing
def centred_squares(row: Array, first: Any, offset: Any) -> Any:
    total = f(0)
    for j in range(row.size):
        y = less_mean(row[j], first, offset)
        total += y * y
    return total


@Task
def layer_norm(job: int, chunk: int) -> None:
    """Arrays x, y: (rows, n); weight, bias or None: (n,); offset, scale: (rows, 1); eps and whether centred: (2,)."""
    x, y, offset, scale = part(job, 0, chunk), part(job, 1, chunk), part(job, 4, chunk), part(job, 5, chunk)
    weight, bias, eps, centred = whole(job, 2), whole(job, 3), whole(job, 6)[0], whole(job, 6)[1]
    rows, n = x.shape
    for i in range(rows):
        first = x[i, 0] if centred else f(0)
        offset[i, 0] = row_sum(x[i], first) / f(n) if centred else f(0)
        scale[i, 0] = f(1) / np.sqrt(centred_squares(x[i], first, offset[i, 0]) / f(n) + eps)
        for j in range(n):
            out = less_mean(x[i, j], first, offset[i, 0]) * scale[i, 0]
            if weight.size:
                out *= weight[j]
            if bias.size:
                out += bias[j]
            y[i, j] = out


@Task
def layer_norm_backward(job: int, chunk: int) -> None:
    """Arrays g, x: (rows, n); weight or None: (n,); offset, scale: (rows, 1); dx: (rows, n); the chunks' own dweight
    and dbias: (chunks, n); whether it is centred: (1,)."""
    g, x, weight = part(job, 0, chunk), part(job, 1, chunk), whole(job, 2)
    offset, scale, dx = part(job, 3, chunk), part(job, 4, chunk), part(job, 5, chunk)
    dweight, dbias, centred = row(job, 6, chunk), row(job, 7, chunk), whole(job, 8)[0]
    dweight[:] = 0
    dbias[:] = 0
    rows, n = x.shape
    for i in range(rows):
        first, o, s = x[i, 0] if centred else f(0), offset[i, 0], scale[i, 0]
        for j in range(n):
            dweight[j] += g[i, j] * (less_mean(x[i, j], first, o) * s)
            dbias[j] += g[i, j]
        d, dy = gradient_sums(g, x, weight, i, first, o, s)
        d *= centred
        for j in range(n):
            own = g[i, j] * weight[j] if weight.size else g[i, j]
            dx[i, j] = s * (own - d / f(n) - less_mean(x[i, j], first, o) * s * (dy / f(n)))


@summing
def gradient_sums(g: Array, x: Array, weight: Array, i: int, first: Any, offset: Any, s: Any) -> Any:
    """The sums over a row of d and d y, where d = g weight and y is the normalised row."""
    d, dy = f(0), f(0)
    for j in range(x.shape[1]):
        own = g[i, j] * weight[j] if weight.size else g[i, j]
        d += own
        dy += own * (less_mean(x[i, j], first, offset) * s)
    return d, dy


_LOWEST_BITS = np.int32(np.float32(-math.inf).view(np.int32) ^ np.int32(2**31 - 1))


@inlined
def largest(row: Array) -> Any:
    """The largest number of a row, made finite if it is -inf; nan may be passed over.

    By the bits: those of floats are in order, of negative ones backwards. A processor compares 16 of them at once.
    """
    top = _LOWEST_BITS
    for bits in row.view(np.int32):
        top = max(top, bits ^ ((bits >> 31) & np.int32(2**31 - 1)))
    found = f(np.int32(top ^ ((top >> 31) & np.int32(2**31 - 1))).view(np.float32))
    return max(found, f(np.finfo(np.float32).min))


@inlined
def exponentials(row: Array, shift: Any) -> Any:
    """The row replaced by exp(row - shift); its sum."""
    for j in range(row.size):
        row[j] = exp(row[j] - shift)
    return row_sum(row, f(0))


@inlined
def softmax_row(row: Array) -> Any:
    """The row replaced by its softmax, one of -inf by 0; its largest number, and the sum of exponentials, 1 or more."""
    top = largest(row)
    total = exponentials(row, top)
    total = f(1) if total == 0 else total
    per_total = f(1) / total
    for j in range(row.size):
        row[j] *= per_total
    return top, total


@Task
def softmax(job: int, chunk: int) -> None:
    """The array's rows replaced by their softmax: (rows, n)."""
    x = part(job, 0, chunk)
    for i in range(len(x)):
        softmax_row(x[i])


@Task
def cross_entropy(job: int, chunk: int) -> None:
    """Each row of x, the logits, replaced by the derivative of its loss, softmax(x) - one_hot(target).

    Arrays x: (rows, classes); targets, int64, and loss: (rows,).
    """
    x, targets, loss = part(job, 0, chunk), piece(job, 1, chunk, np.int64), piece(job, 2, chunk)
    for i in range(len(x)):
        picked = x[i, targets[i]]
        top, total = softmax_row(x[i])
        loss[i] = f(np.log(total)) - (picked - top)
        x[i, targets[i]] -= f(1)


# --- windows.py -----------------------------------------------------------------------------------------------------


@Task
def max_pool(job: int, chunk: int) -> None:
    """The largest element of each window, and its number in the window.

    Arrays x: (rows, n); begin, where windows begin in a row, (places,), and far, how far from there their elements are,
    (elements,), int64; out, and numbers, uint16: (rows, places). An index without a sign need not be counted from the
    end.
    """
    x, begin, far = part(job, 0, chunk), whole(job, 1, np.int64), whole(job, 2, np.int64)
    out, found = part(job, 3, chunk), part(job, 4, chunk, np.uint16)
    for i in range(len(x)):
        for j in range(begin.size):
            best, number = x[i, np.uint64(begin[j] + far[0])], 0
            for k in range(1, far.size):
                v = x[i, np.uint64(begin[j] + far[k])]
                number += (k - number) * (not (v <= best) and best == best)  # nan is the largest; without a branch
                best = v if v > best or v != v else best
            out[i, j] = best
            found[i, j] = number


@Task
def max_pool_backward(job: int, chunk: int) -> None:
    """Each g added to dx where the largest element of the window was, if there was one.

    Arrays g, and found, uint16: (rows, places); begin, far: as above; dx: (rows, n).
    """
    g, found, dx = part(job, 0, chunk), part(job, 1, chunk, np.uint16), part(job, 4, chunk)
    begin, far = whole(job, 2, np.int64), whole(job, 3, np.int64)
    dx[:] = 0
    for i in range(len(g)):
        for j in range(begin.size):
            k = found[i, j]
            if k < far.size:
                dx[i, np.uint64(begin[j] + far[k])] += g[i, j]


# --- nn/optim/adam.py -----------------------------------------------------------------------------------------------


@Task
def adam(job: int, chunk: int) -> None:
    """An update. Arrays p, g, m, v: (n,), and seven numbers.

    Of these: pull, weight decay as part of the gradient; keep, what it leaves of a parameter.
    """
    p, g, m, v = piece(job, 0, chunk), piece(job, 1, chunk), piece(job, 2, chunk), piece(job, 3, chunk)
    n = whole(job, 4)
    step, eps, new_m, old_v, new_v, pull, keep = n[0], n[1], n[2], n[3], n[4], n[5], n[6]
    for i in range(p.size):
        slope = g[i] + pull * p[i]
        m[i] += new_m * (slope - m[i])
        v[i] = old_v * v[i] + new_v * (slope * slope)
        p[i] = keep * p[i] - step * (m[i] / (np.sqrt(v[i]) + eps))


# --- scatter.py -----------------------------------------------------------------------------------------------------


@loop
def add_rows(total: Array, rows: Array, values: Array) -> None:
    """total[rows] += values, one row after the other. total: (m, n). rows: (k,), from 0. values: (k, n)."""
    for i in range(rows.size):
        row = rows[i]
        for j in range(values.shape[1]):
            total[row, j] += values[i, j]
