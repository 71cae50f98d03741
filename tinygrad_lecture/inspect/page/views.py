"""What a page draws: for each module a view of what is inside of it, boxes and arrows with their places.

A module that is part of a view is one box, which the page opens: then its own view is shown. So every view is small,
and its layout is computed here, once. A graph without modules that is too large for a view is cut into parts, one after
the other, which open in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeAlias

from ...backend import Array
from ..drawing import arranged, path_of, rows
from ..explain.walkthrough import Walkthrough
from ..numbers import numbers
from ..vertex import Scope, Vertex

FLAT = 150  # values of a graph that is also drawn without modules
LONGEST = 34  # characters of a line in a box
MOST = 120  # boxes of a view
PART = 40  # ops of a part, where a view would have more
OPEN = 80  # boxes of an outermost module that is shown open

Chain: TypeAlias = tuple[Scope, ...]  # the modules that a value stands in, outermost first
Chains: TypeAlias = dict[Vertex, Chain]


@dataclass(eq=False)
class Group:
    """A module, or a part of a long computation: what opens. The first is the whole graph, with the chain ().

    vertices: in it, and in all groups that it holds.
    """

    chain: Chain
    number: int
    parent: int
    vertices: list[Vertex]

    @property
    def path(self) -> str:
        """The path of its module, "" for none and for an outermost one."""
        return "" if self.kind in ("", "part") else self.chain[-1].path

    @property
    def kind(self) -> str:
        """The class of its module; "part", or "" for the whole graph."""
        return self.chain[-1].kind if self.chain else ""

    def name_in(self, path: str) -> str:
        """Its name within a module: "blocks.0", "attention"."""
        return within(self.chain[-1].path, path) or self.kind if self.chain else "all"


def groups_of(walk: Walkthrough) -> tuple[list[Group], dict[Vertex, Group]]:
    """The groups of a walkthrough, and the one that each value stands in.

    A module with a single op is no group of its own: the op stands in its place. A leaf or constant stands with its
    users, in the innermost group that has them all.
    """
    chains = _chains(walk)
    inside = _inside(chains)
    number = {chain: i for i, chain in enumerate(inside)}
    groups = [Group(chain, number[chain], number[chain[:-1]] if chain else -1, inside[chain]) for chain in inside]
    return groups, {vertex: groups[number[chain]] for vertex, chain in chains.items()}


def _chains(walk: Walkthrough) -> Chains:
    made = [v for v in walk.vertices if v.op is not None]
    counts: dict[Scope, int] = {}
    for vertex in made:
        for scope in vertex.scope.above() if vertex.scope else ():
            counts[scope] = counts.get(scope, 0) + 1
    chains = {v: tuple(s for s in [*(v.scope.above() if v.scope else ())][::-1] if counts[s] > 1) for v in made}
    sizes = {chain: len(_members(chain, vertices, chains)) for chain, vertices in _inside(chains).items()}
    chains = {v: c[1:] if c and sizes[c[:1]] <= OPEN else c for v, c in chains.items()}
    for chain in list(_inside(chains)):
        _cut(chain, chains)
    users: dict[Vertex, list[Chain]] = {}
    for vertex in made:
        for x in vertex.inputs:
            users.setdefault(x, []).append(chains[vertex])
    found = {v: chains[v] if v.op is not None else _common(users.get(v, [()])) for v in walk.vertices}
    return {v: found[v] for v in [*made, *(v for v in walk.vertices if v.op is None)]}


def _inside(chains: Chains) -> dict[Chain, list[Vertex]]:
    """The values in each module, by its chain; () for all."""
    found: dict[Chain, list[Vertex]] = {(): []}
    for vertex, chain in chains.items():
        for depth in range(len(chain) + 1):
            found.setdefault(chain[:depth], []).append(vertex)
    return found


def _members(chain: Chain, vertices: list[Vertex], chains: Chains) -> dict[Any, None]:
    """What a module consists of, in order: the modules directly in it, and values."""
    return dict.fromkeys(chains[v][len(chain)] if len(chains[v]) > len(chain) else v for v in vertices)


def _common(chains: list[Chain]) -> Chain:
    """What all chains begin with."""
    levels = takewhile(lambda level: len(set(level)) == 1, zip(*chains, strict=False))
    return tuple(level[0] for level in levels)


def _cut(chain: Chain, chains: Chains) -> None:
    """Cut a module with too many boxes into parts, in place: runs of ops and modules that follow each other."""
    depth = len(chain)
    vertices = [v for v, c in chains.items() if c[:depth] == chain]
    members = {member: i for i, member in enumerate(_members(chain, vertices, chains))}
    if len(members) <= MOST:
        return
    size = max(PART, -(-len(members) // MOST))
    count = -(-len(members) // size)
    parts = [Scope(f"part {i + 1} of {count}", "part", chain[-1] if chain else None) for i in range(count)]
    for vertex in vertices:
        rest = chains[vertex][depth:]
        chains[vertex] = (*chain, parts[members[rest[0] if rest else vertex] // size], *rest)
    for part in parts:
        _cut((*chain, part), chains)


def within(text: str, path: str) -> str:
    """A text with the names of what is in a module as the module itself has them."""
    return "" if text == path else text.replace(f"{path}.", "") if path else text


# --- views ---------------------------------------------------------------------------------------------------


def views_of(walk: Walkthrough) -> dict[str, Any]:
    """The groups, the group of each value, and what is drawn of each: as a page is told them."""
    groups, at = groups_of(walk)
    index = {vertex: i for i, vertex in enumerate(walk.vertices)}
    inner = {group.chain: group for group in groups}

    def view(group: Group) -> dict[str, Any]:
        depth = len(group.chain)
        boxes = {v: inner[at[v].chain[: depth + 1]] if len(at[v].chain) > depth else v for v in group.vertices}
        return _view(boxes, walk, index, group.path)

    flat = len(groups) > 1 and len(walk.vertices) <= FLAT
    parents = [groups[max(group.parent, 0)].path for group in groups]
    return {
        "groups": [
            {"name": g.name_in(outer), "kind": g.kind, "parent": g.parent}
            for g, outer in zip(groups, parents, strict=True)
        ],
        "at": [at[vertex].number for vertex in walk.vertices],
        "views": [view(group) for group in groups],
        "flat": _view({v: v for v in walk.vertices}, walk, index, "") if flat else None,
    }


def _view(owner: dict[Vertex, Any], walk: Walkthrough, index: dict[Vertex, int], path: str) -> dict[str, Any]:
    """A view. owner: the box of each value in it, a group or the value itself.

    Values that come in from outside have boxes too. path: of the module that is shown; names are those within it.
    """
    outside = dict.fromkeys(x for vertex in owner for x in vertex.inputs if x in index and x not in owner)
    ordered = sorted(owner, key=lambda v: v.number)
    last = {owner[v]: v for v in ordered}  # a group stands where its last value does
    members = [*outside, *(owner[v] for v in ordered if last[owner[v]] is v)]
    place = {member: i for i, member in enumerate(members)}
    ends = ((place.get(owner.get(x, x)), place[owner[vertex]]) for vertex in ordered for x in vertex.inputs)
    pairs = list(dict.fromkeys((min(a, b), max(a, b)) for a, b in ends if a is not None and a != b))
    lines = [_lines(m, m in outside, path) for m in members]
    gradients = [
        _rows(walk.gradients[m]) or [" " * 22] if isinstance(m, Vertex) and m in walk.gradients else [] for m in members
    ]
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
        made = [v for v in member.vertices if v.op is not None]
        name, last = member.name_in(path), max(made, key=lambda v: v.number)
        kind = f"{member.kind}, " if member.kind not in (name, "part") else ""
        return [_short(name), _short(f"{kind}{len(made)} ops"), f"gives {last.shape}"]
    scope = member.scope if member.op is not None else None
    layer = within(scope.path, path) or (scope.kind if outside else "") if scope is not None else ""
    layer = f"module {layer}" if layer[:1].isdigit() else layer
    first = str(member) if outside else member.equation.replace(" ** 2", "²")
    place = [_short(f"{'from' if outside else 'in'} {layer}")] if layer else []
    return [_short(within(first, path)), *(_rows(member.value) or [f"shape {member.shape}"]), *place]


def _rows(array: Array | None) -> list[str]:
    """A small array, a line for each row; [] for a large one."""
    return [_short(row) for row in rows(numbers(array))]


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else "\N{WHITE SQUARE}" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
