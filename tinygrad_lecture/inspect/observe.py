"""Observers: objects that see every op call and every backward step of a thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from ..autograd import modes as modes_module
from ..autograd.modes import Switch, modes
from ..autograd.op import Op
from ..autograd.tape import Record
from ..backend import Array


class Observer(Protocol):
    """Is told of every call of an op with Tensors, and of every step of a backward walk."""

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None: ...

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None: ...


_counting = threading.Lock()


class Both:
    """Two observers as one: whoever begins to watch within another's block does not blind the other."""

    def __init__(self, inner: Observer, outer: Observer) -> None:
        self.inner, self.outer = inner, outer

    def saw_forward(self, op: Op[Any], arrays: Any, settings: dict[str, Any], out: Any, record: Record | None) -> None:
        self.inner.saw_forward(op, arrays, settings, out, record)
        self.outer.saw_forward(op, arrays, settings, out, record)

    def saw_backward(self, record: Record, upstream: Any, gradients: Any) -> None:
        self.inner.saw_backward(record, upstream, gradients)
        self.outer.saw_backward(record, upstream, gradients)


class Observing(Switch):
    """Have every op call and backward step of this thread seen by an observer (see observe.py)."""

    mode = "observer"

    def __enter__(self) -> None:
        with _counting:
            modes_module.observers += 1
        outer = modes.observer
        super().__enter__()
        if outer is not None:
            modes.observer = Both(self.value, outer)

    def __exit__(self, *error: object) -> None:
        with _counting:
            modes_module.observers -= 1
        super().__exit__(*error)
