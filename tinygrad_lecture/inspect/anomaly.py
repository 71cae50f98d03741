"""Watching every op of a thread as it runs: for `detect_anomaly`, and for the complex step of `gradcheck`."""

from __future__ import annotations

import os.path
import sys
from collections.abc import Sequence
from typing import Any

from ..autograd.modes import Fixed
from ..autograd.op import Op
from ..autograd.tape import Record
from ..backend import Array, is_array, xp
from ..traced import Traced
from .observe import Observing


class AnomalyError(RuntimeError):
    """An op made the first nan or inf.

    op: the name of what the user called, the op or a function made of ops.  where: the user's line.  backward: whether
    it was the backward rule.
    """

    __module__ = "tinygrad_lecture"  # where users find it, and so what a traceback says

    def __init__(self, message: str, op: str, where: str, backward: bool) -> None:
        super().__init__(message)
        self.op, self.where, self.backward = op, where, backward


class _AnomalyWatch:
    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        name, where = _users_call(op.name)
        if record is not None:
            record.called, record.where = name, where
        found = _new_trouble([*arrays, *settings.values()], [out])
        if found:
            raise AnomalyError(f"{name} made the first {found}, called at {where}", name, where, False)

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        found = _new_trouble([upstream], gradients)
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


class detect_anomaly(Observing, Fixed):
    """Within it the first nan or inf raises `AnomalyError`, naming the op that made it and the user's line.

    Forward and backward are both watched; run both inside. An op is blamed only for what was not in its inputs, so a
    deliberate -inf (a mask) passes, and the nan that is made of one does not. Slow: every result is inspected. Context
    manager and decorator, per thread.
    """

    on = _AnomalyWatch()


def _new_trouble(inputs: Sequence[Any], outputs: Sequence[Any]) -> str | None:
    """ "nan" if an output has one and no input does; "inf" if an output has one, and no input has that or a nan."""
    for name, questions in (("nan", ["isnan"]), ("inf", ["isinf", "isnan"])):
        made = any(_has(x, questions[0]) for x in outputs)
        if made and not any(_has(x, question) for x in inputs for question in questions):
            return name
    return None


def _has(value: Any, question: str) -> bool:
    if isinstance(value, Traced):
        value = value._array
    if isinstance(value, float) or (is_array(value) and value.dtype.kind in "fc"):
        lib = xp(value)
        return bool(getattr(lib, question)(value).any())
    return False


# The packages' folders, with a slash at the end. By os.path: importing pathlib would take longer than the engine.
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120
_HERE, *_OTHERS = (os.path.join(_ROOT, name, "") for name in ("tinygrad_lecture", "nn", "transformer"))  # noqa: PTH118
_INSIDE = (_HERE, *_OTHERS)


def _users_call(op: str) -> tuple[str, str]:
    """What the innermost caller outside of the engine called, for an op to be run; and the file and line of the
    innermost caller outside of the project's packages, so that a layer's user is shown his own line."""
    frame, name = sys._getframe(1), op
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        if frame.f_code.co_name == "composed":  # see names.py
            name = frame.f_locals["name"]
        elif frame.f_code.co_name == "__call__":  # of an op
            name = getattr(frame.f_locals["self"], "name", name)
        frame = frame.f_back
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame = frame.f_back
    return name, f"{frame.f_code.co_filename}:{frame.f_lineno}"
