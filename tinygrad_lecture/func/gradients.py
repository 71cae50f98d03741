"""`tl.grad`: gradients of outputs with respect to inputs, returned instead of accumulated in `.grad`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd.backward import backward_pass, seed_for
from ..autograd.subgraph import unshare
from ..errors import kind_of
from ..tensor import Tensor
from ..tensor_base import TensorBase, wrap


def grad(
    outputs: Tensor | Iterable[Tensor],
    inputs: Tensor | Iterable[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of outputs with respect to inputs: a tuple of one Tensor per input, as in PyTorch.

        (slope,) = tl.grad((x**3).sum(), x)

    Unlike `backward`, it leaves every `.grad` as it is, and inputs may be results of ops. Each gradient has its input's
    shape and dtype, and memory of its own.

    grad_outputs: the upstream gradient of each output (the vector of the vector-Jacobian product), of the output's
    shape; by default 1, for outputs of one element.
    retain_graph: keep the graph between outputs and inputs for another backward pass; by default only with
    create_graph.
    create_graph: record the gradients' own computation, so that they can be differentiated.
    only_inputs: has no effect, as in PyTorch.
    allow_unused: give None, instead of an error, for an input that no output depends on.

    Raises TypeError for inputs or outputs that are not Tensors; ValueError for the wrong number of grad_outputs or a
    wrong shape; RuntimeError for an input that does not require grad or that no output depends on, and for a graph that
    is freed already.
    """
    outs, wanted = _tensors("outputs", outputs), _tensors("inputs", inputs)
    upstreams = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
    if grad_outputs is None:
        upstreams *= len(outs)
    if not outs:
        raise ValueError("grad: there are no outputs; give at least one")
    if len(upstreams) != len(outs):
        raise ValueError(f"grad: {len(outs)} outputs, but {len(upstreams)} grad_outputs; give one for each")
    seeds = [seed_for(o, g, create_graph) for o, g in zip(outs, upstreams, strict=True)]
    nodes = [x._node for x in wanted]
    if None in nodes:
        position = nodes.index(None)
        raise RuntimeError(
            f"grad: input {position}, of shape {wanted[position].shape}, does not require grad; make it with "
            "requires_grad=True, before the outputs are computed from it"
        )
    found = backward_pass(
        [(o._node, seed) for o, seed in zip(outs, seeds, strict=True) if o._node is not None],
        targets=nodes,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    for position, node in enumerate(nodes):
        if node not in found and not allow_unused:
            raise RuntimeError(
                f"grad: no output depends on input {position}, of shape {node.shape}; pass allow_unused=True"
            )
    gradients = unshare(map(found.get, nodes), seeds, views=True)  # under create_graph they are Tensors already
    return tuple(g if g is None or isinstance(g, Tensor) else wrap(g) for g in gradients)


def _tensors(what: str, given: Any) -> tuple[Tensor, ...]:
    """One Tensor or several, as a tuple. Raises TypeError for anything else."""
    many = tuple(given) if not isinstance(given, TensorBase) and hasattr(given, "__iter__") else (given,)
    for position, x in enumerate(many):
        if not isinstance(x, TensorBase):
            remedy = "; for the gradient of a function write tl.func.grad(f)(x)" if callable(x) else ""
            raise TypeError(f"grad: {what} must be Tensors, but number {position} is {kind_of(x)}{remedy}")
    return many
