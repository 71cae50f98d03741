"""Where a training step goes: `tl.profile` measures calls and time of each op."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, ClassVar

from ..autograd.op import Op
from ..errors import aligned
from ..kernels.compiled import available


class Measured:
    """A class with methods that `tl.profile` shows as entries of their own: "Adam.step".

    measured: the names of the methods. What their ops take counts for the ops.
    """

    measured: ClassVar[tuple[str, ...]] = ()


HEAD = ["", "time", "share", "calls", "forward", "calls", "backward"]  # each time has its calls before it


@dataclass(eq=False, slots=True)
class Spent:
    """The calls of one op, or of an optimiser's method.

    op: its name, or "Adam.step".  backward: whether it is the rule.
    calls: how many.  seconds: all together.
    """

    op: str
    backward: bool
    calls: int = 0
    seconds: float = 0.0


@dataclass(eq=False)
class Profile:
    """The measurements of `tl.profile`; `str` is a table.

    seconds: of the whole block. What stands outside of ops is Python between them, data, the clipping of gradients.
    """

    spent: list[Spent] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        """The calls added up by op, the slowest first, and the time outside of ops."""
        by_op: dict[str, list[Spent]] = {}
        for part in self.spent:
            by_op.setdefault(part.op, []).append(part)
        slowest_first = sorted(by_op.values(), key=_together, reverse=True)
        rest = self.seconds - _together(self.spent)
        rows = [HEAD, *map(self._row, slowest_first)]
        rows.append(["outside of ops", _seconds(rest), self._share(rest), *[""] * 4])
        rows.append(["together", _seconds(self.seconds), *[""] * 5])
        return "\n".join(aligned(rows, right=range(1, 7)))

    __repr__ = __str__

    def _row(self, parts: Sequence[Spent]) -> list[str]:
        """The row of an op. parts: its calls and those of its rule, if there were any."""
        cells = []
        for backward in (False, True):
            found = [part for part in parts if part.backward == backward]
            cells += [f"{found[0].calls:,}", _seconds(found[0].seconds)] if found else ["", ""]
        seconds = _together(parts)
        return [parts[0].op, _seconds(seconds), self._share(seconds), *cells]

    def _share(self, seconds: float) -> str:
        return f"{seconds / self.seconds:.0%}" if self.seconds > 0 else ""

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from .notebook import caption, plain

        return caption("Profile", _seconds(self.seconds)) + plain(str(self))


def _together(parts: Sequence[Spent]) -> float:
    return sum(part.seconds for part in parts)


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


class _Own(threading.local):
    """What measures this thread.

    profiles: the outermost first.  running: the kind of each method that is measured now, and the times of what it
    called.
    """

    def __init__(self) -> None:
        self.profiles: tuple[profile, ...] = ()
        self.running: list[tuple[str, list[float]]] = []


_own = _Own()
_changing = threading.Lock()
_measuring = 0  # how many profiles there are now, in all threads
_OF_OPS = ("__call__", "vjp")


class profile:
    """Context manager: measures the ops of this thread, their backward rules, and an optimiser's step and zero_grad.

        with tl.profile() as profile:
            loss(model(x), y).backward()
            optimizer.step()
        print(profile)                          # calls and time by op

    On a GPU the time is that of starting its work, since nothing waits for it. While a block is measured, every op call
    of the program costs a little more.
    """

    def __enter__(self) -> Profile:
        self._result, self._parts = Profile(), dict[tuple[str, bool], Spent]()
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

    def _add(self, op: str, backward: bool, seconds: float) -> None:
        part = self._parts.setdefault((op, backward), Spent(op, backward))
        part.calls, part.seconds = part.calls + 1, part.seconds + seconds


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
    """A method that the profiles of the calling thread measure.

    Within an op it is not measured, since the op has its time; nor if super() calls it.
    """
    kind = "op" if name in _OF_OPS else name

    @functools.wraps(method)
    def measured(owner: Any, *args: Any, **kwargs: Any) -> Any:
        running = _own.running
        if not _own.profiles or any(outer in ("op", kind) for outer, _ in running):
            return method(owner, *args, **kwargs)
        inner: list[float] = []
        running.append((kind, inner))
        began = perf_counter()
        try:
            result = method(owner, *args, **kwargs)
        finally:
            took = perf_counter() - began
            running.pop()
            if running:
                running[-1][1].append(took)
        op = owner.name if kind == "op" else f"{type(owner).__name__}.{name}"
        for profile in _own.profiles:
            profile._add(op, name == "vjp", took - sum(inner))
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
