"""The states of an LSTM."""

from __future__ import annotations

from collections.abc import Sequence

from ...autograd.op import Value
from ...kernels.recurrent import lstm as kernel
from ..elementwise import sigmoid, tanh
from ..fused import linear
from ..fusion import fused
from ..shape import chunk
from .over_time import over_time


@fused
def lstm_states(x: Value, h0: Value, c0: Value, weight: Value, /, sizes: Sequence[int], reverse: bool = False) -> Value:
    """The hidden and cell states of an LSTM (Hochreiter & Schmidhuber, 1997; Gers et al., 2000).

        i, f, g, o = x_t + h W^T                    input, forget and output gate, and the candidate g
        c = σ(f) c + σ(i) tanh(g)
        h = σ(o) tanh(c)

    x: (rows, 4 hidden), the inputs of all steps times their weights, with the biases.  h0, c0: (batch, hidden).
    weight: (4 hidden, hidden).  sizes: how many sequences reach each step.  reverse: whether to begin at the last step.
    Returns (rows + batch, 2 hidden): h and c side by side, after each step and below at the end of each sequence.
    """

    def step(x: Value, h: Value, c: Value) -> tuple[Value, Value]:
        i, f, g, o = chunk(x + linear(h, weight), 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c

    return over_time(step, x, (h0, c0), sizes, reverse)


lstm_states.kernel(kernel.lstm_states, kernel.lstm_states_backward)
