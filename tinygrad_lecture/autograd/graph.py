"""Parts of a graph: what `tl.grad` visits, the results of one record, and gradients with memory of their own."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

from ..backend import Shape
from ..tensor_base import TensorBase, array_of, wrap
from .core import Differentiable, Gradient, Node, Products, Record, plus
from .memory import note_sharing, owner_of
from .modes import enable_grad


def leading_to(targets: set[Node], roots: Iterable[Node]) -> set[Node]:
    """The records on a path from the roots to a target. A target is one of them only if it leads to another target.

    A freed record counts, so that the pass reaches it and raises.
    """
    oldest = min((node.age for node in targets), default=0)
    records: set[Node] = set()
    for node in sorted(ancestors(roots, oldest), key=lambda node: node.age):
        if node.saved is None or not (records.isdisjoint(node.nodes) and targets.isdisjoint(node.nodes)):
            records.add(node)
    return records


def ancestors(nodes: Iterable[Node | None], oldest: float = 0, known: Container[Node] = ()) -> Iterator[Node]:
    """The nodes, and all that they were computed from, each once, except those older than `oldest` or known.

    What is older or known is not walked through either.
    """
    seen: set[Node] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node is not None and node not in seen and node not in known and node.age >= oldest:
            seen.add(node)
            yield node
            stack.extend(node.nodes)


def unshare(gradients: Iterable[Any], taken: Iterable[Any] = (), *, views: bool = False) -> list[Any]:
    """The gradients, with a copy of each that shares memory with an earlier one or with one of `taken`.

    A backward rule may return its upstream gradient, as addition's does, or a view of it, as reshape's does.
    gradients: arrays or, under create_graph, Tensors; None stays None.  views: copy every view, shared or not.
    """
    owners = {id(owner_of(array_of(g))) for g in taken}
    unshared = []
    for gradient in gradients:
        if gradient is not None:
            array = array_of(gradient)
            owner = owner_of(array)
            if id(owner) in owners or (views and owner is not array):
                with enable_grad():
                    gradient = gradient.copy() if gradient is array else gradient.clone()
            else:
                owners.add(id(owner))
        unshared.append(gradient)
    return unshared


# --- several outputs of one record --------------------------------------------------------------------------
# Of a function with several results, or of a block that backward computes again. Each output has a node of its own,
# which hands its gradient on to the record of all. What adds up there is an `Upstreams`.


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
