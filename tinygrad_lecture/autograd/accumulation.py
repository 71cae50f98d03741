"""Accumulation: where a backward pass ends, in `.grad`."""

from __future__ import annotations

import threading
from typing import Any

from ..traced import Node, Traced, wrap
from . import hooks, versions

_grad_lock = threading.Lock()


def arrive(node: Node, gradient: Any, owned: bool = False, accumulate: bool = True) -> Any:
    """Hand the gradient of a node to the tensor that it stands for: to its hooks, then add it to `.grad`.

    owned: the gradient's memory belongs to the pass and becomes `.grad` without a copy.
    accumulate: False for `tl.grad`, which leaves `.grad` alone.
    Returns the gradient, which hooks may have replaced.
    """
    held = node.tensor
    if type(held) is hooks.Hooked:
        if held.before:
            gradient, owned = hooks.run(held.before, gradient), False
        accumulate = accumulate and held.retains
    tensor = held() if accumulate and held is not None else None
    if tensor is None or tensor._node is not node:  # gone, changed in place, or told to stop requiring grad
        return gradient
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
    if type(held) is hooks.Hooked and held.after:
        hooks.run_after(held.after, tensor, isinstance(gradient, Traced))
    return gradient
