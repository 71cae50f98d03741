"""The states of a GRU."""

from __future__ import annotations

from collections.abc import Sequence

from ...autograd.op import Value
from ...kernels.recurrent import gru as kernel
from ..elementwise import sigmoid, tanh
from ..fused import linear
from ..fusion import fused
from ..shape import chunk
from .over_time import over_time


@fused
def gru_states(
    x: Value, h0: Value, weight: Value, bias: Value = None, /, sizes: Sequence[int] = (), reverse: bool = False
) -> Value:
    """The hidden states of a GRU, a gated recurrent unit (Cho et al., arXiv:1406.1078).

        r = σ(x_r + h W_r^T + b_r)                  reset gate
        z = σ(x_z + h W_z^T + b_z)                  update gate
        n = tanh(x_n + r (h W_n^T + b_n))           new state
        h = (1 - z) n + z h

    x: (rows, 3 hidden), the inputs of all steps times their weights, with their biases.  h0: (batch, hidden).
    weight: (3 hidden, hidden), W_r, W_z and W_n.  bias: (3 hidden,) or None.
    sizes: how many sequences reach each step.  reverse: whether to begin at the last step.
    Returns (rows + batch, hidden): h after each step, and below at the end of each sequence.
    """

    def step(x: Value, h: Value) -> tuple[Value]:
        r_x, z_x, n_x = chunk(x, 3, -1)
        r_h, z_h, n_h = chunk(linear(h, weight, bias), 3, -1)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        n = tanh(n_x + r * n_h)
        return ((1 - z) * n + z * h,)

    return over_time(step, x, (h0,), sizes, reverse)


gru_states.kernel(kernel.gru_states, kernel.gru_states_backward)
