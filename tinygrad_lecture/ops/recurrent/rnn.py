"""The states of a plain recurrent network."""

from __future__ import annotations

from collections.abc import Sequence

from ...autograd.op import Value
from ...kernels.recurrent import rnn as kernel
from ..elementwise import relu, tanh
from ..fused import linear
from ..fusion import fused
from .over_time import over_time


@fused
def rnn_states(
    x: Value, h0: Value, weight: Value, /, sizes: Sequence[int], reverse: bool = False, nonlinearity: str = "tanh"
) -> Value:
    """The hidden states of a recurrent network, h = tanh(x_t + h W^T) (Elman, 1990).

    x: (rows, hidden), the inputs of all steps times their weights, with the biases.  h0: (batch, hidden).
    weight: (hidden, hidden).  sizes: how many sequences reach each step.  reverse: whether to begin at the last step.
    nonlinearity: "tanh" or "relu".
    Returns (rows + batch, hidden): h after each step, and below at the end of each sequence.
    """
    activation = tanh if nonlinearity == "tanh" else relu
    return over_time(lambda x, h: (activation(x + linear(h, weight)),), x, (h0,), sizes, reverse)


rnn_states.kernel(kernel.rnn_states, kernel.rnn_states_backward)
