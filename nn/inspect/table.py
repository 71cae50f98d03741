"""A model in a table: its layers by path, the shapes that come out of them, and how many parameters they have.

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

from tinygrad_lecture import Tensor, get_rng_state
from tinygrad_lecture import random as rng

from ..module import Module, Parameter
from ..stateless import evaluating


@dataclass(frozen=True)
class Row:
    """A module under one of its paths. parameters: those of its own, without what a row above has counted.

    output: the shape that it returned last, None if it was not called.  note: what else there is to say.
    """

    path: str
    kind: str
    output: str | None
    parameters: int
    note: str = ""


@dataclass(frozen=True)
class Summary:
    """The rows of the table, from the top down, and how many parameters there are in all, and how many are learnt."""

    rows: list[Row]
    parameters: int
    learnt: int

    def __str__(self) -> str:
        heads = ("layer", "kind", "output", "parameters", "")
        cells = [(row.path, row.kind, row.output or "", f"{row.parameters:,}", row.note) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        lines = []
        for path, kind, output, parameters, note in (heads, *cells):
            left = f"{path:{widths[0]}}  {kind:{widths[1]}}  {output:{widths[2]}}"
            lines.append(f"{left}  {parameters:>{widths[3]}}  {note}".rstrip())
        part = "all of them" if self.learnt == self.parameters else f"{self.learnt:,} of them"
        return "\n".join([*lines, f"{self.parameters:,} parameters, {part} learnt"])

    __repr__ = __str__


def summary(model: Module, *inputs: Any) -> Summary:
    """A model's layers; with inputs it is run on them once, without learning, to see what comes out of each layer.

    It is run in evaluation mode, and afterwards modes and random state are as before. A shared module has a row for
    each of its paths and, like a shared parameter, counts once. Raises TypeError for a shape in an input's place.
    """
    outputs: dict[Module, list[str]] = {}
    if any(isinstance(x, tuple) and all(isinstance(n, int) for n in x) for x in inputs):
        raise TypeError(f"summary: give an input for the model, such as tl.zeros{inputs[0]}, not the shape of one")
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
    """Run a model and collect, per module, what each call returned."""

    def see(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        outputs.setdefault(module, []).append(_shapes(output))

    with evaluating(model), rng.replay(get_rng_state()), ExitStack() as hooks:
        for module in model.modules():
            hooks.enter_context(module.register_forward_hook(see))
        model(*inputs)


def _shapes(output: Any) -> str:
    """The shapes of tensors, also in tuples, lists and dicts; of anything else its type."""
    if isinstance(output, Tensor):
        return str(output.shape)
    if isinstance(output, Mapping):
        return "{" + ", ".join(f"{key}: {_shapes(value)}" for key, value in output.items()) + "}"
    if isinstance(output, (tuple, list)):
        return ", ".join(_shapes(value) for value in output)
    return "None" if output is None else type(output).__name__
