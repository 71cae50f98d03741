"""RNN, GRU and LSTM: networks that read a sequence step by step and carry a state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.ops.recurrent import gru_states, lstm_states, rnn_states

from ..errors import check_pair
from ..module import Parameter
from .base import RNNBase


class RNN(RNNBase):
    """A recurrent network: h = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh) for each step x of a sequence (Elman, 1990).

    - `input_size`, `hidden_size`: sizes of x and h.  `num_layers`: layers that stand one on the other.
    - `nonlinearity`: "tanh" or "relu".  `bias`: whether there are b_ih and b_hh.
    - `batch_first`: whether a batch is (batch, steps, features) instead of (steps, batch, features).
    - `dropout`: probability of dropping an output of each layer but the last, while training.
    - `bidirectional`: a second network reads each sequence from its end; the outputs of both stand side by side.

    `forward` has the shapes. Parameters are those of `RNNBase`.
    Raises ValueError for sizes below 1, a dropout outside [0, 1] or another nonlinearity.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        self.nonlinearity = check_nonlinearity("RNN", nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)

    def states(self, x: Tensor, first: Sequence[Tensor], weights: Sequence[Parameter], **steps: Any) -> Tensor:
        """h after each row of x."""
        after: Tensor = rnn_states(project(x, weights), *first, weights[1], nonlinearity=self.nonlinearity, **steps)
        return after


class GRU(RNNBase):
    """A recurrent network with gates, which learn what of the state to keep (Cho et al., arXiv:1406.1078).

        r = σ(x W_irᵀ + b_ir + h W_hrᵀ + b_hr)              reset gate
        z = σ(x W_izᵀ + b_iz + h W_hzᵀ + b_hz)              update gate
        n = tanh(x W_inᵀ + b_in + r (h W_hnᵀ + b_hn))       new state
        h = (1 - z) n + z h

    Arguments, parameters and shapes are those of `RNN`, without `nonlinearity`. The rows of the weights are those of
    r, z and n.
    """

    gates = 3

    def states(self, x: Tensor, first: Sequence[Tensor], weights: Sequence[Parameter], **steps: Any) -> Tensor:
        """h after each row of x."""
        weight_ih, weight_hh, bias_ih, bias_hh = (*weights, None, None)[:4]
        after: Tensor = gru_states(tl.linear(x, weight_ih, bias_ih), *first, weight_hh, bias_hh, **steps)
        return after


class LSTM(RNNBase):
    """Long short-term memory: beside h a cell state c, to which steps add (Hochreiter & Schmidhuber, 1997).

        i, f, g, o = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh        input and forget gate, candidate, output gate
        c = σ(f) c + σ(i) tanh(g)
        h = σ(o) tanh(c)

    Arguments, parameters and shapes are those of `RNN`, without `nonlinearity`. States are pairs (h, c). The rows of
    the weights are those of i, f, g and o. Raises ValueError for a proj_size, which is not here.
    """

    gates = 4
    n_states = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        if proj_size:
            raise ValueError(f"LSTM: proj_size is not here; put nn.Linear({hidden_size}, {proj_size}) behind the LSTM")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)

    def states(self, x: Tensor, first: Sequence[Tensor], weights: Sequence[Parameter], **steps: Any) -> Tensor:
        """h and c after each row of x."""
        after: Tensor = lstm_states(project(x, weights), *first, weights[1], **steps)
        return after

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        """As `RNN.forward`, but states are pairs: `hx` is (h_0, c_0), and the result output, (h_n, c_n)."""
        output, (h, c) = self._run(input, check_pair("(h_0, c_0)", hx))
        return output, (h, c)


def project(x: Tensor, weights: Sequence[Parameter]) -> Tensor:
    """The inputs of all steps times their weights, x W_ihᵀ + (b_ih + b_hh)."""
    weight_ih, _, *biases = weights
    products: Tensor = tl.linear(x, weight_ih, biases[0] + biases[1] if biases else None)
    return products


def check_nonlinearity(name: str, nonlinearity: str) -> str:
    """The name of an activation. Raises ValueError unless it is "tanh" or "relu"."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f'{name}: nonlinearity must be "tanh" or "relu", not {nonlinearity!r}')
    return nonlinearity
