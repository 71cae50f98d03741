"""The tape: the nodes of the graph, and the walk that runs it backwards.

A node stands for a value that gradients flow to: a `Leaf` is a tensor that the user wants the gradient of, a
`Record` is one call of an op. Nodes carry an age. A result is younger than what it was made from, so visiting
the nodes youngest first is a topological order: no recursion, and no limit to the depth.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from .. import traced
from ..backend import Array, DType, Shape, is_array, xp
from ..traced import Traced, wrap
from . import versions
from .modes import modes, set_grad_enabled

if TYPE_CHECKING:
    from ..tensor import Tensor
    from .op import Op


@final
class Leaf:
    """The node of a tensor that asks for its gradient. `tensor` is weak: a graph keeps no tensor alive."""

    __slots__ = ("age", "dtype", "shape", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.age = versions.tick()
        self.shape: Shape = tensor._array.shape
        self.dtype: DType = tensor._array.dtype
        self.tensor: weakref.ref[Tensor] | None = weakref.ref(tensor)


class Record:
    """One call of an op: what its backward rules asked for, and the nodes that its inputs came from.

    nodes: one per input, None where no gradient is wanted.  saved: per input, what its rule asked for; None
    once the walk has been here.  tensor: the result, weakly, where the user said `retain_grad`.  called: the function
    that the user called, unset if it is the op.  where: the user's line, set within `detect_anomaly`.
    """

    __slots__ = ("age", "called", "dtype", "nodes", "op", "saved", "shape", "tensor", "where")

    op: Op[Any]
    age: int
    nodes: Sequence[Node | None]
    saved: Sequence[Sequence[Any]] | None
    shape: Shape
    dtype: DType
    tensor: weakref.ref[Tensor] | None
    called: str
    where: str

    @property
    def name(self) -> str:
        """What the user called: the op, or a function made of ops whose last this is."""
        name: str = getattr(self, "called", self.op.name)
        return name


Node: TypeAlias = Leaf | Record
Gradient: TypeAlias = Any  # an array or, under create_graph, a Tensor

_deposit_lock = threading.Lock()


def walk(
    seeds: Iterable[tuple[Node, Gradient]],
    *,
    wanted: Iterable[Node] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Node, Gradient]:
    """Reverse-mode differentiation: carry the seeds' upstream gradients down to where they are wanted.

    Visits records youngest first. Each hands its upstream gradient to its op's rules and what they return to
    the nodes below, where the contributions of all uses are summed; what has come to the leaves is theirs in the end.
    With `wanted` the gradients of those nodes are returned and only what leads to them is visited; without, every
    leaf's `.grad` is added to.

    With `create_graph` upstream gradients and saved values are Tensors, so the same rules record what they do.
    """
    found: dict[Node, Gradient] = {}
    pending: dict[Node, Gradient] = {}
    owned: set[Node] = set()  # nodes whose pending sum is memory of the walk's own, which it may add to in place
    ages: list[tuple[int, Record]] = []
    for seed, upstream in seeds:
        if seed in pending:
            pending[seed] = pending[seed] + upstream
            continue
        pending[seed] = upstream
        if type(seed) is Record:
            heappush(ages, (-seed.age, seed))
    targets = None if wanted is None else set(wanted)
    path = None if targets is None else _leading_to(targets, pending)  # the records to go through, all if None

    observer = modes.observer
    tensor_type = traced.tensor_type

    with set_grad_enabled(create_graph), np.errstate(all="ignore"):
        while ages:
            node = heappop(ages)[1]
            upstream = pending.pop(node)
            if not node.shape:
                upstream = _no_scalar(upstream)
            if targets is None:
                if node.tensor is not None:
                    _deposit(node, upstream, False, create_graph)
            elif node in targets:
                found[node] = upstream
            if path is not None and node not in path:
                continue

            if node.saved is None:
                raise RuntimeError(
                    f"backward has been through this graph already, and what {node.name} had saved is freed: "
                    "call the first backward (or tl.grad) with retain_graph=True, or compute the result again"
                )
            if node.age < versions.last_write:
                _refuse_if_written(node)
            nodes = node.nodes
            if path is not None and targets is not None:
                nodes = [parent if parent in path or parent in targets else None for parent in nodes]
            contributions = node.op.pull_back(node, nodes, upstream, create_graph)
            if observer is not None:
                observer.saw_backward(node, upstream, contributions)
            for parent, contribution in zip(nodes, contributions):  # noqa: B905 - this loop is the tape's own cost
                if parent is None:
                    continue
                if (type(contribution) is tensor_type) is not create_graph:
                    _refuse(contribution, node, create_graph)
                try:
                    if contribution.shape != parent.shape or contribution.dtype is not parent.dtype:
                        contribution = _conform(contribution, parent, node)
                except AttributeError:
                    _refuse(contribution, node, create_graph)
                    raise
                held = pending.get(parent)
                if held is None:
                    pending[parent] = contribution
                    if type(parent) is Record:
                        heappush(ages, (-parent.age, parent))
                    elif not create_graph and _is_fresh(contribution, upstream, node.saved):
                        owned.add(parent)
                elif parent in owned and not create_graph:
                    held += contribution
                    pending[parent] = held  # no array but a scalar, if 0-d, that += could not add to in place
                else:
                    pending[parent] = held + contribution
                    owned.add(parent)
            if not retain_graph:
                node.nodes = ()
                node.saved = None
        for leaf, gradient in pending.items():  # all else has been popped
            if targets is None:
                _deposit(leaf, _no_scalar(gradient), leaf in owned, create_graph)
            elif leaf in targets:
                found[leaf] = _no_scalar(gradient)
    return found


def _no_scalar(gradient: Gradient) -> Gradient:
    """NumPy makes scalars of 0-d results; a gradient is an array."""
    return np.asarray(gradient) if isinstance(gradient, np.generic) else gradient


def _leading_to(targets: set[Node], roots: Iterable[Node]) -> set[Node]:
    """The records on a way from the roots down to a target; a target only if it leads to another.

    Where a freed record led is no longer known, so it counts as on the way, and the walk will stop there.
    """
    oldest = min((node.age for node in targets), default=0)
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen and node.age >= oldest:
            seen.add(node)
            if type(node) is Record:
                stack.extend(parent for parent in node.nodes if parent is not None)
    path: set[Node] = set()
    for node in sorted(seen, key=lambda node: node.age):
        if type(node) is Record and (
            node.saved is None or any(parent in path or parent in targets for parent in node.nodes)
        ):
            path.add(node)
    return path


def _refuse(contribution: Any, node: Record, create_graph: bool) -> None:
    """Raise TypeError if a rule returned what is no gradient; an array where backward is recorded, or a Tensor where
    it is not, is none."""
    rule = f"the backward rule of {node.name} returned"
    if contribution is None:
        raise TypeError(f"{rule} None: is a return missing?")
    if isinstance(contribution, Traced):
        if not create_graph:
            raise TypeError(
                f"{rule} a Tensor for arrays: it is given arrays and returns one; leave out tl.tensor(), since "
                "operators and tl functions take arrays too"
            )
    elif is_array(contribution) or isinstance(contribution, np.generic):
        if create_graph:
            raise TypeError(
                f"{rule} an array under create_graph=True, so that what it computed is not recorded: write it with "
                "operators and tl functions, which take the Tensors that it is given then"
            )
    else:
        raise TypeError(
            f"{rule} a {type(contribution).__name__}; a gradient is an array of its input's shape: the upstream "
            "gradient times the derivative"
        )


def _is_fresh(contribution: Array, upstream: Array, saved: Sequence[Sequence[Any]]) -> bool:
    """Whether a rule made this array itself: not the upstream handed on, no view, nothing that was saved."""
    if contribution is upstream or contribution.base is not None:
        return False
    for values in saved:  # loops, and no function that calls itself, since the walk asks this for every parameter
        for kept in values:
            if kept is contribution:
                return False
            if type(kept) is list and any(array is contribution for array in kept):  # all inputs of a variadic op
                return False
    return True


def _conform(contribution: Gradient, parent: Node, node: Record) -> Gradient:
    """Undo broadcasting: sum over the axes that the op stretched, and give the gradient its input's dtype.

    Here and nowhere else; rules may ignore broadcasting. Raises RuntimeError for a shape that no broadcasting
    of the input explains.
    """
    shape = parent.shape
    if not (isinstance(contribution, Traced) or is_array(contribution)):
        contribution = xp(contribution).asarray(contribution)
    extra = contribution.ndim - len(shape)
    stretched = [extra + axis for axis, size in enumerate(shape) if size == 1]
    if extra < 0 or any(size not in (1, got) for size, got in zip(shape, contribution.shape[extra:], strict=True)):
        raise RuntimeError(
            f"the backward rule of {node.name} returned a gradient of shape {contribution.shape} for an input of "
            f"shape {shape}; a gradient has the shape of its input (or one that the input broadcasts to)"
        )
    if contribution.shape != shape:
        axes = (*range(extra), *stretched)
        contribution = contribution.sum(axis=axes, keepdims=True).reshape(shape)
    return contribution if contribution.dtype == parent.dtype else contribution.astype(parent.dtype)


def _deposit(node: Node, gradient: Gradient, owned: bool, create_graph: bool) -> None:
    """Add to `.grad` of the tensor that a node stands for, if there is one still."""
    assert node.tensor is not None
    tensor = node.tensor()
    if tensor is None:
        return
    if create_graph:
        tensor._grad = gradient.clone() if tensor._grad is None else tensor._grad + gradient
        return
    with _deposit_lock:
        if tensor._grad is None:
            tensor._grad = wrap(gradient if owned else gradient.copy())
        elif tensor._grad._node is None:
            versions.announce_write(tensor._grad._array)
            tensor._grad._array += gradient
        else:
            tensor._grad = tensor._grad + wrap(gradient)


def _refuse_if_written(node: Record) -> None:
    for array in _arrays_in(node.saved):
        if versions.written_since(array, node.age):
            raise RuntimeError(
                f"a tensor of shape {array.shape} that {node.name} saved for backward was changed in place "
                "afterwards, so its gradient would be wrong: compute the result again after the change, or "
                "change a clone() instead"
            )


def _arrays_in(saved: Any) -> Iterator[Array]:
    if isinstance(saved, (list, tuple)):
        for value in saved:
            yield from _arrays_in(value)
    elif is_array(saved):
        yield saved
