"""What values are in the lecture's words: "layer 1: weighs and sums, 784 to 16" for #4 = linear(X, 0.weight, 0.bias)."""

from __future__ import annotations

from collections.abc import Sequence

from ..explain.elements import PRODUCTS
from ..explain.formulas import FORMULAS
from ..vertex import Vertex

ACTIVATES = ("sigmoid", "tanh", "relu", "leaky_relu", "silu", "gelu")


def words_of(vertices: Sequence[Vertex]) -> dict[Vertex, str]:
    """The words of the values that have some.

    A layer weighs its inputs with parameters. It is called by its attribute, "up" or "W_Q", or counted from 1.
    """
    words: dict[Vertex, str] = {}
    layers: dict[Vertex, str] = {}  # of what one computes: its products, its sums with a bias, its activations
    count = 0
    for vertex in vertices:
        own = [x for x in map(_source, vertex.inputs) if x.op is None and x.requires_grad]
        before = next((layers[x] for x in vertex.inputs if x in layers), "")
        if vertex.op in PRODUCTS and own:
            count += 1
            name = vertex.scope.path.rpartition(".")[2] if vertex.scope else ""
            layer = layers[vertex] = name if name.isidentifier() else f"layer {count}"
            second = _source(vertex.inputs[0]) is own[0]  # whether the inputs are the second factor, as in W @ x
            words[vertex] = f"{layer}: weighs and sums, {_sizes(vertex, second)}"
            told = {vertex.inputs[second]: f"what goes into {layer}"}
            told = told if vertex.inputs[second].op is None else {}
            told |= zip(own, (f"weights of {layer}", f"biases of {layer}"), strict=False)
            words |= {x: text for x, text in told.items() if x not in words}
        elif vertex.op == "add" and before and own:
            layers[vertex], words[vertex], words[own[0]] = before, f"{before}: adds the biases", f"biases of {before}"
        elif vertex.op in ACTIVATES:
            words[vertex] = f"{before}{': ' if before else ''}activates, {vertex.op}"
        elif vertex.op == "index_get" and own:
            words[vertex], words[own[0]] = "looks up vectors", "a vector for each index"
        elif says := FORMULAS.get(vertex.op or "", {}).get("says"):
            words[vertex] = says
    return words


def _source(vertex: Vertex) -> Vertex:
    """What a value was moved from, as W for W.T; itself if it is no such thing."""
    while vertex.op in ("permute", "swapaxes", "reshape"):
        vertex = vertex.inputs[0]
    return vertex


def _sizes(vertex: Vertex, second: bool) -> str:
    """How many numbers a layer takes, and how many it gives: "784 to 16"."""
    weights = vertex.inputs[1 - second].shape
    made, taken = weights[-2:] if second or vertex.op == "linear" else weights[:-3:-1]
    return f"{taken} to {made}"
