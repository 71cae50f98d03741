"""What a page draws: for each module a view of what is inside of it, boxes and arrows with their places.

A module that is part of a view is one box, which the page opens: then its own view is shown. So every view is small,
and its layout is computed here, once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ...backend import Array
from ..numbers import numbers
from ..layout import Layout, Point, layered
from ..routes import bends, routes
from ..teaching.walkthrough import Walkthrough
from ..vertex import Vertex
from .groups import Group, all_of, within

FLAT = 150  # values of a graph that is also drawn without modules
INCH = 96.0  # pixels; a layout is in inches
LONGEST = 34  # characters of a line in a box


def view_of(group: Group, walk: Walkthrough, index: dict[Vertex, int]) -> dict[str, Any]:
    """The view of a group: boxes for its values and groups, and for the values that come in from outside."""
    owner: dict[Vertex, Group | None] = dict.fromkeys(group.vertices)
    for inner in group.groups:
        owner |= dict.fromkeys(all_of(inner), inner)
    outside: list[Vertex] = []
    for vertex in owner:
        outside += [x for x in vertex.inputs if x in index and x not in owner and x not in outside]
    return _arranged(owner, outside, walk, index, group.path)


def flat_view(walk: Walkthrough, index: dict[Vertex, int]) -> dict[str, Any] | None:
    """The view of every value without modules; None if there are too many."""
    if len(walk.vertices) > FLAT:
        return None
    return _arranged(dict.fromkeys(walk.vertices), [], walk, index)


def _arranged(
    owner: dict[Vertex, Group | None], outside: list[Vertex], walk: Walkthrough, index: dict[Vertex, int], path: str = ""
) -> dict[str, Any]:
    """A view. owner: the group of each value in it that stands for it, None for a box of its own.

    path: of the module that is shown; names are those within it.
    """
    members: list[Any] = list(outside)
    ordered = sorted(owner, key=lambda v: v.number)
    last = {owner[v]: v.number for v in ordered if owner[v]}  # a group stands where its last value does
    for vertex in ordered:
        group = owner[vertex]
        if group is None or last[group] == vertex.number:
            members.append(vertex if group is None else group)
    place = {member: i for i, member in enumerate(members)}
    arrows: dict[tuple[int, int], int] = {}
    for vertex in ordered:
        end = place[owner[vertex] or vertex]
        for x in vertex.inputs:
            start = place.get(owner.get(x) or x)
            if start is not None and start != end:
                arrows[start, end] = arrows.get((start, end), 0) + 1
    pairs = [pair if pair[0] < pair[1] else pair[::-1] for pair in arrows]
    lines = [_lines(m, m in outside, path) for m in members]
    gradients = [_gradient(m, walk) for m in members]
    sizes = [_size(texts, rows) for texts, rows in zip(lines, gradients, strict=True)]
    layout = _layout(tuple(sizes), tuple(pairs))
    boxes = [
        {
            **({"group": m.number} if isinstance(m, Group) else {"value": index[m]}),
            "x": _px(x - w / 2), "y": _px(layout.height - y - h / 2), "w": _px(w), "h": _px(h), "lines": texts,
            "rows": len(rows),
            **({"outside": True} if m in outside else {}),
        }
        for m, texts, rows, (x, y), (w, h) in zip(members, lines, gradients, layout.centres, sizes, strict=True)
    ]  # fmt: skip
    paths = [
        {"from": start, "to": end, "d": _path(points, layout)}
        for (start, end), points in zip(pairs, routes(sizes, pairs, layout), strict=True)
    ]
    return {"boxes": boxes, "arrows": paths, "width": _px(layout.width), "height": _px(layout.height)}


@lru_cache(maxsize=64)
def _layout(sizes: tuple[Point, ...], pairs: tuple[tuple[int, int], ...]) -> Layout:
    """The layout; one for all blocks of a model that look the same."""
    return layered(sizes, pairs, gap=0.3, rise=0.45)


def _lines(member: Any, outside: bool, path: str) -> list[str]:
    """The texts of a box: what it is, and its value or how many ops it has."""
    if isinstance(member, Group):
        assert member.scope is not None
        made = [v for v in all_of(member) if v.op is not None]
        last = max(made, key=lambda v: v.number)
        kind = f"{member.scope.kind}, " if member.scope.kind not in (member.name, "part") else ""
        return [
            _short(member.name),
            _short(f"{kind}{len(made)} ops"),
            f"gives {last.shape}",
        ]
    layer = ""
    if member.scope is not None and member.op is not None and not outside:
        layer = within(member.scope.path, path)
    if outside and member.op is not None and member.scope is not None:
        layer = within(member.scope.path, path) or member.scope.kind
    first = str(member) if outside else member.equation.replace(" ** 2", "²")
    rows = _rows(member.value) or [f"shape {member.shape}"]
    layer = f"module {layer}" if layer[:1].isdigit() else layer
    return [_short(within(first, path)), *rows, *([_short(f"{'from' if outside else 'in'} {layer}")] if layer else [])]


def _rows(array: Array | None) -> list[str]:
    """A small array, a line for each row; [] for a large one."""
    return [_short(row) for row in numbers(array).replace("], [", "],|[").split("|") if row]


def _gradient(member: Any, walk: Walkthrough) -> list[str]:
    """The lines that the page will write for its gradient, one after the other step."""
    if isinstance(member, Group) or member not in walk.gradients:
        return []
    return _rows(walk.gradients[member]) or [" " * 22]


def _size(lines: Sequence[str], gradient: Sequence[str]) -> Point:
    """The size of a box in inches: its texts and those of its gradient, in a font of equal widths."""
    head, *rest = map(_width, [*lines, *gradient])
    width = max(head * 7.9, max(rest, default=0) * 7.0, 84) + 22
    return width / INCH, (18 * (len(lines) + len(gradient)) + 12) / INCH


def _width(text: str) -> float:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else "\N{WHITE SQUARE}" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _path(points: Sequence[Point], layout: Layout) -> str:
    """The d of an SVG path."""

    def at(point: Point) -> str:
        return f"{_px(point[0])} {_px(layout.height - point[1])}"

    curves = "".join(f"C{at(a)} {at(b)} {at(c)}" for a, b, c in bends(points))
    return f"M{at(points[0])}{curves}"


def _px(inches: float) -> float:
    return round(inches * INCH, 1)
