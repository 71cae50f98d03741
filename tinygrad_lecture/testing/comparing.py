"""The comparison of a result with the expected one: type, shape, dtype, then number by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import Array
from .calls import arguments
from .failures import CheckFailed
from .showing import pair, side_by_side

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
TRAILING_COMMA = (
    "it is a tuple with one element: take away a comma at the end of the line, or take [0] of what a function returned"
)


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
) -> None:
    """Raise CheckFailed unless `got` is `expected`: arrays and numbers up to rounding, everything else exactly.

    Tuples are compared part by part. what: "result", or "gradient of x" for a sentence about a rule.
    """
    if isinstance(expected, tuple):
        _require_parts(name, got, expected, args, names, what)
        for k, (one, other) in enumerate(zip(got, expected, strict=True)):
            which = f"{ORDINALS[k]} value" if k < len(ORDINALS) else f"value number {k + 1}"
            which = which if what == "result" else f"{which} in the {what}"
            require_equal(name, one, other, args, names, rtol=rtol, atol=atol, what=which)
        return
    shown = arguments(args, names)
    if got is None:
        raise CheckFailed(
            f"{name} returns None as the {what}.",
            kind="nothing",
            shown=shown,
            cause="a `return` is missing",
            hint="nothing",
        )
    if not _is_numeric(expected):
        if got != expected or type(got) is not type(expected):
            raise CheckFailed(
                f"The {what} of {name} is wrong." if what == "result" else f"{name}: the {what} is wrong.",
                kind=what,
                shown=[*shown, *pair(expected, got)],
            )
        return
    _require_numbers(name, got, np.asarray(expected), shown, rtol, atol, what)


def _require_parts(
    name: str, got: Any, expected: tuple[Any, ...], args: Sequence[Any], names: Sequence[str], what: str
) -> None:
    if isinstance(got, tuple) and len(got) == len(expected):
        return
    returned = f"{len(got)} values" if isinstance(got, tuple) else f"one value, of type {type(got).__name__}"
    raise CheckFailed(
        f"{name} must return {len(expected)} values in a tuple, but returns {returned}.",
        kind="parts",
        shown=arguments(args, names),
        cause=f"write `return {', '.join('abcdef'[: len(expected)])}`",
        hint="parts",
    )


def _require_numbers(
    name: str, got: Any, expected: Array, shown: list[str], rtol: float, atol: float, what: str
) -> None:
    whose = f"{name} returns a wrong {what}" if what != "result" else f"{name} returns a wrong result"
    if not _is_numeric(got):
        raise CheckFailed(
            f"{name} must return numbers as the {what}, but returns {type(got).__name__}.",
            kind="type",
            shown=[*shown, *pair(expected, got)],
            cause=TRAILING_COMMA if isinstance(got, tuple) and len(got) == 1 else None,
            hint="type",
        )
    array = np.asarray(got)
    if array.shape != expected.shape:
        raise CheckFailed(
            f"{name} returns a {what} of the wrong shape.",
            kind=f"shape of {what}",
            shown=[*shown, f"expected shape {expected.shape}", f"got      shape {array.shape}"],
            hint="shape",
        )
    if expected.dtype.kind == "f" and array.dtype.kind == "f" and array.dtype.itemsize < expected.dtype.itemsize:
        raise CheckFailed(
            f"{name} returns {array.dtype}, but its inputs are {expected.dtype}.",
            kind="dtype",
            shown=shown,
            cause="somewhere an array is made with another dtype; use that of the input: np.zeros_like(x), x.dtype",
            hint="dtype",
        )
    if expected.dtype.kind != array.dtype.kind and array.dtype.kind in "iub" and expected.dtype.kind == "f":
        wrong = ~np.isclose(array, expected, rtol=rtol, atol=atol)
        if wrong.any():
            raise CheckFailed(
                f"{name} returns whole numbers as the {what}.",
                kind="dtype",
                shown=[*shown, *side_by_side(expected, array, wrong)],
                cause="fractions are cut off: an array of ints keeps only whole numbers, and // divides to whole ones; "
                "use floats and /",
                hint="whole-numbers",
            )
    with np.errstate(all="ignore"):
        wrong = ~np.isclose(array, expected, rtol=rtol, atol=atol, equal_nan=True)
    if wrong.any():
        raise CheckFailed(f"{whose}.", kind=what, shown=[*shown, *side_by_side(expected, array, wrong)])


def _is_numeric(value: Any) -> bool:
    if isinstance(value, (bool, int, float, np.generic)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub"
    return isinstance(value, list) and bool(value) and all(_is_numeric(v) for v in value) and _regular(value)


def _regular(value: list[Any]) -> bool:
    try:
        return bool(np.asarray(value).dtype.kind in "fiub")
    except ValueError:
        return False
