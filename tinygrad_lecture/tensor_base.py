"""TensorBase: what a Tensor holds, an array, a node of the graph and a gradient, defined below `tensor.py`.

So ops can create Tensors without importing `tensor.py`, which registers its class here with `set_tensor_type`.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np

from .backend import Array

T_co = TypeVar("T_co", covariant=True)


class TensorBase:
    """An array that may have a node in the graph.

    _node: a Node (`autograd/core.py`), None for a constant.
    _window: how it looks into memory that it shares with others (`autograd/memory.py`), None if it shares none.
    __dict__: attributes of the user's, such as `p._no_weight_decay = True`.
    _leaf: its node before `requires_grad_(False)`, for when it requires grad again; not set before that.
    """

    __slots__ = ("__dict__", "__weakref__", "_array", "_grad", "_leaf", "_node", "_window")

    _array: Array
    _node: Any
    _grad: Any  # a Tensor or None
    _window: Any
    _leaf: Any

    def __init_subclass__(cls) -> None:
        TENSORS.add(cls)


TENSORS: set[type] = {TensorBase}  # with all subclasses: `type(x) in TENSORS` takes a third of isinstance's time


class TensorLike(Protocol[T_co]):
    """A Tensor, for type checkers: the result of an op has the type that `detach` returns."""

    def detach(self) -> T_co: ...


tensor_type: type[Any] = TensorBase
_new = object.__new__
_ndarray = np.ndarray


def set_tensor_type(kind: type[TensorBase]) -> None:
    """Make `kind` the class of all results from now on."""
    global tensor_type
    tensor_type = kind


def wrap(array: Array, node: Any = None) -> Any:
    """A Tensor around an array, without a copy. Of NumPy's results without axes, which are no arrays, too."""
    result = _new(tensor_type)
    result._array = array if type(array) is _ndarray else _with_axes(array)
    result._node = node
    result._grad = result._window = None
    return result


def tensor_of(kind: type[Any], array: Array) -> Any:
    """A constant of a class of Tensors, around an array: as `wrap`, which makes Tensors."""
    result = _new(kind)
    result._array, result._node, result._grad, result._window = array, None, None, None
    return result


def array_of(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x._array if isinstance(x, TensorBase) else x


def wrap_like(x: Any, array: Array) -> Any:
    """The array as a Tensor if x is one, else itself: what is given arrays returns arrays."""
    return wrap(array) if isinstance(x, TensorBase) else array


def _with_axes(array: Any) -> Array:
    return np.asarray(array) if isinstance(array, np.generic) else array
