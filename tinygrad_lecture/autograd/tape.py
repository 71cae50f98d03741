"""The tape: the nodes of the graph, and `backward_pass`, which computes gradients by the chain rule.

A `Leaf` is the node of a tensor that the user wants the gradient of. A `Record` is one call of an op. Every node has an
age, and a result is younger than its inputs, so visiting the nodes youngest first is a topological order: no recursion,
and no limit to the depth.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any, Protocol, TypeAlias, final

import numpy as np

from ..traced import Node, Traced, wrap
from . import versions
from .accumulation import arrive
from .contract import as_gradient, check_saved
from .hooks import hooked_leaves, turns_of_leaves
from .memory import count_unshared_references
from .modes import modes, set_grad_enabled
from .path import Path
from .versions import tick

Gradient: TypeAlias = Any  # an array or, under create_graph, a Tensor


class Differentiable(Protocol):
    """What the tape needs of an op: a name, its vector-Jacobian products, and whether its rules save arrays."""

    @property
    def name(self) -> str: ...
    @property
    def saves_arrays(self) -> bool: ...

    def vjp(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> Sequence[Gradient]: ...


@final
class Leaf(Node):
    """The node of a tensor that requires grad. It holds the tensor weakly: a graph keeps no tensor alive."""

    __slots__ = ()

    def __init__(self, tensor: Traced) -> None:
        self.shape, self.dtype = tensor._array.shape, tensor._array.dtype
        self.tensor = weakref.ref(tensor)
        self.nodes = self.saved = ()
        self.age = tick()


@final
class Record(Node):
    """The node of a result: one call of an op, which fills it in (`Op.__call__`).

    called: the name of the function that the user called, unset if it is the op.  where: the user's line, set within
    `detect_anomaly`.
    """

    __slots__ = ("called", "op", "where")

    op: Differentiable
    called: str
    where: str

    @property
    def name(self) -> str:
        """The function that the user called: the op, or a function composed of ops that ended with this one."""
        return getattr(self, "called", self.op.name)


def backward_pass(
    seeds: Iterable[tuple[Node, Gradient]],
    *,
    wanted: Iterable[Node] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Node, Gradient]:
    """Reverse-mode differentiation: from the upstream gradients of the seeds to the gradients of what they depend on.

    Visits records youngest first. The rules of each turn its upstream gradient into a gradient for every input. If a
    value has several uses, its gradient is the sum over them. Gradients that reach leaves accumulate in `.grad`.

    wanted: return the gradients of these nodes instead, and visit only records that lead to them.
    retain_graph: keep what the records saved, for another pass.
    create_graph: gradients and saved values are Tensors, so the same rules are recorded as they run.
    Raises RuntimeError if the graph was freed, or a saved array was written to in place.
    """
    nodes, upstreams = zip(*seeds, strict=True)
    pending = Pending(create_graph, type(upstreams[0]))
    pending.add(nodes, upstreams)
    path = None if wanted is None else Path(set(wanted), pending.sums)
    freed: list[Node] = []  # shared by all freed records; filled at the end with the leaves reached, so that a later
    # tl.grad knows what is lost
    for turn in turns_of_leaves(pending.sums, path) if hooked_leaves else ():
        heappush(pending.heap, turn)
    leaves: dict[Node, Gradient] = {}
    observer = modes.observer
    with set_grad_enabled(create_graph), np.errstate(all="ignore"):
        while pending.heap:
            node = heappop(pending.heap)[1]
            upstream = pending.sums.pop(node)
            if node.tensor is not None:  # its gradient is retained, or has hooks
                upstream = arrive(node, upstream, accumulate=path is None)
                if type(node) is Leaf:  # one with hooks, whose turn has come
                    leaves[node] = upstream
                    continue
            if path is not None:  # only for `wanted`
                path.collect(node, upstream)
                if node not in path.records:
                    continue
            if node.saved is None or node.age < versions.last_write:
                check_saved(node)
            inputs = node.nodes if path is None else path.inputs_of(node)
            gradients = node.op.vjp(node, inputs, upstream, create_graph)
            if observer is not None:
                observer.saw_backward(node, upstream, gradients)
            pending.add(inputs, gradients, node)
            if node.op.saves_arrays and not retain_graph:
                node.nodes, node.saved = freed, None
    for leaf, gradient in pending.sums.items():  # only leaves are left
        leaves[leaf] = arrive(leaf, gradient, leaf in pending.owned, accumulate=path is None)
    if path is None:
        freed.extend(leaves)
        return {}
    for leaf, gradient in leaves.items():
        path.collect(leaf, gradient, leaf in pending.owned and gradient is pending.sums.get(leaf))
    return path.found


class Pending:
    """Gradients not yet propagated: per node their sum so far, and a heap of records ordered by age.

    owned: nodes whose sum is an array that nobody else holds, so that `+=` is safe.
    kind: the type of gradients; anything else that a rule returns is checked.
    """

    unshared_references = 0  # how many `add` counts to an array that a rule allocated and did not keep

    def __init__(self, create_graph: bool, kind: Any) -> None:
        self.sums: dict[Node, Gradient] = {}
        self.heap: list[tuple[float, Any]] = []
        self.owned: set[Node] = set()
        self.create_graph, self.kind = create_graph, kind

    def add(self, nodes: Iterable[Any], gradients: Sequence[Any], record: Record | None = None) -> None:
        """Add a gradient to each node: those that the rules of `record` returned, or the seeds."""
        sums, owned, kind = self.sums, self.owned, self.kind
        index = 0  # zip costs more: this is the hottest loop of backward
        for node in nodes:
            gradient = gradients[index]
            index += 1
            if node is None:
                continue
            if type(gradient) is not kind or gradient.shape != node.shape or gradient.dtype is not node.dtype:
                gradient = unbroadcast(as_gradient(gradient, node, record, self.create_graph), node)
            held = sums.get(node)
            if held is None:
                sums[node] = gradient
                if type(node) is Record:
                    heappush(self.heap, (-node.age, node))
                elif (
                    not self.create_graph
                    and gradient.base is None
                    and getrefcount(gradient) <= Pending.unshared_references
                ):
                    owned.add(node)
            elif node in owned and gradient.size > 1:  # a single element takes NumPy twice as long in place
                held += gradient
            else:
                total = held + gradient
                sums[node] = np.asarray(total) if isinstance(total, np.generic) else total
                if not self.create_graph:
                    owned.add(node)


Pending.unshared_references = count_unshared_references(Pending, Leaf(wrap(np.zeros(()))))


def unbroadcast(gradient: Gradient, node: Node) -> Gradient:
    """The gradient reduced to the node's shape and cast to its dtype: sums over broadcast axes.

    This is done here for all ops, so rules may ignore broadcasting.
    """
    shape = node.shape
    if gradient.shape != shape:
        extra = gradient.ndim - len(shape)
        stretched = (extra + axis for axis, size in enumerate(shape) if size == 1)
        gradient = gradient.sum(axis=(*range(extra), *stretched), keepdims=True).reshape(shape)
    return gradient if gradient.dtype == node.dtype else gradient.astype(node.dtype)
