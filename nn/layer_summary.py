"""`nn.summary`: a table of a model's layers, their output shapes and numbers of parameters.

For example:

    >>> print(nn.summary(nn.MLP([784, 16, 10]), tl.zeros(32, 784)))
    layer  kind    output    parameters
           MLP     (32, 10)           0
    0      Linear  (32, 16)      12,560
    1      ReLU    (32, 16)           0
    2      Linear  (32, 10)         170
    12,730 parameters, all of them learnt
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tinygrad_lecture import Tensor, get_rng_state, random as rng
from tinygrad_lecture.errors import aligned
from tinygrad_lecture.inspect.notebook import caption, table

from .module import Module, Parameter
from .module_calls import evaluating

__all__ = ["Summary", "summary"]

_HEADER = ["layer", "kind", "output", "parameters", ""]


@dataclass(frozen=True)
class Row:
    """One row of a `Summary`: a module under one of its paths."""

    path: str
    kind: str  # class name
    output: str | None  # shape of its last output, None if it was not called
    parameters: int  # its own, without those that a row above has counted
    note: str = ""


@dataclass(frozen=True)
class Summary:
    """A table of layers, with the total number of parameters and of those that are learnt; `str` formats it."""

    rows: list[Row]
    parameters: int
    learnt: int

    def __str__(self) -> str:
        return "\n".join([*aligned([_HEADER, *self._cells], right=[3]), self._total])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(_HEADER, self._cells, right=[3]) + caption("", self._total)

    @property
    def _cells(self) -> list[list[str]]:
        return [[row.path, row.kind, row.output or "", f"{row.parameters:,}", row.note] for row in self.rows]

    @property
    def _total(self) -> str:
        part = "all of them" if self.learnt == self.parameters else f"{self.learnt:,} of them"
        return f"{self.parameters:,} parameters, {part} learnt"


def summary(model: Module, *inputs: Any) -> Summary:
    """A table of a model's layers; with inputs the model runs once, and the table shows each layer's output shape.

    The run is in evaluation mode and without recording; modes and random state are restored. A shared module has a row
    per path, but its parameters count once. Raises TypeError for a shape instead of an input.
    """
    outputs: dict[Module, list[str]] = {}
    if any(isinstance(x, tuple) and all(isinstance(n, int) for n in x) for x in inputs):
        raise TypeError(f"summary: pass an input such as tl.zeros{inputs[0]}, not its shape")
    if inputs:
        _run(model, inputs, outputs)
    rows: list[Row] = []
    first_path: dict[Module, str] = {}
    counted: dict[Parameter, str] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        own = dict(module.named_parameters(path, recurse=False))
        new = {parameter: name for name, parameter in own.items() if parameter not in counted}
        notes = []
        if module in first_path:
            notes.append(f"is {first_path[module]}")
        else:
            notes += [f"{name} is {counted[p]}" for name, p in own.items() if p in counted]
            if len(outputs.get(module, [])) > 1:
                notes.append(f"called {len(outputs[module])} times")
        first_path.setdefault(module, path)
        counted.update(new)
        output = outputs[module][-1] if module in outputs else None
        rows.append(Row(path, type(module).__name__, output, sum(p.numel() for p in new), ", ".join(notes)))
    learnt = sum(p.numel() for p in counted if p.requires_grad)
    return Summary(rows, sum(p.numel() for p in counted), learnt)


def _run(model: Module, inputs: tuple[Any, ...], outputs: dict[Module, list[str]]) -> None:
    """Run a model and collect the shapes that each call of each module returned."""

    def note_shape(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        outputs.setdefault(module, []).append(_shapes(output))

    with evaluating(model), rng.replay(get_rng_state()), ExitStack() as hooks:
        for module in model.modules():
            hooks.enter_context(module.register_forward_hook(note_shape))
        model(*inputs)


def _shapes(output: Any) -> str:
    """The shape of a tensor, or of those in a tuple, list or dict; for any other value its type."""
    if isinstance(output, Tensor):
        return str(output.shape)
    if isinstance(output, Mapping):
        return "{" + ", ".join(f"{key}: {_shapes(value)}" for key, value in output.items()) + "}"
    if isinstance(output, (tuple, list)):
        return ", ".join(_shapes(value) for value in output)
    return "None" if output is None else type(output).__name__
