"""What a page draws: for each module a view of what is inside of it, boxes and arrows with their places.

A module that is part of a view is one box, which the page opens: then its own view is shown. So every view is small,
and its layout is computed here, once. A graph without modules that is too large for a view is cut into parts, one after
the other, which open in the same way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..drawing import arranged, path_of, rows
from ..explain.walkthrough import Walkthrough
from ..numbers import in_line
from ..vertex import Scope, Vertex
from .words import neurons_of

FLAT = 150  # values of a graph that is also drawn without modules
LONGEST = 44  # characters of a line in a box
MOST = 120  # boxes of a view
PART = 40  # ops of a part, where a view would have more
OPEN = 80  # boxes of an outermost module that is shown open


@dataclass(eq=False)
class Group:
    """A module, or a part of a long computation: what opens. The first is the whole graph.

    members: what it consists of, in order: values, and groups by their scopes.  parent: None for the whole graph.
    """

    scope: Scope
    members: dict[Any, Any] = field(default_factory=dict)
    parent: Group | None = None
    number: int = 0

    def groups(self) -> list[Group]:
        """Itself and all groups in it."""
        return [self, *(g for member in self.members.values() if isinstance(member, Group) for g in member.groups())]

    def vertices(self) -> list[Vertex]:
        """The values in it and in all groups that it holds."""
        return [v for group in self.groups() for v in group.members.values() if isinstance(v, Vertex)]

    def around(self) -> list[Group]:
        """The groups that it is in, the whole graph first, and itself."""
        return [*(self.parent.around() if self.parent else []), self]

    def cut(self) -> None:
        """Cut it, and each group in it, into parts where it has too many members: runs that follow each other."""
        items = list(self.members.items())
        if len(items) > MOST:
            size = max(PART, -(-len(items) // MOST))
            runs = [dict(items[i : i + size]) for i in range(0, len(items), size)]
            parts = [Group(Scope("", f"part {i} of {len(runs)}"), run) for i, run in enumerate(runs, start=1)]
            self.members = {part.scope: part for part in parts}
        for member in self.members.values():
            if isinstance(member, Group):
                member.cut()


def grouped(walk: Walkthrough, folded: Mapping[Vertex, Vertex]) -> tuple[list[Group], dict[Vertex, Group]]:
    """The groups of a walkthrough, and the one that each value stands in.

    A module with a single op is no group of its own: the op stands in its place. A leaf or constant stands with its
    users, in the innermost group that has them all; what is folded, with what it is in another shape.
    """
    made = [v for v in walk.vertices if v.op is not None and v not in folded]
    counts = Counter(scope for v in made if v.scope for scope in v.scope.above())
    whole = Group(Scope("", "all"))
    for vertex in made:
        group = whole
        for scope in [*(vertex.scope.above() if vertex.scope else ())][::-1]:
            if counts[scope] > 1:
                group = group.members.setdefault(scope, Group(scope))
        group.members[vertex] = vertex
    opened: dict[Any, Any] = {}
    for key, member in whole.members.items():
        opened |= member.members if isinstance(member, Group) and len(member.members) <= OPEN else {key: member}
    whole.members = opened
    whole.cut()
    groups, at = whole.groups(), dict[Vertex, Group]()
    for number, group in enumerate(groups):
        group.number = number
        for member in group.members.values():
            if isinstance(member, Group):
                member.parent = group
            else:
                at[member] = group
    users = defaultdict[Vertex, list[list[Group]]](list)
    for user in made:
        for x in user.inputs:
            users[folded.get(x, x)].append(at[user].around())
    for vertex in walk.vertices:
        if vertex in folded:
            at[vertex] = at[folded[vertex]]
        elif vertex.op is None:
            levels = zip(*(users[vertex] or [[whole]]), strict=False)
            at[vertex] = [level[0] for level in levels if len(set(level)) == 1][-1]
            at[vertex].members[vertex] = vertex
    return groups, at


def within(text: str, path: str) -> str:
    """A text with the names of what is in a module as the module itself has them."""
    return "" if text == path else text.replace(f"{path}.", "") if path else text


def name_of(group: Group, path: str) -> str:
    """The name of a group within a module: "blocks.0", "attention"."""
    return within(group.scope.path, path) or group.scope.kind


# --- views ---------------------------------------------------------------------------------------------------


def views_of(walk: Walkthrough, folded: Mapping[Vertex, Vertex], words: Mapping[Vertex, str]) -> dict[str, Any]:
    """The groups, the group of each value, and what is drawn of each: as a page is told them.

    folded: the values that have no box -> those in whose boxes they stand.  words: of the values that have some.
    """
    groups, at = grouped(walk, folded)
    index = {vertex: i for i, vertex in enumerate(walk.vertices)}

    def view(group: Group) -> dict[str, Any]:
        boxes: dict[Vertex, Any] = {}
        for member in group.members.values():
            boxes |= dict.fromkeys(member.vertices() if isinstance(member, Group) else [member], member)
        return _view(boxes, walk, index, folded, words, group.scope.path)

    shown = {v: v for v in walk.vertices if v not in folded}
    flat = len(groups) > 1 and len(shown) <= FLAT
    parents = [group.parent or groups[0] for group in groups]
    return {
        "groups": [
            {"name": name_of(g, outer.scope.path), "kind": g.scope.kind, "parent": outer.number if g.parent else -1}
            for g, outer in zip(groups, parents, strict=True)
        ],
        "at": [at[vertex].number for vertex in walk.vertices],
        "views": [view(group) for group in groups],
        "flat": _view(shown, walk, index, folded, words, "") if flat else None,
    }


def _view(
    owner: dict[Vertex, Any], walk: Walkthrough, index: dict[Vertex, int], folded: Mapping[Vertex, Vertex],
    words: Mapping[Vertex, str], path: str,
) -> dict[str, Any]:  # fmt: skip
    """A view. owner: the box of each value in it, a group or the value itself.

    Values that come in from outside have boxes too. path: of the module that is shown; names are those within it.
    The page fills in the rows of values and gradients, which change.
    """
    inputs = {vertex: [folded.get(x, x) for x in vertex.inputs] for vertex in owner}
    outside = dict.fromkeys(x for vertex in owner for x in inputs[vertex] if x in index and x not in owner)
    ordered = sorted(owner, key=lambda v: v.number)
    last = {owner[v]: v for v in ordered}  # a group stands where its last value does
    members = [*outside, *(owner[v] for v in ordered if last[owner[v]] is v)]
    place = {member: i for i, member in enumerate(members)}
    ends = ((place.get(owner.get(x, x)), place[owner[vertex]]) for vertex in ordered for x in inputs[vertex])
    pairs = list(dict.fromkeys((min(a, b), max(a, b)) for a, b in ends if a is not None and a != b))
    told = [_box(m, m in outside, words, path, walk.gradients.get(m)) for m in members]
    places = arranged([texts for texts, _ in told], pairs)
    boxes = [
        {
            **({"group": m.number} if isinstance(m, Group) else {"value": index[m]}), **box,
            "x": round(x, 1), "y": round(y, 1), "w": round(w, 1), "h": h, "outside": m in outside,
        }
        for m, (_, box), (x, y, w, h) in zip(members, told, places.boxes, strict=True)
    ]  # fmt: skip
    paths = [
        {"from": start, "to": end, "d": path_of(points)}
        for (start, end), points in zip(pairs, places.arrows, strict=True)
    ]
    return {"boxes": boxes, "arrows": paths, "width": places.width, "height": places.height}


def _box(
    member: Any, outside: bool, words: Mapping[Vertex, str], path: str, gradient: Any
) -> tuple[list[str], dict[str, Any]]:
    """The texts that a box has room for, and what the page is told of them.

    lines: beside its numbers, each with its role: words, name, layer or ops.  values, rows: lines of its value and of
    its gradient.  neurons: circles in the place of numbers.
    """
    lines = _lines(member, outside, words, path)
    neurons = 0 if isinstance(member, Group) else neurons_of(member, words.get(member, ""))
    values = [] if isinstance(member, Group) else _rows(member.value) or [f"shape {member.shape}"]
    values = [" " * (7 * neurons), " ", " "] if neurons else values
    grad = [] if gradient is None else _rows(gradient) or [" " * 22]
    told = {"lines": lines, "values": len(values), "rows": len(grad), "neurons": neurons}
    return [*(text for _, text in lines), *values, *grad], told


def _lines(member: Any, outside: bool, words: Mapping[Vertex, str], path: str) -> list[tuple[str, str]]:
    """What a box says beside its numbers, each with its role."""
    if isinstance(member, Group):
        made = [v for v in member.vertices() if v.op is not None]
        name, last = name_of(member, path), max(made, key=lambda v: v.number)
        kind = f"{member.scope.kind}, " if member.scope.kind != name else ""
        return [("name", _short(name)), ("ops", _short(f"{kind}{len(made)} ops")), ("ops", f"gives {last.shape}")]
    equation = str(member) if outside else member.equation.replace(" ** 2", "²")
    lines = [("words", words.get(member, "")), ("name", within(equation, path))]
    if member.op is not None and member.scope is not None and (outside or not lines[0][1]):
        layer = within(member.scope.path, path) or (member.scope.kind if outside else "")
        layer = f"module {layer}" if layer[:1].isdigit() else layer
        lines.append(("layer", f"{'from' if outside else 'in'} {layer}" if layer else ""))
    return [(role, _short(text)) for role, text in lines if text]


def _rows(array: Any) -> list[str]:
    """A small array as one line per row."""
    return list(map(_short, rows(in_line(array))))


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else "\N{WHITE SQUARE}" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
