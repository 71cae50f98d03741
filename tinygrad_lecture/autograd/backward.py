"""The backward pass: the walk of `core.py`, with what a user may ask of it put around the rules of each record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..backend import device_of, xp
from ..conversion import new_array
from ..errors import TensorError
from ..tensor_base import TensorBase, wrap
from . import hooks, memory
from .core import Gradient, Node, Products, Record, plus, walk
from .graph import leading_to
from .modes import modes
from .rule_checks import check_saved


def backward_pass(
    seeds: Iterable[tuple[Node, Gradient]],
    *,
    targets: Iterable[Node] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Node, Gradient]:
    """Reverse-mode differentiation: from the upstream gradients of the seeds to the gradients of what they depend on.

    Gradients that reach leaves accumulate in `.grad`.

    targets: return the gradients of these nodes instead, and visit only records that lead to them.
    retain_graph: keep what the records saved, for another pass.
    create_graph: gradients and saved values are Tensors, so the same rules are recorded as they run.
    Raises RuntimeError if the graph was freed, or a saved array was written to in place.
    """
    sums: dict[Node, Gradient] = {}
    for node, upstream in seeds:
        sums[node] = plus(sums[node], upstream) if node in sums else upstream
    wanted = None if targets is None else set(targets)
    leading = leading_to(wanted, sums) if wanted is not None else set()
    found: dict[Node, Gradient] = {}
    observer = modes.observer

    def arrived(node: Node, gradient: Gradient) -> Gradient:
        """The gradient of a node after its hooks. It is added to `.grad` or, of a target, kept."""
        if node.hooks is not None or wanted is None:
            gradient = hooks.arrive(node, gradient, accumulate=wanted is None)
        if wanted is not None and node in wanted:
            found[node] = gradient if isinstance(gradient, TensorBase) else gradient.copy()
        return gradient

    def vjp(record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        if wanted is not None or record.hooks is not None or record.tensor is not None:
            upstream = arrived(record, upstream)
        if wanted is not None:
            if record not in leading:
                return ()
            nodes = [node if node in leading or node in wanted else None for node in nodes]
        if record.saved is None or record.age < memory.last_write:
            check_saved(record)
        op = record.op
        products = op.vjp(record, nodes, upstream)
        if observer is not None:
            observer.saw_backward(record, upstream, by_input(products, nodes))
        if op.saves_arrays and not retain_graph:
            record.nodes, record.saved = (), None
        return products

    recording, modes.recording = modes.recording, create_graph  # set_grad_enabled would take half a microsecond
    try:
        with np.errstate(all="ignore"):
            walk(sums, vjp)
            for leaf in [*sums]:
                gradient = sums.pop(leaf)
                if wanted is None and leaf.hooks is None:
                    hooks.accumulate_grad(leaf, gradient)
                else:
                    arrived(leaf, gradient)
    finally:
        modes.recording = recording
    return found


def by_input(products: Products, nodes: Sequence[Node | None]) -> list[Gradient]:
    """The gradient for each input of a record, None for one that has none."""
    rest = [*products]
    return [rest.pop(0)[1] if rest and node is rest[0][0] else None for node in nodes]


def seed_for(x: TensorBase, gradient: Any, create_graph: bool) -> Any:
    """The initial upstream gradient at x: one by default for a single element; under create_graph, a Tensor.

    gradient: what the user gave, of x's shape; None stands for 1 if x has a single element.
    Raises RuntimeError if x does not require grad, or needs a gradient and got none; ValueError for another shape or
    device.
    """
    array = x._array
    if x._node is None:
        raise RuntimeError(
            "this tensor does not require grad, so there is nothing to differentiate. Either it comes from constants, "
            "or from a model of which all parameters are frozen: set requires_grad=True, or call requires_grad_(). Or "
            "something cut the graph: detach(), item(), numpy(), no_grad(), or an op without a gradient (comparisons, "
            "argmax, integers). Or it is a derivative that is constant, as that of 3 * x"
        )
    if gradient is None:
        if array.size != 1:
            raise RuntimeError(
                f"backward from shape {array.shape} needs an upstream gradient of that shape, in x.backward(gradient) "
                "or as grad_outputs of tl.grad; or reduce to one number first, as in x.sum().backward()"
            )
        one = xp(array).array(1, array.dtype, ndmin=array.ndim)
        return wrap(one) if create_graph else one
    here = device_of(array)
    seed: Any = gradient if isinstance(gradient, TensorBase) else wrap(new_array(gradient, array.dtype, here))
    there = device_of(seed._array)
    if seed._array.shape != array.shape:
        raise TensorError(f"the upstream gradient has shape {seed._array.shape}, but the tensor has {array.shape}")
    if there != here:
        raise TensorError(f"the upstream gradient is on {there}, but the tensor on {here}; move it there")
    seed = seed.to(dtype=array.dtype)
    return seed if create_graph else seed._array
