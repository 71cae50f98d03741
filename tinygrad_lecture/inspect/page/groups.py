"""Which module each value of a graph stands in: the boxes of a page that open.

A graph without modules that is too large for a view is cut into parts, one after the other, which open in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..teaching.walkthrough import Walkthrough
from ..vertex import Scope, Vertex

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
