"""Which arrays share memory: gradients are added to in place, so no two of them may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..backend import Array, is_array
from ..traced import Traced
from .modes import enable_grad
from .versions import owner_of


def owns_memory(gradient: Array, upstream: Array, saved: Sequence[Sequence[Any]] | None) -> bool:
    """Whether a rule allocated this array: it is not the upstream gradient, a view, or something saved."""
    if gradient is upstream or gradient.base is not None:
        return False
    for values in saved or ():  # plain loops: backward asks this for every parameter
        for kept in values:
            if kept is gradient:
                return False
            if type(kept) is list and any(array is gradient for array in kept):  # all inputs of a variadic op
                return False
    return True


def separate(gradients: Iterable[Any], given: Iterable[Any] = (), copy_views: bool = True) -> list[Any]:
    """The gradients, arrays or Tensors or None, with copies of those that share memory with an earlier one.

    given: arrays or Tensors that belong to the caller; a gradient that shares memory with one of them is copied too.
    copy_views: copy every view, whatever it is a view of.
    """
    taken = {id(owner_of(_array(g))) for g in given}
    separated = []
    for gradient in gradients:
        if gradient is not None:
            array = _array(gradient)
            owner = id(owner_of(array))
            if owner in taken or (copy_views and array.base is not None):
                with enable_grad():
                    gradient = gradient.copy() if gradient is array else gradient.clone()
            taken.add(owner)
        separated.append(gradient)
    return separated


def arrays_in(values: Any) -> Iterator[Array]:
    """All arrays in nested lists and tuples."""
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from arrays_in(value)
    elif is_array(values):
        yield values


def _array(value: Any) -> Array:
    return value._array if isinstance(value, Traced) else value
