"""`tl.profile`: measures every op call, every backward rule and every optimiser step of a block."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
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
_OF_OPS = ("__call__", "vjp")


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
        self._result, self._parts, self._scopes = Profile(), dict[tuple[str, str, bool | None], Spent](), Scopes()
        self._running: list[tuple[str, list[float]]] = []  # what is measured now, with the times of what it called
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

    def _begin(self, name: str) -> bool:
        """Whether a method is measured: not within an op, for which all that it calls counts, nor called by super()."""
        if any(running in ("op", name) for running, _ in self._running):
            return False
        self._running.append((name, []))
        return True

    def _end(self, seconds: float) -> float:
        """The seconds of what was running, without those of what it called."""
        inner = self._running.pop()[1]
        if self._running:
            self._running[-1][1].append(seconds)
        return seconds - sum(inner)

    def _note(self, owner: Any, name: str, args: tuple[Any, ...], result: Any, seconds: float) -> None:
        if name == "vjp":
            size = sum(getattr(getattr(g, "_array", g), "nbytes", 0) for _, g in result)
            self._add(self._paths.get(id(args[0]), ""), owner.name, True, seconds, size)
        elif name == "__call__":
            scope = self._scopes.now()
            self._scopes.roots.clear()
            path = "" if scope is None else ".".join(filter(None, (list(scope.above())[-1].kind, scope.path)))
            node = getattr(result, "_node", None)
            if isinstance(node, Record) and id(node) not in self._paths:
                self._paths[id(node)] = path
                self._records.append(node)
            self._add(path, owner.name, False, seconds, getattr(getattr(result, "_array", result), "nbytes", 0))
        else:
            self._add("", f"{type(owner).__name__}.{name}", None, seconds, 0)

    def _add(self, path: str, op: str, backward: bool | None, seconds: float, size: int) -> None:
        part = self._parts.setdefault((path, op, backward), Spent(path, op, backward))
        part.calls, part.seconds, part.bytes = part.calls + 1, part.seconds + seconds, part.bytes + size


def _measure() -> None:
    """Put measured methods in the place of all that are measured, for one profile more."""
    global _measuring
    with _changing:
        _measuring += 1
        for kind, name in _methods():
            if (kind, name) not in _before:
                _before[kind, name] = method = vars(kind)[name]
                setattr(kind, name, _measured(method, name))


def _measure_no_more() -> None:
    """Put the methods back once no thread has a profile any more."""
    global _measuring
    with _changing:
        _measuring -= 1
        if not _measuring:
            for (kind, name), method in _before.items():
                setattr(kind, name, method)
            _before.clear()


def _measured(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A method that the profiles of the calling thread measure."""
    kind = "op" if name in _OF_OPS else name

    @functools.wraps(method)
    def measured(owner: Any, *args: Any, **kwargs: Any) -> Any:
        profiles = [profile for profile in _own.profiles if profile._begin(kind)]
        if not profiles:
            return method(owner, *args, **kwargs)
        began = perf_counter()
        try:
            result = method(owner, *args, **kwargs)
        finally:
            took = perf_counter() - began
            own = [profile._end(took) for profile in profiles]
        for profile, seconds in zip(profiles, own, strict=True):
            profile._note(owner, name, args, result, seconds)
        return result

    return measured


def _methods() -> Iterator[tuple[type, str]]:
    """(class, name) of what is measured: the call of an op, the backward rules of each kind of op, steps of optimisers.

    Calls of a fused op are those of its kernel or of the ops in its definition.
    """
    kinds: list[type] = [Op, Measured]
    for kind in kinds:  # it grows
        kinds += kind.__subclasses__()
        names = kind.measured if issubclass(kind, Measured) else _OF_OPS if kind is Op else ("vjp",)
        yield from ((kind, name) for name in names if name in vars(kind))
