"""Observers: objects that see every op call and every backward step of a thread.

One of them is `detect_anomaly`: it finds the op that makes the first nan or inf, and the user's line that calls it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..autograd import modes as modes_module
from ..autograd.core import Record
from ..autograd.modes import FixedMode, ModeContext, modes
from ..autograd.op import Op
from ..backend import Array, is_array, xp
from ..errors import call_site
from ..tensor_base import array_of


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


# --- the first nan or inf ------------------------------------------------------------------------------------


class AnomalyError(RuntimeError):
    """Raised within `detect_anomaly` for the first nan or inf.

    op: the name of the function that the user called.  where: the user's "file:line".  backward: True if a backward
    rule made it, False if the forward call did.
    """

    __module__ = "tinygrad_lecture"  # a traceback shows the name that users import

    def __init__(self, message: str, op: str, where: str, backward: bool) -> None:
        super().__init__(message)
        self.op, self.where, self.backward = op, where, backward


class _AnomalyWatch(Observer):
    """Raises `AnomalyError` at the first nan or inf."""

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        name, where = op.name if modes.called is None else modes.called.name, call_site()
        if record is not None:
            record.called, record.where = name, where
        found = _first_made([*arrays, *settings.values()], [out])
        if found:
            raise AnomalyError(f"{name} made the first {found}, called at {where}", name, where, False)

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        found = _first_made([upstream], gradients)
        if found:
            where = getattr(record, "where", "a line outside of detect_anomaly()")
            op, name = record.op.name, record.name
            rule = op if op == name else f"{op}, in {name},"
            message = f"the backward rule of {rule} made the first {found} in a gradient; {name} was called at {where}"
            raise AnomalyError(message, name, where, True)


class detect_anomaly(Observing, FixedMode):
    """Raise `AnomalyError` at the first nan or inf, naming the op that made it and the user's line.

        with tl.detect_anomaly():
            loss(model(x), y).backward()

    Checks both forward calls and backward rules, so run both inside. Reports an op only if its inputs did not have the
    nan or inf already: a deliberate -inf (a mask) passes, and a nan computed from it is reported. Slow, since it reads
    every result. Context manager and decorator, for the current thread.
    """

    value = _AnomalyWatch()


def _first_made(inputs: Sequence[Any], outputs: Sequence[Any]) -> str | None:
    """ "nan" if an output has one and no input does; "inf" if an output has one and no input has an inf or a nan."""
    for name, tests in (("nan", ["isnan"]), ("inf", ["isinf", "isnan"])):
        made = any(_has(x, tests[0]) for x in outputs)
        if made and not any(_has(x, test) for x in inputs for test in tests):
            return name
    return None


def _has(value: Any, test: str) -> bool:
    value = array_of(value)
    if isinstance(value, float) or (is_array(value) and value.dtype.kind in "fc"):
        return bool(getattr(xp(value), test)(value).any())
    return False
