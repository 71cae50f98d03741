"""What a step was made of: values of its inputs, elements that it moved, the steps of a fused op's definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd.core import Leaf
from ...autograd.modes import enable_grad
from ...backend import Array, to_host
from ...tensor_base import wrap
from ..graph import Graph
from ..observe import Unwatched
from ..vertex import Vertex
from .formulas import FORMULAS


def known_values(vertex: Vertex) -> list[Any]:
    """The values of the inputs, None for one that was left out; [] if one of them is not known."""
    values = [None if x.value is not None and x.value.dtype == object else x.value for x in vertex.inputs]
    unknown = any(x.value is None and str(x) != "None" for x in vertex.inputs)
    return [] if unknown or not values or values[0] is None else values


def sources_of(vertex: Vertex) -> Array:
    """For each element of the result of a move its place in the inputs, counted through all of them; -1 for none."""
    given, count = [], 1
    for x in (x for x in vertex.inputs if x.number):
        given.append(np.arange(count, count + math.prod(x.shape)).reshape(x.shape))
        count += given[-1].size
    settings = dict(vertex.settings)
    if "index" in settings:
        settings["index"] = tuple(to_host(part) if hasattr(part, "shape") else part for part in settings["index"])
    return np.asarray(vertex.maker.forward(*given, **settings)) - 1


def parts_of(vertex: Vertex) -> tuple[list[Vertex | None], list[Vertex]]:
    """The inputs of a fused op, and the steps of its definition, run on them. No steps if an input is not known."""
    given = known_values(vertex)
    if vertex.op not in FORMULAS or not hasattr(vertex.maker, "definition") or not given:
        return [], []
    inputs = [None if x is None else wrap(x) for x in given]
    for x in inputs:
        if x is not None and x._array.dtype.kind == "f":
            x._node = Leaf(x)
    with Unwatched(), enable_grad(), Graph() as graph:
        vertex.maker.definition(*inputs, **vertex.settings)
    return [None if x is None else graph.find(x) for x in inputs], [part for part in graph if part.op]


def weights_of(vertex: Vertex) -> Array | None:
    """The attention weights that a value consists of or was computed with, (..., queries, keys); else None."""
    parts = parts_of(vertex)[1] if vertex.op == "attention" else [vertex]
    return next((part.value for part in parts if part.op == "attention_weights"), None)
