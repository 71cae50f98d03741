"""Subgraph: the part of a graph that leads to the nodes that `tl.grad` asks about. Backward visits no other part."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

from ..tensor_base import TensorBase, array_of
from .core import VJP, Gradient, Node, Products, Record
from .modes import enable_grad
from .versions import owner_of


class Subgraph:
    """The part of a graph that leads from roots down to targets, and the gradients found at the targets."""

    def __init__(self, targets: set[Node], roots: Iterable[Node]) -> None:
        self.targets = targets
        self.records = _leading_to(targets, roots)
        self.found: dict[Node, Gradient] = {}

    def around(self, vjp: VJP) -> VJP:
        """`vjp` of the records that lead to a target, for those of their inputs that do."""

        def step(record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
            self.collect(record, upstream)
            if record not in self.records:
                return ()
            return vjp(record, [n if n in self.records or n in self.targets else None for n in nodes], upstream)

        return step

    def collect(self, node: Node, gradient: Gradient) -> None:
        """Store a copy of the gradient of a node if it is a target."""
        if node in self.targets:
            self.found[node] = gradient if isinstance(gradient, TensorBase) else gradient.copy()


def _leading_to(targets: set[Node], roots: Iterable[Node]) -> set[Node]:
    """The records on a path from the roots to a target. A target is one of them only if it leads to another target.

    A freed record counts, so that the pass reaches it and raises, unless it is known not to lead to a target. All that
    is known of it are the leaves reached by the pass that freed it.
    """
    only_leaves = not any(node.nodes or node.saved is None for node in targets)
    oldest = min((node.age for node in targets), default=0)
    records: set[Node] = set()
    for node in sorted(ancestors(roots, oldest), key=lambda node: node.age):
        unknown = node.saved is None and not (only_leaves and node.nodes)
        if unknown or any(parent in records or parent in targets for parent in node.nodes):
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


# --- memory of their own ------------------------------------------------------------------------------------


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
