"""What a graph reads from the program that runs: where an op is called, as what, and what the values are called.

Lines and modules are read from the call stack. So a program need not name them, and nothing costs time unless somebody
watches. A module is any object with `named_modules` whose method `forward` is running: this package does not know `nn`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from types import FrameType, FunctionType, ModuleType
from typing import Any

from ..autograd.core import Record
from ..autograd.modes import Called, modes
from ..backend import is_array, to_host
from ..errors import caller_variables, in_library
from ..tensor_base import TensorBase
from .printing import in_line
from .vertex import Line, Scope, Vertex, in_short

_ENGINE = __file__.rpartition("inspect")[0]


# --- the modules that are running, and the line --------------------------------------------------------------


class Scopes:
    """The modules that are running. A graph asks for them after each op. Two calls of one module are two scopes.

    A call is recognised by its frame, which must be held for that. `forget` lets go of the frames.
    """

    def __init__(self) -> None:
        self._running: list[tuple[FrameType, Scope]] = []  # outermost first
        self._paths: dict[int, str] = {}  # of the modules of the outermost one, by id
        self.roots: list[Any] = []  # outermost modules that are new since somebody emptied the list

    def now(self) -> Scope | None:
        """The innermost module that is running."""
        calls = [(frame, _module_of(frame)) for frame in _frames() if frame.f_code.co_name == "forward"]
        calls = [(frame, module) for frame, module in calls[::-1] if hasattr(module, "named_modules")]
        pairs = zip(calls, self._running, strict=False)
        self._running = [before for _, before in takewhile(lambda pair: pair[0][0] is pair[1][0], pairs)]
        for running, module in calls[len(self._running) :]:
            if not self._running:
                self._paths = {id(m): path for path, m in module.named_modules()}
                self.roots.append(module)
            parent = self._running[-1][1] if self._running else None
            scope = Scope(self._paths.get(id(module), ""), type(module).__name__, parent)
            self._running.append((running, scope))
        return self._running[-1][1] if self._running else None

    def forget(self) -> None:
        """Let go of the frames, which hold the variables of the calls."""
        self._running, self._paths = [], {}


def _frames() -> Iterator[FrameType]:
    """The calls that are running, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _module_of(frame: FrameType) -> Any:
    """The first argument of a call."""
    return frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None


def lines_of_call() -> tuple[Line, ...]:
    """The lines that call an op: the user's and, if a layer calls it for the user, before it that of the layer."""
    outside = [frame for frame in _frames() if not frame.f_code.co_filename.startswith(_ENGINE)]
    users = (frame for frame in outside if not in_library(frame.f_code.co_filename))
    found = [*outside[:1], *islice(users, 1)]
    return tuple(dict.fromkeys((frame.f_code.co_filename, frame.f_lineno) for frame in found))


# --- how a call was written -----------------------------------------------------------------------------------


class Calls:
    """The call that is running. A graph asks for it after each op, and so sees which ops one function calls."""

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
        given = {id(x._array) for x in [*called.args, *called.kwargs.values()] if isinstance(x, TensorBase)}
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
        if isinstance(value, (list, tuple)) and any(isinstance(x, TensorBase) for x in value):
            return f"[{', '.join(map(text, value))}]"
        if not isinstance(value, TensorBase):
            return in_short(value).replace("{", "{{").replace("}", "}}")
        place = places.get(id(value._array))
        return (in_line(to_host(value._array)) or "...") if place is None else f"{{{place}}}"

    given = [*map(text, called.args), *(f"{name}={text(value)}" for name, value in called.kwargs.items())]
    written = f"{called.name}({', '.join(given)})"
    needed = [places.get(id(array)) for array, node in zip(arrays, record.nodes, strict=True) if node is not None]
    return written if all(f"{{{place}}}" in written for place in needed) else ""


# --- the program's variables ----------------------------------------------------------------------------------


def tensors_by_name() -> Iterator[tuple[str, TensorBase]]:
    """(name, tensor) of what the caller's variables hold."""
    return ((name, x) for name, x in _named(caller_variables()) if isinstance(x, TensorBase))


def _named(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, object) of what variables hold: first themselves, then attributes, then items of lists and dicts.

    A name that begins with an underscore is left out, since notebooks keep what they have shown under such names.
    """
    held = {name: x for name, x in variables.items() if name.isidentifier() and name[0] != "_"}
    yield from held.items()
    for name, x in held.items():
        yield from ((f"{name}.{key}", value) for key, value in _attributes(x).items())
    for name, x in held.items():
        if isinstance(x, (list, tuple, dict)):
            items = list(x.items()) if isinstance(x, dict) else enumerate(x)
            places = [(f"{name}[{key!r}]", value) for key, value in items]
            yield from places
            yield from ((f"{place}.{key}", value) for place, part in places for key, value in _attributes(part).items())


def _attributes(x: Any) -> dict[str, Any]:
    """The attributes of an object, the parts of a named tuple, and all parameters of a network by their names in it."""
    if isinstance(x, (TensorBase, type, ModuleType, FunctionType)):
        return {}
    parts = x._asdict() if isinstance(x, tuple) and hasattr(x, "_asdict") else getattr(x, "__dict__", {})
    parameters = dict(x.named_parameters()) if hasattr(type(x), "named_parameters") else {}
    return {key: value for key, value in parts.items() if key[0] != "_"} | parameters
