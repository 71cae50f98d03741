"""An LSTM through all steps at once, a part of the sequences in each thread.

Sequences do not look at each other, so a thread takes its part through the whole of time, and nobody waits between two
steps. Of each row there are views: LLVM sees that those of one array do not overlap, and computes several elements at
once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backend import Array
from .loops import exp, f
from .pool import Task, carray, inlined, locate, part, pointer, run, whole
from .products import PLAIN, ROW_MAJOR, SGEMM, TRANSPOSED, call_sgemm, one, zero

ALONE = 1_500_000  # multiplications; below, a thread computes alone


def through_time(task: Task, weight: Array, states: Array, rows: list[slice], *arrays: Array) -> None:
    """Call a task for parts of the sequences, whose number does not depend on that of the threads.

    rows: those of each step, in the order of the steps.  states: (batch, 2 hidden).  Other arrays: see the tasks.
    """
    steps = np.array([(step.start, step.stop - step.start) for step in rows], np.int64).reshape(-1)
    batch = len(states)
    alone = len(rows) * batch * weight.size < ALONE
    run(task, batch, max(-(-batch // 64) * 16, 16), weight, states, steps, np.array([SGEMM]), *arrays, alone=alone)


@inlined
def steps_of(job: int, chunk: int) -> Any:
    """The address of the weight, a chunk's states, the first row of each step and how many it has, sgemm, and the
    chunk's first sequence."""
    weight, _, first, _ = locate(job, 0, chunk)
    steps = whole(job, 2, np.int64)
    return weight, part(job, 1, chunk), steps[::2], steps[1::2], whole(job, 3, np.int64)[0], first


@inlined
def rows_of(job: int, i: int, start: int, count: int) -> Array:
    """Some rows of array i, a matrix."""
    place, n, _, _ = locate(job, i, 0)
    return carray(pointer(place + 4 * start * n), (count, n), np.float32)


@inlined
def parts(row: Array, hidden: int) -> tuple[Array, Array, Array, Array]:
    """The four parts of a row, of so many elements each."""
    return row[:hidden], row[hidden : 2 * hidden], row[2 * hidden : 3 * hidden], row[3 * hidden :]


@inlined
def sigmoid(x: Any) -> Any:
    return f(1) / (f(1) + exp(-x))


@inlined
def tanh(x: Any) -> Any:
    """Its Taylor series near 0, where 1 - exp(-2 |x|) would lose digits."""
    square = x * x
    near = f(-1 / 3) + square * (f(2 / 15) + square * (f(-17 / 315) + square * f(62 / 2835)))
    e = exp(f(-2) * abs(x))
    far = (f(1) - e) / (f(1) + e)
    far = -far if x < 0 else far
    return x + x * square * near if square < f(0.09) else far


@Task
def lstm(job: int, chunk: int) -> None:
    """Arrays weight: (4 hidden, hidden); states: (batch, 2 hidden), replaced by the last; gates, of which only the
    inputs are there: (rows, 4 hidden); out, the states after each step: (rows, 2 hidden)."""
    weight, states, starts, sizes, sgemm, first = steps_of(job, chunk)
    hidden = states.shape[1] // 2
    for step in range(starts.size):
        n = min(len(states), sizes[step] - first)
        if n <= 0:
            continue
        gates, out = rows_of(job, 4, starts[step] + first, n), rows_of(job, 5, starts[step] + first, n)
        place, h = gates.ctypes.data, states.ctypes.data
        shape = (ROW_MAJOR, PLAIN, TRANSPOSED, n, 4 * hidden, hidden)  # gates += h W^T
        call_sgemm(sgemm, (*shape, one, h, 2 * hidden, weight, hidden, one, place, 4 * hidden))
        for k in range(n):
            activate(gates[k], states[k], hidden)
            out[k] = states[k]


@inlined
def activate(gates: Array, state: Array, hidden: int) -> None:
    """The gates of a row, in place, and its next h and c."""
    i, forget, g, o = parts(gates, hidden)
    h, c = state[:hidden], state[hidden:]
    for j in range(hidden):
        i[j] = sigmoid(i[j])
    for j in range(hidden):
        forget[j] = sigmoid(forget[j])
    for j in range(hidden):
        o[j] = sigmoid(o[j])
    for j in range(hidden):
        g[j] = tanh(g[j])
    for j in range(hidden):
        c[j] = forget[j] * c[j] + i[j] * g[j]
        h[j] = o[j] * tanh(c[j])


@Task
def lstm_backward(job: int, chunk: int) -> None:
    """Arrays weight: (4 hidden, hidden); dstates: (batch, 2 hidden), replaced by the gradient by the first states;
    gates: (rows, 4 hidden); states after each step, those before it, and their gradients: (rows, 2 hidden); dx: (rows,
    4 hidden)."""
    weight, dstates, starts, sizes, sgemm, first = steps_of(job, chunk)
    hidden = dstates.shape[1] // 2
    for step in range(starts.size):
        n, start = min(len(dstates), sizes[step] - first), starts[step] + first
        if n <= 0:
            continue
        gates, after, before = rows_of(job, 4, start, n), rows_of(job, 5, start, n), rows_of(job, 6, start, n)
        gradients, dx = rows_of(job, 7, start, n), rows_of(job, 8, start, n)
        for k in range(n):
            for j in range(2 * hidden):
                dstates[k, j] += gradients[k, j]
            differentiate(gates[k], after[k], before[k], dstates[k], dx[k], hidden)
        place, dh = dx.ctypes.data, dstates.ctypes.data
        shape = (ROW_MAJOR, PLAIN, PLAIN, n, hidden, 4 * hidden)  # dh = dx W
        call_sgemm(sgemm, (*shape, one, place, 4 * hidden, weight, hidden, zero, dh, 2 * hidden))


@inlined
def differentiate(gates: Array, after: Array, before: Array, dstate: Array, dx: Array, hidden: int) -> None:
    """The gradient by the inputs of a row, and that by c before in the place of that by c."""
    (i, forget, g, o), (di, dforget, dg, do) = parts(gates, hidden), parts(dx, hidden)
    c, c_before, dh, dc = after[hidden:], before[hidden:], dstate[:hidden], dstate[hidden:]
    for j in range(hidden):
        tanh_c = tanh(c[j])
        do[j] = dh[j] * tanh_c * (o[j] * (f(1) - o[j]))
        dc[j] += dh[j] * o[j] * (f(1) - tanh_c * tanh_c)
    for j in range(hidden):
        di[j] = dc[j] * g[j] * (i[j] * (f(1) - i[j]))
        dg[j] = dc[j] * i[j] * (f(1) - g[j] * g[j])
    for j in range(hidden):
        dforget[j] = dc[j] * c_before[j] * (forget[j] * (f(1) - forget[j]))
        dc[j] *= forget[j]
