"""Where an op is called: the line of the program, and the modules that are running.

Both are read from the call stack, so that nothing needs to be told and nothing costs time unless somebody watches. A
module is any object with `named_modules`, in whose method `forward` the op is called: this package does not know `nn`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from types import FrameType
from typing import Any

from ...errors.users_line import is_ours
from ..vertex import Line, Scope

_ENGINE = __file__.rpartition("inspect")[0]


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
