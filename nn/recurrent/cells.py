"""Cells: one step of a recurrent network, for loops that decide each input, as in a decoder."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.ops.recurrent import gru_states, lstm_states, rnn_states

from .. import init
from ..errors import check_pair, check_shape, check_sizes, check_tensor, shape_complaint
from ..module import Module, Parameter
from .layers import check_nonlinearity, project


class _Cell(Module):
    """Base of the cells: parameters, checks, and a batch of one for a single vector.

    - `weight_ih`: (gates * hidden_size, input_size).  `weight_hh`: (gates * hidden_size, hidden_size).
    - `bias_ih`, `bias_hh`: (gates * hidden_size,), or None with bias=False.

    All start uniform in ±1/sqrt(hidden_size), as in PyTorch.
    """

    gates = 1
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: str = "cpu", dtype: Any = None
    ) -> None:
        check_sizes(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        self.weight_ih = Parameter(tl.empty(rows, input_size, dtype=dtype, device=device))
        self.weight_hh = Parameter(tl.empty(rows, hidden_size, dtype=dtype, device=device))
        self.bias_ih = Parameter(tl.empty(rows, dtype=dtype, device=device)) if bias else None
        self.bias_hh = Parameter(tl.empty(rows, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _projected(self, x: Tensor) -> Tensor:
        """The input times its weights, with both biases."""
        biases = [] if self.bias_ih is None or self.bias_hh is None else [self.bias_ih, self.bias_hh]
        return project(x, [self.weight_ih, self.weight_hh, *biases])

    def _batches(self, input: Any, states: tuple[Any, ...] | None, n_states: int = 1) -> list[Tensor]:
        """The input and the states, (batch, features) each; states are zeros if none are given."""
        check_tensor("forward", "input", input)
        if input.ndim not in (1, 2):
            raise TensorError(f"input must have shape (batch, input_size) or (input_size,), not {input.shape}")
        if input.shape[-1] != self.input_size:
            raise TensorError(shape_complaint([self.input_size], input.shape))
        wanted = (*input.shape[:-1], self.hidden_size)
        if states is None:
            states = (tl.zeros(wanted, dtype=input.dtype, device=input.device),) * n_states
        for name, state in zip(("hx", "cx"), states, strict=False):
            check_shape(name, state, wanted, "batch, hidden_size" if input.ndim == 2 else "hidden_size")
        return [x if input.ndim == 2 else x.unsqueeze(0) for x in (input, *states)]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of an `RNN`: h = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), or relu with nonlinearity="relu"."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        self.nonlinearity = check_nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """(batch, input_size) and h (batch, hidden_size) -> the next h; or both without `batch`. h is 0 by default."""
        x, h = self._batches(input, None if hx is None else (hx,))
        n = len(x)
        after: Tensor = rnn_states(self._projected(x), h, self.weight_hh, sizes=(n,), nonlinearity=self.nonlinearity)
        return after[:n].reshape(*input.shape[:-1], self.hidden_size)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class GRUCell(_Cell):
    """One step of a `GRU`."""

    gates = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """(batch, input_size) and h (batch, hidden_size) -> the next h; or both without `batch`. h is 0 by default."""
        x, h = self._batches(input, None if hx is None else (hx,))
        n, gates = len(x), tl.linear(x, self.weight_ih, self.bias_ih)
        after: Tensor = gru_states(gates, h, self.weight_hh, self.bias_hh, sizes=(n,))
        return after[:n].reshape(*input.shape[:-1], self.hidden_size)


class LSTMCell(_Cell):
    """One step of an `LSTM`."""

    gates = 4

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        """(batch, input_size) and hx = (h, c), (batch, hidden_size) each -> the next (h, c); or all without `batch`.

        h and c are 0 by default.
        """
        x, h, c = self._batches(input, check_pair("(hx, cx)", hx), n_states=2)
        n, shape = len(x), (*input.shape[:-1], self.hidden_size)
        after = lstm_states(self._projected(x), h, c, self.weight_hh, sizes=(n,))
        return after[:n, : self.hidden_size].reshape(shape), after[:n, self.hidden_size :].reshape(shape)
