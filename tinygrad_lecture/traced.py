"""Traced and Node: what a Tensor holds (array, graph node, gradient), defined below `tensor.py`.

So the tape can create Tensors without importing `tensor.py`, which registers its class here with `set_tensor_type`.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from .backend import Array, DType, Shape

T_co = TypeVar("T_co", covariant=True)


class Node:
    """A value that gradients flow to. `autograd/tape.py` has the two kinds, `Leaf` and `Record`.

    shape, dtype: what its gradient must have.  age: a tick of the engine's clock; a result is younger than its inputs.
    nodes: of each input of the op that computed it, None for constants.
    saved: for each input, what its backward rule asked for; None after backward has freed it.
    tensor: a weak reference to the tensor whose `.grad` backward fills, or None.
    """

    __slots__ = ("age", "dtype", "nodes", "saved", "shape", "tensor")

    shape: Shape
    dtype: DType
    age: int
    nodes: Sequence[Node | None]
    saved: Sequence[Sequence[Any]] | None
    tensor: weakref.ref[Traced] | None


class Traced:
    """An array that the tape follows. `_node` is None for a constant.

    _window: how it looks into memory that it shares with others (`autograd/views.py`); not set if it shares none.
    _leaf: its node before `requires_grad_(False)`, for when it requires grad again; not set before that.
    """

    __slots__ = ("__weakref__", "_array", "_grad", "_leaf", "_node", "_window")

    _array: Array
    _node: Node | None
    _grad: Any  # a Tensor or None
    _window: Any
    _leaf: Node | None


class TensorLike(Protocol[T_co]):
    """A Tensor, for type checkers: the result of an op has the type that `detach` returns."""

    def detach(self) -> T_co: ...


tensor_type: type[Any] = Traced
_new = object.__new__


def set_tensor_type(kind: type[Traced]) -> None:
    """Make `kind` the class of all results from now on."""
    global tensor_type
    tensor_type = kind


def wrap(array: Array, node: Node | None = None) -> Any:
    """A Tensor around an array, without a copy. Of NumPy's results without axes, which are no arrays, too."""
    result = _new(tensor_type)
    result._array = np.asarray(array) if isinstance(array, np.generic) else array
    result._node = node
    result._grad = None
    return result
