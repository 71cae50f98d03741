"""`tl.grad`: gradients of outputs with respect to inputs, handed out instead of added to `.grad`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .tape import Node, walk
from .tensor import Tensor, seed_for
from .traced import Traced, wrap


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of outputs, summed, with respect to inputs: a tuple with one Tensor per input, as in PyTorch.

    Unlike `backward` it leaves every `.grad` alone, and inputs may be results of ops. grad_outputs: the upstream
    gradient of each output; 1 for those of one element. create_graph: record, for derivatives of the gradients.
    Raises RuntimeError for an input that no output depends on, unless allow_unused, where it gives None.
    """
    outs = (outputs,) if isinstance(outputs, Traced) else tuple(outputs)
    wanted = (inputs,) if isinstance(inputs, Traced) else tuple(inputs)
    upstreams = grad_outputs if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,) * len(outs)
    if len(upstreams) != len(outs):
        raise ValueError(f"grad: {len(outs)} outputs, but {len(upstreams)} grad_outputs")
    upstream_of = [(o, seed_for(o, g, create_graph)) for o, g in zip(outs, upstreams, strict=True)]
    seeds = [(o._node, upstream) for o, upstream in upstream_of if o._node is not None]
    nodes: list[Node] = []
    for position, x in enumerate(wanted):
        if x._node is None:
            raise RuntimeError(f"grad: input {position}, of shape {x.shape}, does not require grad")
        nodes.append(x._node)
    retain = create_graph if retain_graph is None else retain_graph
    found = walk(seeds, wanted=nodes, retain_graph=retain, create_graph=create_graph)
    for position, node in enumerate(nodes):
        if node not in found and not allow_unused:
            raise RuntimeError(
                f"grad: no output depends on input {position}, of shape {wanted[position].shape}; pass allow_unused=True "
                "to get None for it"
            )
    return tuple(as_tensor(found[node]) if node in found else None for node in nodes)


def as_tensor(gradient: Any) -> Tensor:
    """What a walk found, an array or (create_graph) a Tensor, as a Tensor."""
    return gradient if isinstance(gradient, Tensor) else wrap(gradient)
