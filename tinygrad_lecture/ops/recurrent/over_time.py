"""The loop over the steps of sequences, which carries a state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...autograd.op import Value
from ...kernels.recurrent.steps import steps
from ..shape import cat


def over_time(
    step: Callable[..., tuple[Value, ...]], x: Value, state: tuple[Value, ...], sizes: Sequence[int], reverse: bool
) -> Value:
    """The states after each step, a row for each row of x, and below them the final states, a row for each sequence.

    step: (rows of x, *states before) -> states after. If there are several, as in an LSTM, they stand side by side.
    A sequence that has ended keeps its state. Backwards in time, one that has not begun has its first state.
    """
    after: dict[int, Value] = {}
    for rows in steps(sizes, reverse):
        n = rows.stop - rows.start
        new = step(x[rows], *(s[:n] for s in state))
        after[rows.start] = cat(new, -1)
        state = tuple(cat([new_rows, s[n:]]) for new_rows, s in zip(new, state, strict=True))
    return cat([*(after[start] for start in sorted(after)), cat(state, -1)])
