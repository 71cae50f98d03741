"""`tl.profile`: measures every op call, every backward rule and every optimiser step of a block."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

from ...autograd.core import Record
from ...autograd.modes import NeedsParentheses
from ...autograd.op import Op
from ...kernels.compiled import available
from ..program import Scopes
from .measured import Measured
from .report import Profile, Spent


class _Own(threading.local):
    """The profiles that measure this thread, the outermost first."""

    def __init__(self) -> None:
        self.profiles: list[profile] = []


_own = _Own()
_changing = threading.Lock()
_measuring = 0  # how many profiles there are now, in all threads
_before: dict[tuple[type, str], Callable[..., Any]] = {}  # the methods that are measured, as they were


class profile(metaclass=NeedsParentheses):
    """Context manager: measures the ops of this thread and their backward rules, by the module that calls them.

    An optimiser's step and zero_grad are measured too.

        with tl.profile() as profile:
            loss(model(x), y).backward()
            optimizer.step()
        print(profile)                          # calls, time and bytes: by op, and by the modules that took most
        print(profile.table("module"))          # by every module
        profile.page("profile.html")            # the flame view

    Backward counts for the module whose call it goes back through. Time on a GPU is that of starting its work, since
    nothing waits for it. While any block is measured, every op call of the program costs a little more.
    """

    def __enter__(self) -> Profile:
        self._result, self._parts = Profile(), dict[tuple[str, str, bool | None], Spent]()
        self._scopes, self._inside = Scopes(), False  # whether an op is running
        self._others: list[str] = []  # what else is running: a step, and what its closure calls
        self._known = 0.0  # seconds of all that was measured so far
        self._paths: dict[int, str] = {}  # of records, by id; the records live until the end
        self._records: list[Record] = []
        _measure()
        available()  # loads Numba, which would count for the first op otherwise
        self._together = _own.profiles
        self._together.append(self)
        self._began = perf_counter()
        return self._result

    def __exit__(self, *error: object) -> None:
        self._result.seconds = perf_counter() - self._began
        self._together.remove(self)
        _measure_no_more()
        self._result.spent = list(self._parts.values())
        self._scopes.forget()
        self._records, self._paths = [], {}

    def _note_forward(self, op: Any, args: tuple[Any, ...], result: Any, seconds: float) -> None:
        scope = self._scopes.now()
        self._scopes.roots.clear()
        path = "" if scope is None else ".".join(filter(None, (list(scope.above())[-1].kind, scope.path)))
        node = getattr(result, "_node", None)
        if isinstance(node, Record) and id(node) not in self._paths:
            self._paths[id(node)] = path
            self._records.append(node)
        self._add(path, op.name, False, seconds, getattr(getattr(result, "_array", result), "nbytes", 0))

    def _note_backward(self, op: Any, args: tuple[Any, ...], result: Any, seconds: float) -> None:
        size = sum(getattr(getattr(g, "_array", g), "nbytes", 0) for g in result if g is not None)
        self._add(self._paths.get(id(args[0]), ""), op.name, True, seconds, size)

    def _add(self, path: str, op: str, backward: bool | None, seconds: float, size: int) -> None:
        self._known += seconds
        key = path, op, backward
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = Spent(path, op, backward)
        part.calls, part.seconds, part.bytes = part.calls + 1, part.seconds + seconds, part.bytes + size


def _measure() -> None:
    """Put measured methods in the place of all that are measured, for one profile more."""
    global _measuring
    with _changing:
        _measuring += 1
        for kind, name in [*_methods(), *_other_methods()]:
            if (kind, name) not in _before:
                _before[kind, name] = method = vars(kind)[name]
                other = issubclass(kind, Measured)
                setattr(kind, name, _other(method, name) if other else _measured(method, name == "vjp"))


def _measure_no_more() -> None:
    """Put the methods back once no thread has a profile any more."""
    global _measuring
    with _changing:
        _measuring -= 1
        if not _measuring:
            for (kind, name), method in _before.items():
                setattr(kind, name, method)
            _before.clear()


def _measured(method: Callable[..., Any], backward: bool) -> Callable[..., Any]:
    """A method that the profiles of the calling thread measure, with all that it calls itself."""

    def measured(op: Any, *args: Any, **kwargs: Any) -> Any:
        profiles = [profile for profile in _own.profiles if not profile._inside]
        if not profiles:
            return method(op, *args, **kwargs)
        for profile in profiles:
            profile._inside = True
        began = perf_counter()
        try:
            result = method(op, *args, **kwargs)
            took = perf_counter() - began
        finally:
            for profile in profiles:
                profile._inside = False
        for profile in profiles:
            (profile._note_backward if backward else profile._note_forward)(op, args, result, took)
        return result

    return measured


def _other(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A method of a Measured, without the time of what is measured within it: the ops of a step's closure."""

    @functools.wraps(method)
    def measured(owner: Any, *args: Any, **kwargs: Any) -> Any:
        profiles = [profile for profile in _own.profiles if name not in profile._others]  # where no super() called it
        known = [profile._known for profile in profiles]
        for profile in profiles:
            profile._others.append(name)
        began = perf_counter()
        try:
            return method(owner, *args, **kwargs)
        finally:
            took = perf_counter() - began
            for profile, before in zip(profiles, known, strict=True):
                profile._others.pop()
                own = took - (profile._known - before)
                profile._add("", f"{type(owner).__name__}.{name}", None, own, 0)

    return measured


def _methods() -> list[tuple[type, str]]:
    """The methods that compute: the call of an op, and the backward rules of each kind of op.

    Calls of a fused op are those of its kernel or of the ops in its definition.
    """
    kinds: list[type] = [Op]
    found: list[tuple[type, str]] = [(Op, "__call__")]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        found += [(kind, "vjp")] if "vjp" in vars(kind) else []
    return found


def _other_methods() -> list[tuple[type, str]]:
    """The methods of all kinds of Measured that are measured, in the classes that define them."""
    kinds: list[type[Measured]] = [Measured]
    found: list[tuple[type, str]] = []
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        found += [(kind, name) for name in kind.measured if name in vars(kind)]
    return found
