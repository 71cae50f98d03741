"""Recurrent networks: RNN, GRU and LSTM over whole sequences, and their cells, which compute one step.

The formula of a step, and the loop over the steps, are ops: `tinygrad_lecture/ops/recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.errors import warn
from tinygrad_lecture.ops.fused import gru_states, lstm_states, rnn_states

from .. import errors, functional as F, init
from ..module import Module, Parameter

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell"]

# --- the formula of each kind, of layers and cells ----------------------------------------------------------


class Recurrence(Module):
    """The states of a recurrent network after each of several steps, from its inputs and weights."""

    gates = 1
    n_states = 1  # an LSTM has two, h and c
    formula: Any = None  # the op of the steps
    input_size: int
    hidden_size: int

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(hidden_size)."""
        init.uniform_by_fan(self.parameters(), self.hidden_size)

    def states(self, x: Tensor, first: Sequence[Tensor], weights: Sequence[Any], **steps: Any) -> Tensor:
        """The states after each row of x, and below them the final ones: see `tinygrad_lecture/ops/recurrent.py`.

        - `first`: the states at the beginning, (batch, hidden) each.
        - `weights`: weight_ih, weight_hh, and with biases bias_ih and bias_hh.
        """
        weight_ih, weight_hh, *biases = weights
        inputs = tl.linear(x, weight_ih, biases[0] + biases[1] if biases else None)
        return self.formula(inputs, *first, weight_hh, **steps)  # type: ignore[no-any-return]


class _Simple(Recurrence):
    formula = staticmethod(rnn_states)
    nonlinearity: str

    def states(self, *given: Any, **steps: Any) -> Tensor:
        """h after each row of x."""
        return super().states(*given, nonlinearity=self.nonlinearity, **steps)

    def _set_nonlinearity(self, nonlinearity: str) -> None:
        if nonlinearity not in ("tanh", "relu"):
            name = type(self).__name__
            raise ValueError(f'{name}: nonlinearity must be "tanh" or "relu", not {nonlinearity!r}')
        self.nonlinearity = nonlinearity


class _Gated(Recurrence):
    gates = 3
    formula: Any = staticmethod(gru_states)

    def states(self, x: Tensor, first: Sequence[Tensor], weights: Sequence[Any], **steps: Any) -> Tensor:
        """h after each row of x. A gate multiplies h W_hhᵀ + b_hh, so b_hh is not added to the inputs."""
        weight_ih, weight_hh, bias_ih, bias_hh = (*weights, None, None)[:4]
        return self.formula(tl.linear(x, weight_ih, bias_ih), *first, weight_hh, bias_hh, **steps)  # type: ignore[no-any-return]


class _LongShortTerm(Recurrence):
    gates, n_states = 4, 2
    formula = staticmethod(lstm_states)


# --- layers -------------------------------------------------------------------------------------------------


class RNNBase(Recurrence):
    """Recurrent layers, each of which reads the outputs of the one below. Subclasses define `states`.

    The parameters of layer k, where `gates` is 1 for an RNN, 3 for a GRU and 4 for an LSTM:

    - `weight_ih_l{k}`: (gates * hidden_size, input_size), or for k > 0 (gates * hidden_size, directions * hidden_size).
    - `weight_hh_l{k}`: (gates * hidden_size, hidden_size).
    - `bias_ih_l{k}`, `bias_hh_l{k}`: (gates * hidden_size,), with bias=True.

    Those of the second direction end in `_reverse`. All start uniform in ±1/sqrt(hidden_size), as in PyTorch.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        errors.check_sizes(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        errors.check_probability(name, dropout)
        if dropout and num_layers == 1:
            warn(f"{name}: dropout acts between layers, so with num_layers=1 it does nothing")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        self.directions = 2 if bidirectional else 1
        rows = self.gates * hidden_size
        for k in range(num_layers):
            features = self.directions * hidden_size if k else input_size
            shapes = [(rows, features), (rows, hidden_size), (rows,), (rows,)]
            for direction in range(self.directions):
                for key, shape in zip(self._keys(k, direction), shapes, strict=False):
                    setattr(self, key, Parameter.empty(shape, dtype=dtype, device=device))
        self.reset_parameters()

    def _keys(self, layer: int, direction: int) -> list[str]:
        """The names of the parameters of a layer and direction."""
        kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] if self.bias else ["weight_ih", "weight_hh"]
        return [f"{kind}_l{layer}{'_reverse' if direction else ''}" for kind in kinds]

    def flatten_parameters(self) -> None:
        """Do nothing: in PyTorch it arranges the weights for cuDNN."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """(steps, batch, input_size) -> output (steps, batch, directions * hidden_size) and the state at the end, h_n.

        - `input`: with batch_first=True (batch, steps, input_size); one sequence (steps, input_size); or a
          PackedSequence of `nn.torch`, whose output is one too.
        - `hx`: the state at the beginning, of h_n's shape, (num_layers * directions, batch, hidden_size), without
          `batch` for one sequence; zeros by default.

        Raises ValueError for other shapes.
        """
        output, (h,) = self._run(input, None if hx is None else (hx,))
        return output, h

    def _run(self, input: Any, hx: Sequence[Any] | None) -> tuple[Any, list[Tensor]]:
        """The outputs of the last layer, and each state at the end."""
        packed = hasattr(input, "batch_sizes")  # see nn/torch/layers.py
        batched = packed or self._check_input(input).ndim == 3
        if packed:
            rows, batch_sizes, order, inverse = input
            errors.check_features(rows, self.input_size, type(self).__name__)
            sizes = tuple(batch_sizes.tolist())
        else:
            x = input if batched else input.unsqueeze(1)  # (steps, 1, input_size)
            x = x.swapaxes(0, 1) if batched and self.batch_first else x  # (steps, batch, input_size)
            steps, batch, _ = x.shape
            rows, order, inverse, sizes = x.reshape(steps * batch, self.input_size), None, None, (batch,) * steps
        first = self._first(hx, sizes[0], batched, rows)
        rows, states = self._layers(rows, first if order is None else [s[:, order] for s in first], sizes)
        if packed:
            states = states if inverse is None else [s[:, inverse] for s in states]
            return input._replace(data=rows), states
        output = rows.reshape(steps, batch, self.directions * self.hidden_size)
        if not batched:
            return output.squeeze(1), [s.squeeze(1) for s in states]
        return output.swapaxes(0, 1) if self.batch_first else output, states

    def _layers(self, x: Tensor, first: Sequence[Tensor], sizes: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
        """Rows through all layers, (rows, input_size) -> (rows, directions * hidden_size), and the final states."""
        n_rows, hidden = len(x), self.hidden_size
        finals: list[Tensor] = []
        for k in range(self.num_layers):
            if k:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for direction in range(self.directions):
                weights = [getattr(self, key) for key in self._keys(k, direction)]
                begin = [s[len(finals)] for s in first]  # (batch, hidden) each
                after = self.states(x, begin, weights, sizes=sizes, reverse=bool(direction))
                outputs.append(after[:n_rows, :hidden])  # (rows, hidden): the first state is the output
                finals.append(after[n_rows:])  # (batch, n_states * hidden)
            x = outputs[0] if len(outputs) == 1 else tl.cat(outputs, -1)
        errors.warn_of_float64(type(self).__name__, x, weights[0])
        final = tl.stack(finals)  # (num_layers * directions, batch, n_states * hidden)
        states = [final] if self.n_states == 1 else [s.contiguous() for s in tl.chunk(final, self.n_states, -1)]
        return x.contiguous(), states

    def _first(self, hx: Sequence[Any] | None, batch: int, batched: bool, x: Tensor) -> list[Tensor]:
        """Each state at the beginning, (num_layers * directions, batch, hidden)."""
        shape = (self.num_layers * self.directions, batch, self.hidden_size)
        if hx is None:
            return [tl.zeros(shape, dtype=x.dtype, device=x.device)] * self.n_states
        axes = "num_layers * directions, batch, hidden_size" if batched else "num_layers * directions, hidden_size"
        wanted = shape if batched else (shape[0], shape[2])
        for name, state in zip(("h_0", "c_0"), hx, strict=False):
            errors.check_shape(name, state, wanted, axes)
        return list(hx) if batched else [s.unsqueeze(1) for s in hx]

    def _check_input(self, input: Any) -> Tensor:
        errors.check_tensor("forward", "input", input)
        if input.ndim not in (2, 3):
            batch = "batch, steps" if self.batch_first else "steps, batch"
            raise TensorError(f"input must be ({batch}, input_size), or (steps, input_size) for one, not {input.shape}")
        errors.check_features(input, self.input_size, type(self).__name__)
        if 0 in input.shape:
            raise TensorError(f"input must have one or more sequences and steps, not shape {input.shape}")
        return input  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        settings = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        changed = [f"{key}={getattr(self, key)}" for key, usual in settings.items() if getattr(self, key) != usual]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


class RNN(_Simple, RNNBase):
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
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: str = "cpu",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        self._set_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)


class GRU(_Gated, RNNBase):
    """A recurrent network with gates, which learn what of the state to keep (Cho et al., arXiv:1406.1078).

        r = σ(x W_irᵀ + b_ir + h W_hrᵀ + b_hr)              reset gate
        z = σ(x W_izᵀ + b_iz + h W_hzᵀ + b_hz)              update gate
        n = tanh(x W_inᵀ + b_in + r (h W_hnᵀ + b_hn))       new state
        h = (1 - z) n + z h

    Arguments, parameters and shapes are those of `RNN`, without `nonlinearity`. The rows of the weights are those of
    r, z and n.
    """


class LSTM(_LongShortTerm, RNNBase):
    """Long short-term memory: beside h a cell state c, to which steps add (Hochreiter & Schmidhuber, 1997).

        i, f, g, o = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh        input and forget gate, candidate, output gate
        c = σ(f) c + σ(i) tanh(g)
        h = σ(o) tanh(c)

    Arguments, parameters and shapes are those of `RNN`, without `nonlinearity`. States are pairs (h, c). The rows of
    the weights are those of i, f, g and o.
    """

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        """As `RNN.forward`, of its shapes, but states are pairs: `hx` is (h_0, c_0), the result output, (h_n, c_n)."""
        output, (h, c) = self._run(input, errors.check_pair("(h_0, c_0)", hx))
        return output, (h, c)


# --- cells --------------------------------------------------------------------------------------------------


class _Cell(Recurrence):
    """One step, for loops that decide each input, as in a decoder. Inputs may be a batch, or a single vector.

    - `weight_ih`: (gates * hidden_size, input_size).  `weight_hh`: (gates * hidden_size, hidden_size).
    - `bias_ih`, `bias_hh`: (gates * hidden_size,), or None with bias=False.

    All start uniform in ±1/sqrt(hidden_size), as in PyTorch.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: str = "cpu", dtype: Any = None
    ) -> None:
        errors.check_sizes(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias_ih": rows, "bias_hh": rows}
        for name, shape in shapes.items():
            made = Parameter.empty(shape, dtype=dtype, device=device) if bias or name.startswith("weight") else None
            setattr(self, name, made)
        self.reset_parameters()

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Any:
        """(batch, input_size) and h (batch, hidden_size) -> the next h; or both without `batch`. h is 0 by default."""
        return self._step(input, None if hx is None else (hx,))[0]

    def _step(self, input: Any, states: tuple[Any, ...] | None) -> list[Tensor]:
        """The next states; the first ones are zeros if none are given."""
        errors.check_tensor("forward", "input", input)
        if input.ndim not in (1, 2):
            raise TensorError(f"input must have shape (batch, input_size) or (input_size,), not {input.shape}")
        errors.check_features(input, self.input_size, type(self).__name__)
        wanted = (*input.shape[:-1], self.hidden_size)
        if states is None:
            states = (tl.zeros(wanted, dtype=input.dtype, device=input.device),) * self.n_states
        for name, state in zip(("hx", "cx"), states, strict=False):
            errors.check_shape(name, state, wanted, "batch, hidden_size" if input.ndim == 2 else "hidden_size")
        x, *first = (x if input.ndim == 2 else x.unsqueeze(0) for x in (input, *states))  # (batch, features) each
        weights = [
            getattr(self, name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        ]
        after = self.states(x, first, weights, sizes=(len(x),))[: len(x)]
        return [state.reshape(wanted) for state in tl.chunk(after, self.n_states, -1)]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Simple, _Cell):
    """One step of an `RNN`: h = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), or relu with nonlinearity="relu"."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: str = "cpu",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        self._set_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class GRUCell(_Gated, _Cell):
    """One step of a `GRU`."""


class LSTMCell(_LongShortTerm, _Cell):
    """One step of an `LSTM`."""

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        """(batch, input_size) and hx = (h, c), (batch, hidden_size) each -> the next (h, c); or all without `batch`.

        h and c are 0 by default.
        """
        h, c = self._step(input, errors.check_pair("(hx, cx)", hx))
        return h, c
