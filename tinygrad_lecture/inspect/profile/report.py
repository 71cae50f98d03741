"""What a profile measured: a table by op or by module, a tree for the flame view, a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...errors.table import aligned
from ...files import atomic_write

HEAD = ["", "calls", "forward", "backward", "share", "bytes"]


@dataclass(eq=False, slots=True)
class Spent:
    """The calls of one op in one place.

    path: of the module, "" outside of any.  op: its name.  backward: whether it is the rule.
    calls: how many.  seconds: all together.  bytes: of the results.
    """

    path: str
    op: str
    backward: bool
    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0


@dataclass(eq=False)
class Profile:
    """The measurements of `tl.profile`; `str` is a table.

    seconds: of the whole block; what the ops did not take is Python between them, the optimiser, the data.
    """

    spent: list[Spent] = field(default_factory=list)
    seconds: float = 0.0

    def table(self, by: Literal["op", "module", "both"] = "op") -> str:
        """The calls added up by op, by module or by both, the slowest first, and the time outside of ops.

        By module, each row has the total of a module and all modules in it, which stand below it, indented.
        """
        rows = [HEAD, *self._rows(by)]
        rest = self.seconds - sum(part.seconds for part in self.spent)
        rows.append(["outside of ops", "", _seconds(rest), "", _share(rest, self.seconds), ""])
        rows.append(["together", "", _seconds(self.seconds), "", "", ""])
        return "\n".join(aligned(rows, right=range(1, 6)))

    def __str__(self) -> str:
        """The table by op and, if modules ran, the totals of those that took a twentieth of the ops' time or more."""
        if not any(part.path for part in self.spent):
            return self.table()
        least = sum(part.seconds for part in self.spent) / 20
        rows = [_row(name, self.seconds, *halves) for name, *halves in self._modules() if _seconds_of(halves) >= least]
        return "\n".join([self.table(), "", *aligned([HEAD, *rows], right=range(1, 6))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What a notebook shows: the tables by op and by module."""
        from ..html.parts import caption, folded, plain

        modules = folded("by module", plain(self.table("module")))
        return caption("Profile", _seconds(self.seconds)) + plain(self.table()) + modules

    def page(self, path: str | Path, title: str = "Profile") -> Path:
        """Write a page with a flame view: as wide as its time, each module stands on what it is part of.

        Returns the path. Raises FileNotFoundError if the folder does not exist.
        """
        from ..page.assemble import assembled, read

        data = {"title": title, "seconds": self.seconds, "tree": self._tree(), "table": self.table("both")}
        scripts = ["numbers.js", "theme.js", "flame.js"]
        with atomic_write(path) as temporary:
            temporary.write_text(assembled(title, read("flame.html"), scripts, data), encoding="utf-8")
        return Path(path)

    def _rows(self, by: str) -> list[list[str]]:
        """The rows of a table."""
        if by not in ("op", "module", "both"):
            raise ValueError(f'Profile.table: by must be "op", "module" or "both", not {by!r}')
        if by == "module":
            return [_row(name, self.seconds, *halves) for name, *halves in self._modules()]
        found: dict[str, list[Spent]] = {}
        for part in self.spent:
            found.setdefault(f"{part.path}: {part.op}" if part.path and by == "both" else part.op, []).append(part)
        return [_row(name, self.seconds, *_halves(parts)) for name, parts in sorted(found.items(), key=_slowest_first)]

    def _modules(self) -> list[tuple[str, Spent | None, Spent | None]]:
        """(name, forward, backward) of each module with all that is in it, indented below what it is part of."""
        found: dict[tuple[str, ...], list[Spent]] = {}
        for part in self.spent:
            path = tuple(part.path.split(".")) if part.path else ("(no module)",)
            for depth in range(1, len(path) + 1):
                found.setdefault(path[:depth], []).append(part)

        def below(outer: tuple[str, ...]) -> Iterator[tuple[str, Spent | None, Spent | None]]:
            own = ((path, parts) for path, parts in found.items() if path[:-1] == outer)
            for path, parts in sorted(own, key=_slowest_first):
                name = ".".join(path[-2:]) if path[-1].isdigit() else path[-1]  # blocks.0, for its place in a list
                yield ("  " * len(outer) + name, *_halves(parts))
                yield from below(path)

        return list(below(()))

    def _tree(self) -> dict[str, Any]:
        """Time as a tree: forward and backward, in each the modules, in each the ops."""
        halves = []
        for name, backward in (("forward", False), ("backward", True)):
            parts = [part for part in self.spent if part.backward is backward]
            halves.append(_branch(name, ((part.path.split(".") if part.path else [], part) for part in parts)))
        rest = self.seconds - sum(half["seconds"] for half in halves)
        outside = {"name": "outside of ops", "seconds": max(rest, 0.0), "calls": 0, "bytes": 0, "parts": []}
        return {"name": "all", "seconds": self.seconds, "calls": 0, "bytes": 0, "parts": [*halves, outside]}


def _branch(name: str, parts: Iterable[tuple[list[str], Spent]]) -> dict[str, Any]:
    """A module with what is in it: by the first name of each path."""
    inner: dict[str, list[tuple[list[str], Spent]]] = {}
    ops: list[dict[str, Any]] = []
    for path, part in parts:
        if path:
            inner.setdefault(path[0], []).append((path[1:], part))
        else:
            sums = {"seconds": part.seconds, "calls": part.calls, "bytes": part.bytes}
            ops.append({"name": part.op, **sums, "parts": []})
    children = [*(_branch(first, rest) for first, rest in inner.items()), *ops]
    children.sort(key=lambda child: -child["seconds"])
    sums = {key: sum(child[key] for child in children) for key in ("seconds", "calls", "bytes")}
    return {"name": name, **sums, "parts": children}


def _halves(parts: Iterable[Spent]) -> tuple[Spent | None, Spent | None]:
    """What was spent forward and backward, each added up; None if nothing was."""
    halves: dict[bool, Spent] = {}
    for part in parts:
        total = halves.setdefault(part.backward, Spent("", "", part.backward))
        total.calls, total.seconds = total.calls + part.calls, total.seconds + part.seconds
        total.bytes += part.bytes
    return halves.get(False), halves.get(True)


def _slowest_first(item: tuple[Any, list[Spent]]) -> float:
    return -sum(part.seconds for part in item[1])


def _seconds_of(halves: Iterable[Spent | None]) -> float:
    return sum(part.seconds for part in halves if part is not None)


def _row(name: str, whole: float, forward: Spent | None, backward: Spent | None) -> list[str]:
    """A row of a table. whole: the seconds of the block."""
    both = [part for part in (forward, backward) if part is not None]
    return [
        name, f"{sum(part.calls for part in both):,}", _time(forward), _time(backward),
        _share(_seconds_of(both), whole), _size(sum(part.bytes for part in both)),
    ]  # fmt: skip


def _time(part: Spent | None) -> str:
    return "" if part is None else _seconds(part.seconds)


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
