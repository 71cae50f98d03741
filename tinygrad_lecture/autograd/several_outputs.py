"""Several outputs of one record: of a function with several results, or of a block that backward computes again.

Each output has a node of its own, which hands its gradient on to the record of all. What adds up there is an
`Upstreams`: one gradient for each output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backend import Shape
from ..tensor_base import TensorBase, wrap
from .core import Differentiable, Gradient, Node, Products, Record, plus
from .views import note_sharing


class Upstreams(tuple[Gradient | None, ...]):
    """The upstream gradient of each output, None for one that no gradient has reached."""

    shape, dtype = (), None  # for the walk: as the record of several outputs has them

    def __add__(self, other: Any) -> Upstreams:
        return Upstreams(b if a is None else a if b is None else plus(a, b) for a, b in zip(self, other, strict=True))


class Output:
    """The op of the node of one output. shapes: of all outputs."""

    saves_arrays = False

    def __init__(self, name: str, position: int, shapes: Sequence[Shape]) -> None:
        self.name, self.position, self.shapes = name, position, shapes

    def vjp(self, record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        alone = Upstreams(upstream if i == self.position else None for i in range(len(self.shapes)))
        return [(node, alone) for node in nodes if node is not None]


def results_of_one(
    op: Differentiable, nodes: Sequence[Node | None], saved: Sequence[Any], outs: Sequence[TensorBase],
    places: Sequence[int],
) -> tuple[Any, ...]:  # fmt: skip
    """The outs, of which those at some places become results of one record. They share the memory that outs share."""
    results, chosen = list(outs), [outs[i] for i in places]
    if chosen:
        out = chosen[0]._array if len(chosen) == 1 else Upstreams()
        for i, node in zip(places, nodes_of_outputs(Record(op, nodes, saved, out), chosen), strict=True):
            results[i] = wrap(outs[i]._array, node)
            if outs[i]._array.base is not None or outs[i]._window is not None or outs[i]._node is not None:
                note_sharing(results[i], outs[i])
    return tuple(results)


def nodes_of_outputs(record: Record, outs: Sequence[TensorBase]) -> list[Record]:
    """New nodes for the outputs of a record."""
    if record.dtype is not None:
        return [record]
    shapes = [out._array.shape for out in outs]
    return [Record(Output(record.name, i, shapes), [record], (), out._array) for i, out in enumerate(outs)]


def upstreams_of(gradient: Gradient) -> Sequence[Gradient | None]:
    """The upstream gradient of each output, from that of their record."""
    return gradient if isinstance(gradient, Upstreams) else (gradient,)
