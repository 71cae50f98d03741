"""What the tape needs of a Tensor: an array, the node that made it, a gradient. `Tensor` adds the rest.

The tape makes Tensors but lies below them, so `tensor.py` names its class here once, with `use`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .backend import Array

if TYPE_CHECKING:
    from .autograd.tape import Node
    from .tensor import Tensor


class Traced:
    """An array that the tape follows: `_node` is None for a constant, else what gradients flow to."""

    __slots__ = ("__weakref__", "_array", "_grad", "_node")

    _array: Array
    _node: Node | None
    _grad: Tensor | None


tensor_type: type[Any] = Traced
_new = object.__new__


def use(kind: type[Traced]) -> None:
    """Make `kind` the class of every result from now on."""
    global tensor_type
    tensor_type = kind


def wrap(array: Array, node: Node | None = None) -> Tensor:
    """A Tensor around an array, without a copy."""
    result: Tensor = _new(tensor_type)
    result._array = array
    result._node = node
    result._grad = None
    return result
