"""What a graph reads from the program that runs: where an op is called, as what, and what the values are called.

Lines and modules are read from the call stack, so that nothing needs to be told and nothing costs time unless somebody
watches. A module is any object with `named_modules`, in whose method `forward` the op is called: this package does not
know `nn`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import count
from types import FrameType, FunctionType, ModuleType
from typing import Any

from ..autograd.core import Record
from ..autograd.modes import Called, modes
from ..backend import is_array, to_host
from ..errors.users_line import is_ours, users_variables
from ..traced import Traced
from .numbers import in_line
from .vertex import Line, Scope, Vertex, in_short

_ENGINE = __file__.rpartition("inspect")[0]


# --- the modules that are running, and the line --------------------------------------------------------------


class Scopes:
    """The modules that are running, asked for again and again. Two calls of one module are two scopes.

    A frame is known again as long as it is held, so `forget` ends with letting go of the last ones.
    """

    def __init__(self) -> None:
        self._running: list[tuple[FrameType, Scope]] = []  # outermost first
        self._paths: dict[int, str] = {}  # of the modules of the outermost one, by id
        self.roots: list[Any] = []  # outermost modules that are new since somebody emptied the list

    def now(self) -> Scope | None:
        """The innermost module that is running."""
        frames: list[tuple[FrameType, Any]] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_name == "forward" and frame.f_code.co_argcount:
                module = frame.f_locals.get(frame.f_code.co_varnames[0])
                if hasattr(module, "named_modules"):
                    frames.append((frame, module))
            frame = frame.f_back
        frames.reverse()
        same = 0  # how many of the outermost calls are still running
        for (running, _), (before, _) in zip(frames, self._running, strict=False):
            if running is not before:
                break
            same += 1
        self._running = self._running[:same]
        for running, module in frames[same:]:
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


def lines_of_call() -> tuple[Line, ...]:
    """The lines that call an op: the user's and, if a layer calls it for the user, before it that of the layer."""
    found: list[Line] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_ENGINE):
            if not found:
                found.append((file, frame.f_lineno))
            if not is_ours(file):
                return (*found, (file, frame.f_lineno)) if found[0] != (file, frame.f_lineno) else tuple(found)
        frame = frame.f_back
    return tuple(found)


class ParameterNames:
    """The names of parameters by node, as the modules that ran have them: "0.weight".

    Where the program calls several modules on their own, the name of its variable comes first: "a.weight".
    """

    def __init__(self) -> None:
        self._modules: dict[str, dict[Any, str]] = {}  # by variable

    def add(self, module: Any) -> dict[Any, str]:
        """All names, with those of a module that runs now."""
        known = {node for names in self._modules.values() for node in names}
        own = {p._node: name for name, p in module.named_parameters() if p._node is not None and p._node not in known}
        if own:
            self._modules[next(name for name in _names_of(module) if name not in self._modules)] = own
        if len(self._modules) == 1:
            return dict(*self._modules.values())
        return {node: f"{module}.{name}" for module, names in self._modules.items() for node, name in names.items()}


def _names_of(wanted: Any) -> Iterator[str]:
    """What the program may call an object, best first: "a", "layers[0]", and at last "Linear", "Linear_2"."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not is_ours(frame.f_code.co_filename):
            held = {name: x for name, x in {**frame.f_globals, **frame.f_locals}.items() if not name.startswith("_")}
            mine = getattr(held.pop("self", None), "__dict__", {})
            yield from (name for name, x in [*held.items(), *mine.items()] if x is wanted)
            for name, x in held.items():
                if isinstance(x, (list, tuple)):
                    yield from (f"{name}[{i}]" for i, item in enumerate(x) if item is wanted)
                elif isinstance(x, dict):
                    yield from (f"{name}[{key!r}]" for key, item in list(x.items()) if item is wanted)
        frame = frame.f_back
    kind = type(wanted).__name__
    yield kind
    yield from (f"{kind}_{i}" for i in count(2))


# --- how a call was written -----------------------------------------------------------------------------------


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


# --- the program's variables ----------------------------------------------------------------------------------


def tensors_by_name() -> Iterator[tuple[str, Traced]]:
    """(name, tensor) of what the caller's variables hold: first the variables, then attributes, then items of lists.

    A name that begins with an underscore is left out, since notebooks keep what they have shown under such names.
    """
    held = {name: x for name, x in users_variables().items() if name.isidentifier() and name[0] != "_"}
    yield from ((name, x) for name, x in held.items() if isinstance(x, Traced))
    for name, x in held.items():
        yield from ((f"{name}.{key}", value) for key, value in _attributes(x).items() if isinstance(value, Traced))
    for name, x in held.items():
        if isinstance(x, (list, tuple)):
            yield from ((f"{name}[{i}]", value) for i, value in enumerate(x) if isinstance(value, Traced))


def _attributes(x: Any) -> dict[str, Any]:
    """The attributes of an object, such as a network, and the parts of a named tuple."""
    if isinstance(x, (Traced, type, ModuleType, FunctionType)):
        return {}
    parts = x._asdict() if isinstance(x, tuple) and hasattr(x, "_asdict") else getattr(x, "__dict__", {})
    return {key: value for key, value in parts.items() if key[0] != "_"}
