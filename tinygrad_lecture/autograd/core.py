"""The chain rule: the graph that calls of ops leave behind, and the walk back through it that sums gradients.

A `Record` is one call of an op. Its `nodes` say where its inputs came from: other records, or a `Leaf`, the node of a
tensor that the user wants the gradient of. Every node has an age, and a result is younger than its inputs. So a walk
that visits records youngest first has summed a gradient from all its uses before it hands it on: no recursion, and no
limit to the depth.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Protocol, TypeAlias, final

import numpy as np

from ..backend import DType, Shape
from ..tensor_base import TensorBase
from .memory import tick
from .rule_checks import checked_gradient

Gradient: TypeAlias = Any  # an array or, if the pass itself is recorded, a Tensor


class Node:
    """A value that gradients flow to.

    shape, dtype: what its gradient must have; dtype is None for a record of several outputs (`graph.py`).
    age: a tick of the engine's clock; no two nodes have the same.
    nodes: one for each input of the op that computed it: the input's node, None for a constant. A leaf has none.
    saved: for each input, what its backward rule asked for; None after backward has freed it.
    tensor: a weak reference to the tensor whose `.grad` backward fills, or None.
    hooks: functions to call with its gradient (`hooks.py`), or None.
    """

    __slots__ = ("age", "dtype", "hooks", "nodes", "saved", "shape", "tensor")

    shape: Shape
    dtype: DType
    age: int
    nodes: Sequence[Node | None]
    saved: Sequence[Sequence[Any]] | None
    tensor: weakref.ref[TensorBase] | None
    hooks: Any


@final
class Leaf(Node):
    """The node of a tensor that requires grad. It holds the tensor weakly: a graph keeps no tensor alive."""

    __slots__ = ()

    def __init__(self, tensor: TensorBase) -> None:
        self.shape, self.dtype, self.age = tensor._array.shape, tensor._array.dtype, tick()
        self.tensor, self.hooks = weakref.ref(tensor), None
        self.nodes = self.saved = ()


@final
class Record(Node):
    """The node of a result: one call of an op.

    called: the name of the function that the user called, unset if it is the op.  where: the user's line, set within
    `detect_anomaly`.
    """

    __slots__ = ("called", "op", "where")

    op: Differentiable
    called: str
    where: str

    def __init__(self, op: Differentiable, nodes: Sequence[Node | None], saved: Sequence[Any], out: Any) -> None:
        self.op, self.nodes, self.saved = op, nodes, saved  # for four at once Python builds a tuple, which is slower
        self.shape, self.dtype, self.age = out.shape, out.dtype, tick()
        self.tensor = self.hooks = None

    @property
    def name(self) -> str:
        """The function that the user called: the op, or a function composed of ops that ended with this one."""
        return getattr(self, "called", self.op.name)


class Differentiable(Protocol):
    """What a record needs of its op. saves_arrays: whether `saved` may hold arrays, which backward frees."""

    @property
    def name(self) -> str: ...
    @property
    def saves_arrays(self) -> bool: ...

    def vjp(self, record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        """The vector-Jacobian products: each node that is not None, with the gradient that its rule returns."""
        ...


Products: TypeAlias = Sequence[tuple[Node, Gradient]]
VJP: TypeAlias = Callable[[Record, Sequence[Node | None], Gradient], Products]


def walk(sums: dict[Node, Gradient], vjp: VJP) -> None:
    """Reverse-mode differentiation, in place: from the upstream gradients of some nodes to the gradients of leaves.

    sums: for each node the sum of the gradients that have reached it. A record's sum is complete when it is popped,
    since all that use it are younger. `vjp` turns it into gradients for the record's inputs. At the end `sums` has only
    the leaves.
    """
    summed_here: set[Node] = set()  # their sums are new arrays, which nobody else holds, so += is safe
    heap = [(-node.age, node) for node in sums if type(node) is Record]
    heapify(heap)
    while heap:
        record = heappop(heap)[1]
        upstream = sums.pop(record)
        kind = type(upstream)  # an array, or a Tensor
        for node, gradient in vjp(record, record.nodes, upstream):
            # what a rule returns is nearly always right: three quick looks spare the check, and == of dtypes is slow
            if type(gradient) is not kind or gradient.shape != node.shape or gradient.dtype is not node.dtype:
                gradient = unbroadcast(checked_gradient(gradient, node, record), node)
            if node not in sums:
                sums[node] = gradient
                if type(node) is Record:
                    heappush(heap, (-node.age, node))
            elif node in summed_here:
                sums[node] += gradient
            else:
                sums[node] = total = plus(sums[node], gradient)
                if type(total) is np.ndarray and total.size > 1:  # += of a single number takes NumPy longer
                    summed_here.add(node)


def plus(a: Gradient, b: Gradient) -> Gradient:
    """The sum of two gradients, as an array. NumPy's sum of two arrays without axes is a scalar."""
    total = a + b
    return np.asarray(total) if isinstance(total, np.generic) else total


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
