"""What a page draws: for each module a view of what is inside of it, boxes and arrows with their places.

A module that is part of a view is one box, which the page opens: then its own view is shown. So every view is small,
and its layout is computed here, once. A graph without modules that is too large for a view is cut into parts, one after
the other, which open in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...backend import Array
from ..drawing import arranged, path_of, rows
from ..numbers import numbers
from ..teaching.walkthrough import Walkthrough
from ..vertex import Scope, Vertex

FLAT = 150  # values of a graph that is also drawn without modules
LONGEST = 34  # characters of a line in a box
MOST = 120  # boxes of a view
PART = 40  # ops of a part, where a view would have more
OPEN = 80  # boxes of an outermost module that is shown open


@dataclass(eq=False)
class Group:
    """A module, or a part of a long computation: what opens. scope: None for the whole graph."""

    scope: Scope | None
    number: int
    vertices: list[Vertex] = field(default_factory=list)  # directly in it
    groups: list[Group] = field(default_factory=list)
    parent: Group | None = None

    @property
    def path(self) -> str:
        """The path of its module, "" for none and for an outermost one."""
        return "" if self.scope is None or self.scope.kind == "part" else self.scope.path

    @property
    def name(self) -> str:
        """Its name within the group that it is in: "blocks.0", "attention"."""
        if self.scope is None:
            return "all"
        outer = self.parent.path if self.parent is not None else ""
        return within(self.scope.path, outer) or self.scope.kind

    def above(self) -> list[Group]:
        """It, what it is in, and so on."""
        return [self] if self.parent is None else [self, *self.parent.above()]


def groups_of(walk: Walkthrough) -> list[Group]:
    """The groups of a walkthrough, that of the whole graph first; each value stands in one.

    A module with a single op is no group of its own: the op stands in its place. A leaf or constant stands with its
    users, in the innermost group that has them all.
    """
    made = [v for v in walk.vertices if v.op is not None]
    counts: dict[Scope, int] = {}
    for vertex in made:
        for scope in vertex.scope.above() if vertex.scope else ():
            counts[scope] = counts.get(scope, 0) + 1
    whole = Group(None, 0)
    found: dict[Scope | None, Group] = {None: whole}
    groups = [whole]

    def group_at(scope: Scope | None) -> Group:
        while scope is not None and counts.get(scope, 2) < 2:
            scope = scope.parent
        if scope not in found:
            assert scope is not None
            parent = group_at(scope.parent)
            found[scope] = group = Group(scope, len(groups), parent=parent)
            groups.append(group)
            parent.groups.append(group)
        return found[scope]

    for vertex in made:
        group_at(vertex.scope).vertices.append(vertex)
    for group in list(whole.groups):
        if len(group.vertices) + len(group.groups) <= OPEN:
            _dissolve(group, whole)
            groups.remove(group)
    for number, group in enumerate(groups):
        group.number = number
    for group in list(groups):
        _cut(group, groups, {v.number: i for i, v in enumerate(made)})
    _place_leaves(walk, groups)
    return groups


def _dissolve(group: Group, outer: Group) -> None:
    """Put what is in a group directly into the one that it is in."""
    outer.groups.remove(group)
    outer.vertices += group.vertices
    outer.groups += group.groups
    for inner in group.groups:
        inner.parent = outer


def _cut(group: Group, groups: list[Group], order: dict[int, int]) -> None:
    """Cut a group with too many boxes into parts: runs of ops and groups that follow each other."""
    first = {g: min(order[v.number] for v in all_of(g)) for g in group.groups}
    members: list[Any] = sorted(
        [*group.vertices, *group.groups], key=lambda m: first[m] if isinstance(m, Group) else order[m.number]
    )
    if len(members) <= MOST:
        return
    size = max(PART, -(-len(members) // MOST))
    group.vertices, group.groups = [], []
    for start in range(0, len(members), size):
        run = members[start : start + size]
        name = f"part {start // size + 1} of {-(-len(members) // size)}"
        part = Group(Scope(name, "part", group.scope), len(groups), parent=group)
        groups.append(part)
        group.groups.append(part)
        part.vertices = [m for m in run if isinstance(m, Vertex)]
        part.groups = [m for m in run if isinstance(m, Group)]
        for inner in part.groups:
            inner.parent = part
        _cut(part, groups, order)


def all_of(group: Group) -> list[Vertex]:
    """The values in a group and in all groups that it holds."""
    return [*group.vertices, *(v for inner in group.groups for v in all_of(inner))]


def _place_leaves(walk: Walkthrough, groups: list[Group]) -> None:
    at = {vertex: group for group in groups for vertex in group.vertices}
    users: dict[Vertex, list[Group]] = {}
    for vertex in walk.vertices:
        for x in vertex.inputs:
            if vertex in at and x.op is None and x.number:
                users.setdefault(x, []).append(at[vertex])
    for vertex in walk.vertices:
        if vertex.op is None:
            chains = [group.above()[::-1] for group in users.get(vertex, groups[:1])]
            common = [level[0] for level in zip(*chains, strict=False) if all(g is level[0] for g in level)]
            common[-1].vertices.append(vertex)


def within(text: str, path: str) -> str:
    """A text with the names of what is in a module as the module itself has them."""
    return "" if text == path else text.replace(f"{path}.", "") if path else text


# --- views ---------------------------------------------------------------------------------------------------


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
    places = arranged([[*own, *more] for own, more in zip(lines, gradients, strict=True)], pairs)
    boxes = [
        {
            **({"group": m.number} if isinstance(m, Group) else {"value": index[m]}),
            "x": round(x, 1), "y": round(y, 1), "w": round(w, 1), "h": h, "lines": texts, "rows": len(more),
            **({"outside": True} if m in outside else {}),
        }
        for m, texts, more, (x, y, w, h) in zip(members, lines, gradients, places.boxes, strict=True)
    ]  # fmt: skip
    paths = [
        {"from": start, "to": end, "d": path_of(points)}
        for (start, end), points in zip(pairs, places.arrows, strict=True)
    ]
    return {"boxes": boxes, "arrows": paths, "width": places.width, "height": places.height}


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
    return [_short(row) for row in rows(numbers(array))]


def _gradient(member: Any, walk: Walkthrough) -> list[str]:
    """The lines that the page will write for its gradient, one after the other step."""
    if isinstance(member, Group) or member not in walk.gradients:
        return []
    return _rows(walk.gradients[member]) or [" " * 22]


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else "\N{WHITE SQUARE}" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
