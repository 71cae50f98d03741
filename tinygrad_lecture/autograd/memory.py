"""Memory of gradients: gradients are summed in place, so no two may share an array."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array
from ..traced import Traced
from .modes import enable_grad


def unshare(gradients: Iterable[Any], taken: Iterable[Any] = (), *, views: bool = False) -> list[Any]:
    """The gradients, with a copy of each that shares memory with an earlier one or with one of `taken`.

    A backward rule may return its upstream gradient, as addition's does, or a view of it, as reshape's does.
    gradients: arrays or, under create_graph, Tensors; None stays None.  views: copy every view, shared or not.
    """
    owners = {id(_owner(g)) for g in taken}
    unshared = []
    for g in gradients:
        if g is not None:
            array, owner = _array(g), _owner(g)
            if id(owner) in owners or (views and owner is not array):
                with enable_grad():
                    g = g.copy() if g is array else g.clone()
            else:
                owners.add(id(owner))
        unshared.append(g)
    return unshared


def _owner(gradient: Any) -> Array:
    array = _array(gradient)
    return array if array.base is None else array.base


def _array(gradient: Any) -> Array:
    return gradient._array if isinstance(gradient, Traced) else gradient
