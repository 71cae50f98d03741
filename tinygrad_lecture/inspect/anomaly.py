"""detect_anomaly: find the op that makes the first nan or inf, and the user's line that calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.core import Record
from ..autograd.modes import FixedMode, modes
from ..autograd.op import Op
from ..backend import Array, is_array, xp
from ..errors import call_site
from ..tensor_base import array_of
from .observe import Observer, Observing


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
            raise AnomalyError(
                f"the backward rule of {rule} made the first {found} in a gradient; {name} was called at {where}",
                name,
                where,
                True,
            )


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
