"""What a page calls values: "layer 1: weighs and sums, 784 to 16" stands for #4 = linear(X, 0.weight, 0.bias).

A value that is another one in a new shape has the name of that one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..explain.elements import PRODUCTS
from ..explain.formulas import FORMULAS
from ..vertex import Vertex

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
            name = vertex.scope.path.rpartition(".")[2] if vertex.scope else ""
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
    while vertex.op in ("permute", "swapaxes", "reshape"):
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


def reshaped(vertices: Sequence[Vertex]) -> dict[Vertex, Vertex]:
    """The values that a page folds away, each with the value that it is in another shape.

    Swapped axes count if a reshape comes before or after, as where attention splits its heads and joins them.
    """
    used = {x for vertex in vertices for x in vertex.inputs}
    taken = {x for vertex in vertices if vertex.op == "reshape" for x in vertex.inputs}
    found: dict[Vertex, Vertex] = {}
    for vertex in (vertex for vertex in vertices if vertex in used):
        moved = vertex.op in ("permute", "swapaxes") and len(vertex.shape) > 2  # of a matrix it is the transpose
        if vertex.op == "reshape" or (moved and (vertex.inputs[0] in found or vertex in taken)):
            found[vertex] = found.get(vertex.inputs[0], vertex.inputs[0])
    return found
