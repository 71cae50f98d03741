"""Calls of functions composed of ops: `max(x, axis=1)` is one op, that of an index, and is shown as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd.core import Record
from ...autograd.modes import Called, modes
from ...backend import is_array, to_host
from ...traced import Traced
from ..numbers import in_line
from ..vertex import Vertex, in_short


class Calls:
    """The call that is running, asked after each op. Of a function of several ops, each says that it is part of it."""

    def __init__(self) -> None:
        self._called: Called | None = None
        self._vertices: list[Vertex] = []  # of the ops in it so far
        self._constants: list[Vertex] = []  # that it has computed itself

    def note(self, vertex: Vertex, record: Record, arrays: Sequence[Any]) -> None:
        """Set how the op of a vertex was written. arrays: the op's inputs."""
        called = modes.called
        if called is None or not called.name.isidentifier():
            return
        if called is not self._called:
            self._called, self._vertices, self._constants = called, [], []
        self._vertices.append(vertex)
        given = {id(x._array) for x in [*called.args, *called.kwargs.values()] if isinstance(x, Traced)}
        self._constants += [
            x
            for x, array in zip(vertex.inputs, arrays, strict=True)
            if x.op is None and x.number and not x.requires_grad and not x.name and id(array) not in given
        ]
        if len(self._vertices) == 1:
            vertex.written = _template(called, record, arrays) if called.name != vertex.op else ""
            return
        for part in self._vertices:
            part.written, part.part_of = "", called.name
        for constant in self._constants:
            constant.part_of = called.name

    def forget(self) -> None:
        """Let go of the arguments of the last call."""
        self._called, self._vertices, self._constants = None, [], []


def _template(called: Called, record: Record, arrays: Sequence[Any]) -> str:
    """A call with {i} for input i: "max({0}, axis=1)"; "" if the op has an input that was computed within the call."""
    places = {id(array): i for i, array in enumerate(arrays) if is_array(array)}

    def text(value: Any) -> str:
        if isinstance(value, (list, tuple)) and any(isinstance(x, Traced) for x in value):
            return f"[{', '.join(map(text, value))}]"
        if not isinstance(value, Traced):
            return in_short(value).replace("{", "{{").replace("}", "}}")
        place = places.get(id(value._array))
        return (in_line(to_host(value._array)) or "...") if place is None else f"{{{place}}}"

    given = [*map(text, called.args), *(f"{name}={text(value)}" for name, value in called.kwargs.items())]
    written = f"{called.name}({', '.join(given)})"
    needed = [places.get(id(array)) for array, node in zip(arrays, record.nodes, strict=True) if node is not None]
    return written if all(f"{{{place}}}" in written for place in needed) else ""


def written_by_name(record: Record) -> str:
    """The same for a record that nobody watched, of which only the function's name is known: "max({0})"."""
    if record.op.name not in ("pick", "concatenate") or not record.name.isidentifier() or record.name == record.op.name:
        return ""
    return f"{record.name}({', '.join(f'{{{i}}}' for i in range(len(record.nodes)))})"
