"""Observers: objects that see every op call and every backward step of a thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..autograd import modes as modes_module
from ..autograd.core import Record
from ..autograd.modes import FixedMode, ModeContext, modes
from ..autograd.op import Op
from ..backend import Array


class Observer:
    """Sees op calls and backward steps, each after it has run. A subclass says what it does with them.

    keeps_values: whether it keeps every value, as a Graph does. Then a checkpoint need not compute them again.
    """

    keeps_values = False

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        """An op was called with Tensors; `record` is None if the call was not recorded."""

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        """The rules of a record's op returned `gradients`, one per input, None where no gradient is needed."""


class Observers(tuple[Observer, ...]):
    """Observers as one, the innermost first."""

    def saw_forward(self, *call: Any) -> None:
        for observer in self:
            observer.saw_forward(*call)

    def saw_backward(self, *step: Any) -> None:
        for observer in self:
            observer.saw_backward(*step)


_counting = threading.Lock()


class Observing(ModeContext):
    """Context manager: show an observer every op call and backward step of this thread."""

    mode = "observer"

    def __enter__(self) -> None:
        with _counting:
            modes_module.observers += 1
        outer = observers()
        super().__enter__()
        modes.observer = Observers((self.value, *outer))

    def __exit__(self, *error: object) -> None:
        with _counting:
            modes_module.observers -= 1
        super().__exit__(*error)


class Unwatched(FixedMode):
    """Context manager: nothing observes this thread."""

    mode = "observer"
    value = None


def observers() -> Observers:
    """What observes this thread now."""
    return modes.observer or Observers()


def values_are_kept() -> bool:
    """Whether an observer of this thread keeps every value, as a Graph does."""
    return any(observer.keeps_values for observer in observers())


class Unseen(ModeContext):
    """Context manager: observers that keep every value do not see what this thread computes again."""

    mode = "observer"

    def __init__(self) -> None:
        super().__init__(Observers(x for x in observers() if not x.keeps_values) or None)
