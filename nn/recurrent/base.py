"""What RNN, GRU and LSTM share: the parameters of all layers and directions, and the way through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError
from tinygrad_lecture.errors.users_line import warn

from .. import functional as F
from .. import init
from ..errors.checks import check_probability, check_shape, check_sizes, check_tensor, shape_complaint, warn_of_float64
from ..module import Module, Parameter
from ..utils.rnn import PackedSequence


class RNNBase(Module):
    """Recurrent layers, each of which reads the outputs of the one below. Subclasses define `states`.

    The parameters of layer k, where `gates` is 1 for an RNN, 3 for a GRU and 4 for an LSTM:

    - `weight_ih_l{k}`: (gates * hidden_size, input_size), or for k > 0 (gates * hidden_size, directions * hidden_size).
    - `weight_hh_l{k}`: (gates * hidden_size, hidden_size).
    - `bias_ih_l{k}`, `bias_hh_l{k}`: (gates * hidden_size,), with bias=True.

    Those of the second direction end in `_reverse`. All start uniform in ±1/sqrt(hidden_size), as in PyTorch.
    """

    gates = 1
    n_states = 1  # an LSTM has two, h and c

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        check_sizes(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_probability(name, dropout)
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
                    setattr(self, key, Parameter(tl.empty(shape, dtype=dtype, device=device)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _keys(self, layer: int, direction: int) -> list[str]:
        """The names of the parameters of a layer and direction."""
        kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] if self.bias else ["weight_ih", "weight_hh"]
        return [f"{kind}_l{layer}{'_reverse' if direction else ''}" for kind in kinds]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        places = ((k, direction) for k in range(self.num_layers) for direction in range(self.directions))
        return [[getattr(self, key) for key in self._keys(*place)] for place in places]

    def flatten_parameters(self) -> None:
        """Do nothing: in PyTorch it arranges the weights for cuDNN."""

    def states(self, x: Tensor, first: Sequence[Tensor], weights: Sequence[Parameter], **steps: Any) -> Tensor:
        """The states after each row of x, and below them the final ones: see `tinygrad_lecture/ops/recurrent.py`.

        - `first`: the states at the beginning, (batch, hidden) each.  `weights`: those of `_keys`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no formula; use nn.RNN, nn.GRU or nn.LSTM")

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """(steps, batch, input_size) -> output (steps, batch, directions * hidden_size) and the state at the end, h_n.

        - `input`: with batch_first=True (batch, steps, input_size); one sequence (steps, input_size); or a
          PackedSequence, whose output is one too.
        - `hx`: the state at the beginning, of h_n's shape, (num_layers * directions, batch, hidden_size), without
          `batch` for one sequence; zeros by default.

        Raises ValueError for other shapes.
        """
        output, (h,) = self._run(input, None if hx is None else (hx,))
        return output, h

    def _run(self, input: Any, hx: Sequence[Any] | None) -> tuple[Any, list[Tensor]]:
        """The outputs of the last layer, and each state at the end."""
        if isinstance(input, PackedSequence):
            return self._run_packed(input, hx)
        self._check_input(input)
        batched = input.ndim == 3
        x = input if batched else input.unsqueeze(1)  # (steps, 1, input_size)
        if batched and self.batch_first:
            x = x.swapaxes(0, 1)  # (steps, batch, input_size)
        steps, batch, _ = x.shape
        first = self._first(hx, batch, batched, x)
        rows, states = self._layers(x.reshape(steps * batch, self.input_size), first, (batch,) * steps)
        output = rows.reshape(steps, batch, self.directions * self.hidden_size)
        if not batched:
            return output.squeeze(1), [s.squeeze(1) for s in states]
        return output.swapaxes(0, 1) if self.batch_first else output, states

    def _run_packed(self, input: PackedSequence, hx: Sequence[Any] | None) -> tuple[PackedSequence, list[Tensor]]:
        data, batch_sizes, order, inverse = input
        if data.shape[-1:] != (self.input_size,):
            raise TensorError(shape_complaint([self.input_size], data.shape))
        sizes = tuple(batch_sizes.tolist())
        first = self._first(hx, sizes[0], True, data)
        if order is not None:
            first = [s[:, order] for s in first]
        rows, states = self._layers(data, first, sizes)
        if inverse is not None:
            states = [s[:, inverse] for s in states]
        return PackedSequence(rows, batch_sizes, order, inverse), states

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
        warn_of_float64(type(self).__name__, x, weights[0])
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
            check_shape(name, state, wanted, axes)
        return list(hx) if batched else [s.unsqueeze(1) for s in hx]

    def _check_input(self, input: Any) -> None:
        check_tensor("forward", "input", input)
        if input.ndim not in (2, 3):
            batch = "batch, steps" if self.batch_first else "steps, batch"
            raise TensorError(
                f"input must have shape ({batch}, input_size) or, for one sequence, (steps, input_size), "
                f"not {input.shape}"
            )
        if input.shape[-1] != self.input_size:
            raise TensorError(shape_complaint([self.input_size], input.shape))
        if 0 in input.shape:
            raise TensorError(f"input must have one or more sequences and steps, not shape {input.shape}")

    def extra_repr(self) -> str:
        settings = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        changed = [f"{key}={getattr(self, key)}" for key, usual in settings.items() if getattr(self, key) != usual]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])
