"""Views: which tensors share memory, so that none of them misses an in-place change.

Ops like `x[0:2]` or `x.T` return views: tensors that look into the memory of their input. A recorded change gives its
tensor a new array, so the tensors that share its memory must be computed again (`inplace.py`). A `View` says how.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any, TypeAlias

from ..backend import Array
from ..traced import Traced, wrap
from .versions import owner_of


class Base:
    """How a tensor looks into memory of its own, which views may share.

    The tensor may be gone while its views live, so its array and node are kept.
    """

    __slots__ = ("array", "node", "sharing", "tensor")

    def __init__(self, tensor: Traced, sharing: Sharing) -> None:
        self.array, self.node, self.sharing = tensor._array, tensor._node, sharing
        self.tensor = sharing.add(tensor)

    def value(self) -> Any:
        """The tensor or, if it is gone, another one with the same array and node."""
        tensor = self.tensor()
        return wrap(self.array, self.node) if tensor is None else tensor


class View:
    """How a view looks into its memory: as op(x, **settings), where x is a base or another view."""

    __slots__ = ("op", "settings", "sharing", "x")

    def __init__(self, tensor: Traced, x: Window, op: Any, settings: dict[str, Any]) -> None:
        self.x, self.op, self.settings = x, op, settings
        self.sharing: Sharing = x.sharing
        self.sharing.add(tensor)


Window: TypeAlias = Base | View

_lock = threading.RLock()


class Sharing:
    """The tensors that share one memory, held weakly."""

    __slots__ = ("_enough", "_references")

    def __init__(self) -> None:
        self._references: list[weakref.ref[Traced]] = []
        self._enough = 8  # at this length the list is searched for tensors that are gone

    def add(self, tensor: Traced) -> weakref.ref[Traced]:
        """Note one more tensor; returns a weak reference to it."""
        reference = weakref.ref(tensor)
        with _lock:
            references = self._references
            if len(references) >= self._enough:
                references[:] = [held for held in references if held() is not None]
                self._enough = 2 * len(references) + 8
            references.append(reference)
        return reference

    def others(self, tensor: Traced) -> list[Any]:
        """The living tensors that share the memory with this one."""
        living = [reference() for reference in self._references]
        return [
            x for x in living if x is not None and x is not tensor and getattr(window_of(x), "sharing", None) is self
        ]


def window_of(tensor: Traced) -> Window | None:
    """How a tensor looks into memory that it shares; None if it never shared any."""
    return getattr(tensor, "_window", None)


def base_of(window: Window) -> Base:
    """The base that a view was made of, through any number of views; of a base, itself."""
    while isinstance(window, View):
        window = window.x
    return window


def note_view(op: Any, inputs: Sequence[Any], settings: dict[str, Any], result: Traced) -> None:
    """Note which input the result of an op is a view of, if any."""
    for x in inputs:
        if isinstance(x, Traced) and _share_memory(result._array, x._array):
            if len(inputs) == 1 and (result._node is not None or x._node is None):
                result._window = View(result, _window(x), op, settings)
            else:  # such as a view of a recorded tensor under no_grad, which is a constant
                note_sharing(result, x)
            return


def note_sharing(tensor: Traced, other: Traced) -> None:
    """Note that two tensors share memory, but not their gradients, as a detached one does."""
    tensor._window = Base(tensor, _window(other).sharing)


def _window(x: Traced) -> Window:
    """How x looks into its memory, from now on noted as shared."""
    window = window_of(x)
    if window is None:
        with _lock:  # so that two threads that make the first views of x note one base
            window = window_of(x)
            if window is None:
                window = x._window = Base(x, Sharing())
    return window


def _share_memory(view: Array, array: Array) -> bool:
    base = view.base  # in most cases a glance at the bases tells
    return base is array or (base is not None and base is array.base) or owner_of(view) is owner_of(array)
