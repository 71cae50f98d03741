"""What a page draws: for each module a view of what is inside of it, boxes and arrows with their places.

A module that is part of a view is one box, which the page opens: then its own view is shown. So every view is small,
and its layout is computed here, once.

Values have words there: "layer 1: weighs and sums, 784 to 16" stands for #4 = linear(X, 0.weight, 0.bias). A value that
is another one in a new shape has the name of that one.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..drawing import arranged, path_of, rows
from ..explain.elements import PRODUCTS
from ..explain.formulas import FORMULAS
from ..explain.walkthrough import Walkthrough
from ..printing import in_line
from ..vertex import Scope, Vertex

LONGEST = 44  # characters of a line in a box
OPEN = 80  # boxes of an outermost module that is shown open


@dataclass(eq=False)
class Group:
    """What opens on a page: a module. The first is the whole graph.

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

    def owners(self) -> dict[Vertex, Any]:
        """The values in it, each with what it stands in: itself, or a group."""
        found: dict[Vertex, Any] = {}
        for member in self.members.values():
            found |= dict.fromkeys(member.vertices() if isinstance(member, Group) else [member], member)
        return found

    def lines(self, path: str) -> list[tuple[str, str]]:
        """What its box says within a module: its name, its kind, how many ops it has, and what it gives."""
        made = [v for v in self.vertices() if v.op is not None]
        name, last = name_of(self, path), max(made, key=lambda v: v.number)
        kind = f"{self.scope.kind}, " if self.scope.kind != name else ""
        return [("name", _short(name)), ("ops", _short(f"{kind}{len(made)} ops")), ("ops", f"gives {last.shape}")]

    def around(self) -> list[Group]:
        """The groups that it is in, the whole graph first, and itself."""
        return [*(self.parent.around() if self.parent else []), self]


def grouped(walk: Walkthrough, folded: Mapping[Vertex, Vertex]) -> tuple[list[Group], dict[Vertex, Group]]:
    """The groups of a walkthrough, and the one that each value stands in.

    A module with a single op is no group: the op stands in its place. A leaf or constant stands in the innermost group
    that has all its users. A folded value stands with the value that it is in another shape.
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
    """A text in which everything inside a module has the name that it has there."""
    return "" if text == path else text.replace(f"{path}.", "") if path else text


def name_of(group: Group, path: str) -> str:
    """The name of a group within a module: "blocks.0", "attention"."""
    return within(group.scope.path, path) or group.scope.kind


# --- views ---------------------------------------------------------------------------------------------------


class Views:
    """What is drawn of a walkthrough.

    folded: the values that have no box -> those in whose boxes they stand.  words: of the values that have some.
    """

    def __init__(self, walk: Walkthrough, folded: Mapping[Vertex, Vertex], words: Mapping[Vertex, str]) -> None:
        self.walk, self.folded, self.words = walk, folded, words
        self.index = {vertex: i for i, vertex in enumerate(walk.vertices)}

    def as_data(self) -> dict[str, Any]:
        """The groups, the group of each value, and what is drawn of each: as a page is told them."""
        groups, at = grouped(self.walk, self.folded)
        parents = [group.parent or groups[0] for group in groups]
        return {
            "groups": [
                {"name": name_of(g, outer.scope.path), "kind": g.scope.kind, "parent": outer.number if g.parent else -1}
                for g, outer in zip(groups, parents, strict=True)
            ],
            "at": [at[vertex].number for vertex in self.walk.vertices],
            "views": [self.view(group.owners(), group.scope.path) for group in groups],
        }

    def view(self, owner: Mapping[Vertex, Any], path: str) -> dict[str, Any]:
        """A view. owner: the box of each value in it, a group or the value itself.

        Values that come in from outside have boxes too. path: of the module that is shown; names are those within it.
        The page fills in the rows of values and gradients, which change.
        """
        inputs = {vertex: [self.folded.get(x, x) for x in vertex.inputs] for vertex in owner}
        outside = dict.fromkeys(x for vertex in owner for x in inputs[vertex] if x in self.index and x not in owner)
        ordered = sorted(owner, key=lambda v: v.number)
        last = {owner[v]: v for v in ordered}  # a group stands where its last value does
        members = [*outside, *(owner[v] for v in ordered if last[owner[v]] is v)]
        place = {member: i for i, member in enumerate(members)}
        ends = ((place.get(owner.get(x, x)), place[owner[vertex]]) for vertex in ordered for x in inputs[vertex])
        pairs = list(dict.fromkeys((min(a, b), max(a, b)) for a, b in ends if a is not None and a != b))
        told = [self.box(member, member in outside, path) for member in members]
        places = arranged([texts for texts, _ in told], pairs)
        for (_, box), (x, y, w, h) in zip(told, places.boxes, strict=True):
            box |= {"x": round(x, 1), "y": round(y, 1), "w": round(w, 1), "h": h}
        arrows = zip(pairs, places.arrows, strict=True)
        return {
            "boxes": [box for _, box in told],
            "arrows": [{"from": start, "to": end, "d": path_of(points)} for (start, end), points in arrows],
            "width": places.width,
            "height": places.height,
        }

    def box(self, member: Any, outside: bool, path: str) -> tuple[list[str], dict[str, Any]]:
        """The texts that a box has room for, and what the page is told of them.

        lines: beside its numbers, each with its role: words, name, layer or ops.  values, rows: lines of its value and
        of its gradient.  neurons: circles in the place of numbers.
        """
        if isinstance(member, Group):
            lines = member.lines(path)
            return [text for _, text in lines], {"group": member.number, "lines": lines, "outside": False}
        lines, words, grad = [], self.words.get(member, ""), self.walk.gradients.get(member)
        equation = str(member) if outside else member.equation.replace(" ** 2", "²")
        lines = [("words", words), ("name", within(equation, path))]
        if member.op is not None and member.scope is not None and (outside or not words):
            layer = within(member.scope.path, path) or (member.scope.kind if outside else "")
            layer = f"module {layer}" if layer[:1].isdigit() else layer
            lines.append(("layer", f"{'from' if outside else 'in'} {layer}" if layer else ""))
        lines = [(role, _short(text)) for role, text in lines if text]
        neurons = neurons_of(member, words)
        values = [" " * (7 * neurons), " ", " "] if neurons else _rows(member.value) or [f"shape {member.shape}"]
        rows = [] if grad is None else _rows(grad) or [" " * 22]
        counts = {"values": len(values), "rows": len(rows), "neurons": neurons}
        told = {"value": self.index[member], "lines": lines, "outside": outside, **counts}
        return [*(text for _, text in lines), *values, *rows], told


def _rows(array: Any) -> list[str]:
    """A small array as one line per row."""
    return list(map(_short, rows(in_line(array))))


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else "\N{WHITE SQUARE}" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


# --- what values are called -------------------------------------------------------------------------------------

COMPARES = ("sub", "cross_entropy", "squared_error")  # a result with what is wanted, if it is behind all layers


def words_of(vertices: Sequence[Vertex]) -> dict[Vertex, str]:
    """The words of the values that have some.

    A layer weighs its inputs with parameters. It is called by its attribute, "up" or "W_Q", or counted from 1.
    """
    words: dict[Vertex, str] = {}
    counted: dict[Vertex, str] = {}  # by weights, which may be used again
    layers: dict[Vertex, str] = {}  # of what one computes: its products, its sums with a bias, these normalised
    for vertex in vertices:
        sources = list(map(_source, vertex.inputs))
        own = [x for x in sources if x.op is None and x.requires_grad]
        before = next((layers[x] for x in vertex.inputs if x in layers), "")
        if vertex.op in PRODUCTS and own:
            factors = (0, 1) if vertex.op == "matmul" else (1,)
            at = max(factors, key=lambda i: (sources[i] in own, len(vertex.inputs[i].shape), i))
            path = vertex.scope.path if vertex.scope else sources[at].name.removesuffix(".weight")
            name = path.rpartition(".")[2] if path != sources[at].name else ""
            layer = name if name.isidentifier() else counted.setdefault(sources[at], f"layer {len(counted) + 1}")
            layers[vertex], words[vertex] = layer, f"{layer}: weighs and sums, {_sizes(vertex, at)}"
            told = {sources[at]: f"weights of {layer}", sources[1 - at]: f"what goes into {layer}"}
            told |= dict.fromkeys(sources[2:], f"biases of {layer}")
            words |= {x: text for x, text in told.items() if x not in words and x.op is None}
        elif vertex.op == "add" and before and own:
            layers[vertex], words[vertex], words[own[0]] = before, f"{before}: adds the biases", f"biases of {before}"
        elif vertex.op == "index_get" and own and len(own[0].shape) > 1:
            words[vertex], words[own[0]] = "looks up vectors", "a vector for each index"
        elif says := FORMULAS.get(vertex.op or "", {}).get("says"):
            cost = vertex is vertices[-1] and vertex.name in COSTS and not vertex.shape and "cost" not in says
            normalises = vertex.op == "batch_norm"
            layer = before if normalises or says.startswith("activates") else "the cost" if cost else ""
            if normalises and layer:
                layers[vertex] = layer
            words[vertex] = f"{layer}: {says}" if layer else says
    last = max((vertex.number for vertex in layers), default=math.inf)
    compared = (x for v in vertices if v.op in COMPARES and v.number > last for x in map(_source, v.inputs))
    wanted = [x for x in compared if x.op is None and not x.requires_grad and not x.part_of]
    return dict.fromkeys(wanted, "what is wanted") | words


def _source(vertex: Vertex) -> Vertex:
    """The value that was moved, as W for W.T; the value itself if nothing was moved."""
    while vertex.op in ("permute", "swapaxes", *RESHAPES):
        vertex = vertex.inputs[0]
    return vertex


def _sizes(vertex: Vertex, at: int) -> str:
    """How many numbers a layer takes, and how many it gives: "784 to 16". at: which input the weights are."""
    made, taken = (1, *vertex.inputs[at].shape)[-2:]
    turned = vertex.op == "matmul" and at == 1 and len(vertex.inputs[at].shape) > 1
    return f"{made} to {taken}" if turned else f"{taken} to {made}"


COSTS = ("C", "L", "cost", "loss")  # names of a result that training lowers; a score, for instance, is no cost
FEW = 8  # neurons of a layer that are drawn as circles


def neurons_of(vertex: Vertex, words: str) -> int:
    """The number of circles for a value: one for each neuron of a small layer, or for each of its inputs; else 0."""
    told = any(part in words for part in ("what goes into", "weighs and sums", "adds the bias", "activates"))
    return vertex.shape[-1] if told and vertex.shape and math.prod(vertex.shape) == vertex.shape[-1] <= FEW else 0


# --- what is only another shape of a value -------------------------------------------------------------------

RESHAPES = ("reshape", "split_heads", "merge_heads")


def reshaped(vertices: Sequence[Vertex]) -> dict[Vertex, Vertex]:
    """The values that a page folds away, each with the value that it is in another shape.

    Swapped axes count if a reshape comes before or after, as where attention splits its heads and joins them.
    """
    used = {x for vertex in vertices for x in vertex.inputs}
    taken = {x for vertex in vertices if vertex.op in RESHAPES for x in vertex.inputs}
    found: dict[Vertex, Vertex] = {}
    for vertex in (vertex for vertex in vertices if vertex in used):
        moved = vertex.op in ("permute", "swapaxes") and len(vertex.shape) > 2  # of a matrix it is the transpose
        if vertex.op in RESHAPES or (moved and (vertex.inputs[0] in found or vertex in taken)):
            found[vertex] = found.get(vertex.inputs[0], vertex.inputs[0])
    return found
