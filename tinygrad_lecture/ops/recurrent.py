"""Recurrent networks as ops: the states of sequences, each computed from the one before, with the kernels behind them.

They are used by `nn.RNN`, `nn.GRU`, `nn.LSTM` and their cells, which multiply the inputs of all steps by the weights at
once: x below is that product, with a row for each step of each sequence.

The rows stand step after step: first the first step of every sequence, then the second, and so on. Sequences may have
different lengths; they are sorted, the longest first. `sizes` says how many sequences reach each step: three sequences
of 4, 2 and 1 steps have the sizes (3, 2, 1, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..autograd.op import Value
from ..kernels import recurrent as kernels
from ..kernels.recurrent import steps
from .basics import relu
from .elementwise import sigmoid, tanh
from .fused import linear
from .fused_op import fused
from .shape import cat, chunk


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


rnn_states.kernel(kernels.rnn_states, kernels.rnn_states_backward, views=False)
gru_states.kernel(kernels.gru_states, kernels.gru_states_backward, views=False)
lstm_states.kernel(kernels.lstm_states, kernels.lstm_states_backward, views=False)
