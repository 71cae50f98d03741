"""The tape: the nodes of the graph, and `backward_pass`, which computes gradients by the chain rule.

A `Leaf` is the node of a tensor that the user wants the gradient of. A `Record` is one call of an op. Every node has an
age, and a result is younger than its inputs, so visiting the nodes youngest first is a topological order: no recursion,
and no limit to the depth.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any, Protocol, TypeAlias, final

import numpy as np

from ..traced import Node, Traced, wrap
from . import versions
from .contract import as_gradient, check_saved
from .memory import owns_memory
from .modes import modes, set_grad_enabled
from .path import Path
from .versions import tick

Gradient: TypeAlias = Any  # an array or, under create_graph, a Tensor


class Differentiable(Protocol):
    """What the tape needs of an op: a name, and its vector-Jacobian products."""

    @property
    def name(self) -> str: ...

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
    observer = modes.observer
    with set_grad_enabled(create_graph), np.errstate(all="ignore"):
        while pending.heap:
            node = heappop(pending.heap)[1]
            upstream = pending.sums.pop(node)
            if path is not None:  # only for `wanted`
                path.collect(node, upstream)
                if node not in path.records:
                    continue
            elif node.tensor is not None:
                accumulate_grad(node, upstream)
            if node.saved is None or node.age < versions.last_write:
                check_saved(node)
            inputs = node.nodes if path is None else path.inputs_of(node)
            gradients = node.op.vjp(node, inputs, upstream, create_graph)
            if observer is not None:
                observer.saw_backward(node, upstream, gradients)
            pending.add(inputs, gradients, node, upstream)
            if not retain_graph:
                node.nodes, node.saved = (), None
    for leaf, gradient in pending.sums.items():  # only leaves are left
        if path is None:
            accumulate_grad(leaf, gradient, leaf in pending.owned)
        else:
            path.collect(leaf, gradient)
    return {} if path is None else path.found


class Pending:
    """Gradients on their way down: for each node the sum of those that arrived, and a heap of records by age.

    owned: nodes whose sum is a fresh array, so that `+=` is safe.
    kind: the type of gradients; anything else that a rule returns is checked.
    """

    def __init__(self, create_graph: bool, kind: Any) -> None:
        self.sums: dict[Node, Gradient] = {}
        self.heap: list[tuple[int, Record]] = []
        self.owned: set[Node] = set()
        self.create_graph, self.kind = create_graph, kind

    def add(
        self, nodes: Iterable[Any], gradients: Iterable[Any], record: Record | None = None, upstream: Any = None
    ) -> None:
        """Add a gradient to each node: those that the rules of `record` computed from `upstream`, or the seeds."""
        sums, owned, kind = self.sums, self.owned, self.kind
        for node, gradient in zip(nodes, gradients):  # noqa: B905 - the hottest loop of backward
            if node is None:
                continue
            if type(gradient) is not kind or gradient.shape != node.shape or gradient.dtype is not node.dtype:
                gradient = unbroadcast(as_gradient(gradient, node, record, self.create_graph), node)
            held = sums.get(node)
            if held is None:
                sums[node] = gradient
                if type(node) is Record:
                    heappush(self.heap, (-node.age, node))
                elif record is not None and not self.create_graph and owns_memory(gradient, upstream, record.saved):
                    owned.add(node)
            elif node in owned:
                held += gradient
            else:
                total = held + gradient
                sums[node] = np.asarray(total) if isinstance(total, np.generic) else total
                if not self.create_graph:
                    owned.add(node)


def unbroadcast(gradient: Gradient, node: Node) -> Gradient:
    """The gradient with the node's shape and dtype: summed over the axes that broadcasting added or stretched.

    Broadcasting is undone here for all ops; rules may ignore it.
    """
    shape = node.shape
    if gradient.shape != shape:
        extra = gradient.ndim - len(shape)
        stretched = (extra + axis for axis, size in enumerate(shape) if size == 1)
        gradient = gradient.sum(axis=(*range(extra), *stretched), keepdims=True).reshape(shape)
    return gradient if gradient.dtype == node.dtype else gradient.astype(node.dtype)


_grad_lock = threading.Lock()


def accumulate_grad(node: Node, gradient: Gradient, owned: bool = False) -> None:
    """Add to `.grad` of the tensor that a node stands for, if it still exists.

    owned: the gradient's memory belongs to the pass and becomes `.grad` without a copy.
    """
    assert node.tensor is not None
    tensor = node.tensor()
    if tensor is None or tensor._node is not node:  # gone, changed in place, or told to stop requiring grad
        return
    with _grad_lock:
        if isinstance(gradient, Traced):  # under create_graph
            tensor._grad = gradient.clone() if tensor._grad is None else tensor._grad + gradient  # type: ignore[attr-defined]
        elif tensor._grad is None:
            tensor._grad = wrap(gradient if owned else gradient.copy())
        elif tensor._grad._node is None:
            versions.announce_write(tensor._grad._array)
            tensor._grad._array += gradient
        else:
            tensor._grad = tensor._grad + wrap(gradient)
