"""Where a training step goes: `tl.profile` measures time, calls and bytes of each op, by the module that calls it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, ClassVar, Literal

from ..autograd.op import Op
from ..errors import aligned
from ..kernels.compiled import available
from .program import Scopes


class Measured:
    """A class with methods that `tl.profile` shows as entries of their own: "Adam.step".

    measured: the names of the methods. What their ops take counts for the ops.
    """

    measured: ClassVar[tuple[str, ...]] = ()


HEAD = ["", "time", "share", "calls", "forward", "calls", "backward", "bytes"]  # each time has its calls before it
_COLUMNS = ((False, None), (False,), (True,))  # what `Spent.backward` is in both columns of calls, and in forward


@dataclass(eq=False, slots=True)
class Spent:
    """The calls of one op in one place, or of an optimiser's method.

    path: of the module, "" outside of any.  op: its name, or "Adam.step".
    backward: whether it is the rule; None for an optimiser.
    calls: how many.  seconds: all together.  bytes: of the results.
    """

    path: str
    op: str
    backward: bool | None
    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0

    @property
    def modules(self) -> tuple[str, ...]:
        """The names along its path."""
        return tuple(self.path.split(".")) if self.path else ()

    @property
    def alone(self) -> str:
        """What stands for its module, outside of any."""
        return self.op if self.backward is None else "(no module)"


@dataclass(eq=False)
class Profile:
    """The measurements of `tl.profile`; `str` is a table.

    seconds: of the whole block. What stands outside of ops is Python between them, data, the clipping of gradients.
    """

    spent: list[Spent] = field(default_factory=list)
    seconds: float = 0.0

    def table(self, by: Literal["op", "module"] = "op") -> str:
        """The calls added up by op or by module, the slowest first, and the time outside of ops.

        By module, each row has the total of a module and all modules in it, which stand below it, indented.
        """
        if by not in ("op", "module"):
            raise ValueError(f'Profile.table: by must be "op" or "module", not {by!r}')
        found = _modules(self.spent) if by == "module" else _slowest_first(self.spent, lambda part: part.op)
        rows = [HEAD, *(_row(name, self.seconds, parts) for name, parts in found)]
        rest = self.seconds - _sum(self.spent)
        rows.append(["outside of ops", _seconds(rest), _share(rest, self.seconds), *[""] * 5])
        rows.append(["together", _seconds(self.seconds), *[""] * 6])
        return "\n".join(aligned(rows, right=range(1, 8)))

    def __str__(self) -> str:
        """The table by op and, if modules ran, the totals of those that took a twentieth of the ops' time or more."""
        if not any(part.path for part in self.spent):
            return self.table()
        least = _sum(self.spent) / 20
        found = [(name, parts) for name, parts in _modules(self.spent) if _sum(parts) >= least]
        rows = [_row(name, self.seconds, parts) for name, parts in found]
        return "\n".join([self.table(), "", *aligned([HEAD, *rows], right=range(1, 8))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What a notebook shows: the tables by op and by module."""
        from .notebook import caption, folded, plain

        modules = folded("by module", plain(self.table("module")))
        return caption("Profile", _seconds(self.seconds)) + plain(self.table()) + modules


def _sum(parts: Iterable[Spent], what: str = "seconds") -> Any:
    return sum(getattr(part, what) for part in parts)


def _slowest_first(parts: Iterable[Spent], name: Callable[[Spent], str]) -> list[tuple[str, list[Spent]]]:
    """(name, parts) of the parts that have one name, the slowest first."""
    found: dict[str, list[Spent]] = {}
    for part in parts:
        found.setdefault(name(part), []).append(part)
    return sorted(found.items(), key=lambda item: -_sum(item[1]))


def _modules(parts: Iterable[Spent], outer: tuple[str, ...] = ()) -> Iterator[tuple[str, list[Spent]]]:
    """(name, parts) of each module with all that is in it, indented below what it is part of."""
    deep = len(outer)
    inner = [part for part in parts if len(part.modules) > deep or not deep]
    for name, found in _slowest_first(inner, lambda part: (*part.modules, part.alone)[deep]):
        yield "  " * deep + (f"{outer[-1]}.{name}" if name.isdigit() else name), found  # blocks.0: its place in a list
        yield from _modules(found, (*outer, name))


def _row(name: str, whole: float, parts: Sequence[Spent]) -> list[str]:
    """A row of a table: the sums of some parts. whole: the seconds of the block."""
    first, forward, rules = ([part for part in parts if part.backward in kinds] for kinds in _COLUMNS)
    calls = [f"{sum(part.calls for part in some):,}" if some else "" for some in (first, rules)]
    seconds = [_seconds(_sum(some)) if some else "" for some in (parts, forward, rules)]
    share, size = _share(_sum(parts), whole), _size(_sum(parts, "bytes"))
    return [name, seconds[0], share, calls[0], seconds[1], calls[1], seconds[2], size if forward or rules else ""]


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


def _share(seconds: float, whole: float) -> str:
    return f"{seconds / whole:.0%}" if whole > 0 else ""


def _size(n: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


class _Own(threading.local):
    """The profiles that measure this thread, the outermost first."""

    profiles: tuple[profile, ...] = ()


_own = _Own()
_changing = threading.Lock()
_measuring = 0  # how many profiles there are now, in all threads
_OF_OPS = ("__call__", "vjp")


class profile:
    """Context manager: measures the ops of this thread and their backward rules, by the module that calls them.

    An optimiser's step and zero_grad are measured too.

        with tl.profile() as profile:
            loss(model(x), y).backward()
            optimizer.step()
        print(profile)                          # calls, time and bytes: by op, and by the modules that took most
        print(profile.table("module"))          # by every module

    Backward counts for the module whose call it goes back through. On a GPU the time is that of starting its work,
    since nothing waits for it. While a block is measured, every op call of the program costs a little more.
    """

    def __enter__(self) -> Profile:
        self._result, self._parts, self._scopes = Profile(), dict[tuple[str, str, bool | None], Spent](), Scopes()
        self._running: list[tuple[str, list[float]]] = []  # what is measured now, with the times of what it called
        self._paths: dict[Any, str] = {}  # of records
        _measure(1)
        available()  # loads Numba, which would count for the first op otherwise
        _own.profiles = (*_own.profiles, self)
        self._began = perf_counter()
        return self._result

    def __exit__(self, *error: object) -> None:
        self._result.seconds = perf_counter() - self._began
        _own.profiles = tuple(profile for profile in _own.profiles if profile is not self)
        _measure(-1)
        self._result.spent = list(self._parts.values())
        self._scopes.forget()
        self._paths = {}

    def _begin(self, name: str) -> bool:
        """Whether a method is measured. Within an op it is not, since the op has its time; nor if super() calls it."""
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
            self._add(self._paths.get(args[0], ""), owner.name, True, seconds, size)
        elif name == "__call__":
            scope = self._scopes.now()
            self._scopes.roots.clear()
            path = "" if scope is None else ".".join(filter(None, (list(scope.above())[-1].kind, scope.path)))
            self._paths.setdefault(getattr(result, "_node", None), path)
            self._add(path, owner.name, False, seconds, getattr(getattr(result, "_array", result), "nbytes", 0))
        else:
            self._add("", f"{type(owner).__name__}.{name}", None, seconds, 0)

    def _add(self, path: str, op: str, backward: bool | None, seconds: float, size: int) -> None:
        part = self._parts.setdefault((path, op, backward), Spent(path, op, backward))
        part.calls, part.seconds, part.bytes = part.calls + 1, part.seconds + seconds, part.bytes + size


def _measure(more: int) -> None:
    """Put measured methods in the place of the original ones. Once no thread has a profile, put the originals back.

    more: 1 for a profile that begins, -1 for one that ends.
    """
    global _measuring
    with _changing:
        _measuring += more
        for kind, name in _methods():
            method = vars(kind)[name]
            before = getattr(method, "measures", None)
            if _measuring and before is None:
                setattr(kind, name, _measured(method, name))
            elif not _measuring and before is not None:
                setattr(kind, name, before)


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

    measured.measures = method  # type: ignore[attr-defined]
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
