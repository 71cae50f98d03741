"""What a profile measured: a table by op or by module, a tree for the flame view, a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...errors import aligned
from ...files import atomic_write

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


@dataclass(eq=False)
class Profile:
    """The measurements of `tl.profile`; `str` is a table.

    seconds: of the whole block. What stands outside of ops is Python between them, data, the clipping of gradients.
    """

    spent: list[Spent] = field(default_factory=list)
    seconds: float = 0.0

    def table(self, by: Literal["op", "module", "both"] = "op") -> str:
        """The calls added up by op, by module or by both, the slowest first, and the time outside of ops.

        By module, each row has the total of a module and all modules in it, which stand below it, indented.
        """
        rows = [HEAD, *self._rows(by)]
        rest = self.seconds - sum(part.seconds for part in self.spent)
        rows.append(["outside of ops", _seconds(rest), _share(rest, self.seconds), *[""] * 5])
        rows.append(["together", _seconds(self.seconds), *[""] * 6])
        return "\n".join(aligned(rows, right=range(1, 8)))

    def __str__(self) -> str:
        """The table by op and, if modules ran, the totals of those that took a twentieth of the ops' time or more."""
        if not any(part.path for part in self.spent):
            return self.table()
        least = sum(part.seconds for part in self.spent) / 20
        found = [(name, parts) for name, parts in self._modules() if _seconds_of(parts) >= least]
        rows = [_row(name, self.seconds, parts) for name, parts in found]
        return "\n".join([self.table(), "", *aligned([HEAD, *rows], right=range(1, 8))])

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
            return [_row(name, self.seconds, parts) for name, parts in self._modules()]
        found: dict[str, list[Spent]] = {}
        for part in self.spent:
            found.setdefault(f"{part.path}: {part.op}" if part.path and by == "both" else part.op, []).append(part)
        return [_row(name, self.seconds, parts) for name, parts in sorted(found.items(), key=_slowest_first)]

    def _modules(self) -> list[tuple[str, list[Spent]]]:
        """(name, parts) of each module with all that is in it, indented below what it is part of."""
        found: dict[tuple[str, ...], list[Spent]] = {}
        for part in self.spent:
            alone = part.op if part.backward is None else "(no module)"
            path = tuple(part.path.split(".")) if part.path else (alone,)
            for depth in range(1, len(path) + 1):
                found.setdefault(path[:depth], []).append(part)

        def below(outer: tuple[str, ...]) -> Iterator[tuple[str, list[Spent]]]:
            own = ((path, parts) for path, parts in found.items() if path[:-1] == outer)
            for path, parts in sorted(own, key=_slowest_first):
                name = ".".join(path[-2:]) if path[-1].isdigit() else path[-1]  # blocks.0, for its place in a list
                yield "  " * len(outer) + name, parts
                yield from below(path)

        return list(below(()))

    def _tree(self) -> dict[str, Any]:
        """Time as a tree: forward and backward, in each the modules, in each the ops; then the optimisers."""
        halves = []
        for name, backward in (("forward", False), ("backward", True)):
            parts = [part for part in self.spent if part.backward is backward]
            halves.append(_branch(name, ((part.path.split(".") if part.path else [], part) for part in parts)))
        others = [_branch(part.op, [([], part)]) | {"parts": []} for part in self.spent if part.backward is None]
        rest = self.seconds - sum(part.seconds for part in self.spent)
        outside = {"name": "outside of ops", "seconds": max(rest, 0.0), "calls": 0, "bytes": 0, "parts": []}
        bars = [*halves, *others, outside]
        return {"name": "all", "seconds": self.seconds, "calls": 0, "bytes": 0, "parts": bars}


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


def _slowest_first(item: tuple[Any, list[Spent]]) -> float:
    return -sum(part.seconds for part in item[1])


def _seconds_of(parts: Iterable[Spent]) -> float:
    return sum(part.seconds for part in parts)


def _row(name: str, whole: float, parts: Sequence[Spent]) -> list[str]:
    """A row of a table: the sums of some parts. whole: the seconds of the block."""
    first, forward, rules = ([part for part in parts if part.backward in kinds] for kinds in _COLUMNS)
    calls = [f"{sum(part.calls for part in some):,}" if some else "" for some in (first, rules)]
    seconds = [_seconds(_seconds_of(some)) if some else "" for some in (parts, forward, rules)]
    share, size = _share(_seconds_of(parts), whole), _size(sum(part.bytes for part in parts))
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
