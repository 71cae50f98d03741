"""Accumulation: where a gradient arrives, in `.grad`."""

from __future__ import annotations

import threading
from typing import Any

from ..tensor_base import TENSORS, wrap
from . import versions
from .core import Node

_grad_lock = threading.Lock()


def accumulate_grad(node: Node, gradient: Any) -> bool:
    """Add a gradient to `.grad` of the tensor that a node stands for, and say whether it is still there.

    The first gradient is copied: a rule may return its upstream gradient, which others have too.
    """
    tensor = None if node.tensor is None else node.tensor()
    if tensor is None or tensor._node is not node:  # gone, changed in place, or no longer requiring grad
        return False
    with _grad_lock:
        held = tensor._grad
        if type(gradient) in TENSORS:  # under create_graph
            tensor._grad = gradient.clone() if held is None else held + gradient
        elif held is None:
            tensor._grad = wrap(gradient.copy())
        elif held._node is None:
            versions.announce_write(held._array)
            held._array += gradient
        else:
            tensor._grad = held + wrap(gradient)
    return True
