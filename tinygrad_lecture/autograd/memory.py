"""Memory sharing: two gradients that are added to in place must not share an array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..backend import Array, is_array
from ..traced import Traced
from .modes import enable_grad
from .versions import owner_of


def unshare(gradients: Iterable[Any], taken: Iterable[Any] = (), *, views: bool = False) -> list[Any]:
    """The gradients, with a copy of each that shares memory with an earlier one or with one of `taken`.

    A backward rule may return its upstream gradient, as addition's does, or a view of it, as reshape's does.
    gradients: arrays or, under create_graph, Tensors; None stays None.  views: copy every view, shared or not.
    """
    owners = {id(owner_of(_array(g))) for g in taken}
    unshared = []
    for gradient in gradients:
        if gradient is not None:
            array = _array(gradient)
            owner = owner_of(array)
            if id(owner) in owners or (views and owner is not array):
                with enable_grad():
                    gradient = gradient.copy() if gradient is array else gradient.clone()
            else:
                owners.add(id(owner))
        unshared.append(gradient)
    return unshared


def arrays_in(values: Any) -> Iterator[Array]:
    """All arrays in nested lists and tuples."""
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from arrays_in(value)
    elif is_array(values):
        yield values


def _array(gradient: Any) -> Array:
    return gradient._array if isinstance(gradient, Traced) else gradient
