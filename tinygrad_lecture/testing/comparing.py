"""The comparison of a result with the expected one: type, shape, dtype, then number by number."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..backend import Array
from ..gradient_checking.report import element_table
from .calls import arguments
from .failures import CheckFailed, because, pair, said

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def require_equal(
    name: str,
    got: Any,
    expected: Any,
    args: Sequence[Any],
    names: Sequence[str] = (),
    *,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    what: str = "result",
    parts: Sequence[str] = (),
) -> None:
    """Raise CheckFailed unless `got` is `expected`: arrays and numbers up to rounding, everything else exactly.

    Tuples are compared part by part; masked elements of `expected` are left out.
    what: "result", or "gradient of x" for a sentence about a rule.  parts: the same for each part of a tuple.
    """
    shown = arguments(args, names)
    if isinstance(expected, tuple):
        if not isinstance(got, tuple) or len(got) != len(expected):
            returned = f"{len(got)} values" if isinstance(got, tuple) else f"one value, of type {type(got).__name__}"
            what = f"{name} must return {len(expected)} values in a tuple, but returns {returned}."
            names = ", ".join("abcdef"[: len(expected)])
            raise CheckFailed(what, kind="parts", shown=shown, **because("parts", names=names))
        for k, (one, other) in enumerate(zip(got, expected, strict=True)):
            which = f"{ORDINALS[k]} value" if k < len(ORDINALS) else f"value number {k + 1}"
            which = parts[k] if parts else which if what == "result" else f"{which} in the {what}"
            require_equal(name, one, other, args, names, rtol=rtol, atol=atol, what=which)
        return

    def fail(what: str, kind: str, lines: Sequence[str], hint: str | None = None, cause: str | None = None) -> None:
        raise CheckFailed(what, kind=kind, shown=[*shown, *lines], cause=cause, hint=hint)

    if got is None:
        fail(f"{name} returns None as the {what}.", "nothing", [], *said("nothing"))
    if not _is_numeric(expected):
        if got != expected or type(got) is not type(expected):
            wrong = f"The {what} of {name} is wrong." if what == "result" else f"{name}: the {what} is wrong."
            fail(wrong, what, pair(expected, got))
        return
    left_out, right = np.ma.getmaskarray(expected), np.asarray(expected)
    if not _is_numeric(got):
        comma = said("comma") if isinstance(got, tuple) and len(got) == 1 else ("type", None)
        other = f"{name} must return numbers as the {what}, but returns {type(got).__name__}."
        fail(other, "type", pair(right, got), *comma)
    array = np.asarray(got)
    if array.shape != right.shape:
        lines = [f"expected shape {right.shape}", f"got      shape {array.shape}"]
        fail(f"{name} returns a {what} of the wrong shape.", f"shape of {what}", lines, "shape")
    if array.dtype.kind == right.dtype.kind == "f" and array.dtype.itemsize < right.dtype.itemsize:
        fail(f"{name} returns {array.dtype}, but its inputs are {right.dtype}.", "dtype", [], *said("dtype"))
    with np.errstate(all="ignore"):
        wrong = ~np.isclose(array, right, rtol=rtol, atol=atol, equal_nan=True) & ~left_out
    lines = side_by_side(np.where(left_out, array, right), array, wrong) if wrong.any() else []
    if lines and right.dtype.kind == "f" and array.dtype.kind in "iub" and (np.abs(array - right) < 1).all():
        fail(f"{name} returns whole numbers as the {what}.", "dtype", lines, *said("whole-numbers"))
    if lines:
        fail(f"{name} returns a wrong {what}.", what, lines)


def _is_numeric(value: Any) -> bool:
    """Whether a value is a number, or an array or regular nested lists of numbers."""
    if isinstance(value, (bool, int, float, np.generic)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub"
    with suppress(ValueError):  # lists of different lengths
        return isinstance(value, list) and bool(value) and all(map(_is_numeric, value)) and np.ndim(value) > 0
    return False


def side_by_side(expected: Array, got: Array, wrong: Array) -> list[str]:
    """What was expected and what was got, the wrong elements marked."""
    if expected.ndim == 0 or expected.size == 1 or got.dtype == bool:
        return pair(expected, got)
    order = np.where(wrong, np.nan_to_num(np.abs(got - expected), nan=np.inf), -1.0)
    table = element_table({"expected": expected, "got": got}, np.where(wrong, "wrong", ""), order)
    return [line.removeprefix("    ") for line in table]
