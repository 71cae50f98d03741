"""Accumulation: where a backward pass ends, in `.grad`."""

from __future__ import annotations

import threading
from typing import Any

from ..traced import Node, Traced, wrap
from . import versions

_grad_lock = threading.Lock()


def accumulate_grad(node: Node, gradient: Any, owned: bool = False) -> None:
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
