"""In-place changes: `x += y`, `x[index] = value` and methods that end in an underscore.

While nothing is recorded, they write to memory. While recording, x takes over a new array and a new node, and the old
memory stays for the rules that saved it.
"""

from __future__ import annotations

import sys
from typing import Any, TypeVar

import numpy as np

from . import ops
from .autograd import versions
from .autograd.modes import modes, set_grad_enabled
from .autograd.tape import Leaf
from .backend import Array
from .ops.indexing import write
from .traced import Traced

T = TypeVar("T", bound=Traced)


def announced(x: Traced) -> Array:
    """The array of x, announced to the version counters as about to be written to."""
    versions.announce_write(x._array)
    return x._array


def update(x: T, change: str, op: Any, operand: Any) -> T:
    """x = op(x, operand), in place. change: how the user wrote it, for errors.

    Raises RuntimeError as `_writes_to_memory` does, ValueError for a result of another shape, TypeError for one of a
    dtype that does not fit into x's.
    """
    to_memory = _writes_to_memory(x, change, operand)
    with set_grad_enabled(not to_memory):
        result = op(x, operand)
    shape, dtype = x._array.shape, x._array.dtype
    if result.shape != shape:
        raise ValueError(f"{change}: the result has shape {result.shape}, but x has {shape}; write x = x + ...")
    if not np.can_cast(result.dtype, dtype, "same_kind"):
        raise TypeError(f"{change}: {result.dtype} does not fit into x's {dtype}; convert x with .to() first")
    if to_memory:
        announced(x)[...] = result._array
    else:
        result = result.to(dtype=dtype)
        x._array, x._node = result._array, result._node
    return x


def assign(x: Traced, index: Any, value: Any) -> None:
    """x[index] = value. Raises RuntimeError as `_writes_to_memory` does."""
    if _writes_to_memory(x, "x[index] = value", value):
        write(announced(x), index, value._array if isinstance(value, Traced) else value)
    else:
        result = ops.indexing.setitem(x, index, value)
        x._array, x._node = result._array, result._node


def _writes_to_memory(x: Traced, change: str, operand: Any) -> bool:
    """Whether a change writes to memory (True) or is recorded (False).

    Raises RuntimeError while recording if x is a leaf that requires grad, or if others look into the same memory, since
    they would not see the change.
    """
    involved = x._node is not None or (isinstance(operand, Traced) and operand._node is not None)
    if not (modes.recording and involved):
        return True
    if isinstance(x._node, Leaf):
        raise RuntimeError(
            f"{change} would change a leaf that requires grad in place, while gradients are computed with respect to "
            "it: do it within tl.no_grad(), or make a new tensor, as in x = x + ..."
        )
    if x._array.base is not None and not _is_last_view(x._array):
        raise RuntimeError(
            f"{change} cannot be recorded here: x is a view, like x[0], x.T or x.reshape(), and other tensors use its "
            "memory and would not see the change. Make a new tensor, as in x = x + ..., start from x = x.clone(), or "
            "assign to the tensor that x is a view of, base[index] = ..."
        )
    return False


def _is_last_view(view: Array) -> bool:
    """Whether only this view refers to the array that it is a view of, as when an op allocated that for itself."""
    if type(view.base) is not type(view) or view.base.base is not None:
        return False
    return sys.getrefcount(view.base) == 2  # the view and this call
