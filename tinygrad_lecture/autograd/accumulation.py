"""Accumulation: where a gradient arrives, in `.grad`."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

from ..traced import TENSORS, wrap
from . import versions
from .core import Node

_grad_lock = threading.Lock()


def accumulate_grad(node: Node, gradient: Any) -> bool:
    """Add a gradient to `.grad` of the tensor that a node stands for, and say whether it is still there.

    An array that nobody else holds becomes `.grad` itself, without a copy.
    """
    tensor = None if node.tensor is None else node.tensor()
    if tensor is None or tensor._node is not node:  # gone, changed in place, or no longer requiring grad
        return False
    with _grad_lock:
        held = tensor._grad
        if type(gradient) in TENSORS:  # under create_graph
            tensor._grad = gradient.clone() if held is None else held + gradient
        elif held is None:
            unshared = gradient.base is None and sys.getrefcount(gradient) <= _UNSHARED
            tensor._grad = wrap(gradient if unshared else gradient.copy())
        elif held._node is None:
            versions.announce_write(held._array)
            held._array += gradient
        else:
            tensor._grad = held + wrap(gradient)
    return True


def _references(node: Any, array: Any) -> int:
    """How many references a function counts to an array that its caller hands over and does not keep."""
    return sys.getrefcount(array)


# Python's versions count differently. Without its lock, a count that another thread changes may read too low: 0 copies.
_UNSHARED = _references(None, np.zeros(1)) if getattr(sys, "_is_gil_enabled", lambda: True)() else 0
