"""Comparisons, logic and bits: ops with results that have no gradient."""

from __future__ import annotations

from typing import Any

from ..autograd.op import Op, Value, op
from ..backend import xp
from ..tensor_base import array_of
from .composite import composite
from .elementwise import without_rules

__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "eq", "ge", "gt", "isclose", "le", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne",
]  # fmt: skip


# --- comparisons -----------------------------------------------------------------------------------


@without_rules("equal")
def eq(a: Value, b: Value, /) -> Value:
    """a == b, broadcast, as bools."""


@without_rules("not_equal")
def ne(a: Value, b: Value, /) -> Value:
    """a != b, broadcast, as bools."""


@without_rules("less")
def lt(a: Value, b: Value, /) -> Value:
    """a < b, broadcast, as bools."""


@without_rules("less_equal")
def le(a: Value, b: Value, /) -> Value:
    """a <= b, broadcast, as bools."""


@without_rules("greater")
def gt(a: Value, b: Value, /) -> Value:
    """a > b, broadcast, as bools."""


@without_rules("greater_equal")
def ge(a: Value, b: Value, /) -> Value:
    """a >= b, broadcast, as bools."""


@without_rules()
def logical_and(a: Value, b: Value, /) -> Value:
    """Whether both are true, broadcast; numbers other than 0 are true. For bools also a & b."""


@without_rules()
def logical_or(a: Value, b: Value, /) -> Value:
    """Whether a or b is true, broadcast; numbers other than 0 are true. For bools also a | b."""


@without_rules()
def logical_xor(a: Value, b: Value, /) -> Value:
    """Whether exactly one is true, broadcast; numbers other than 0 are true. For bools also a ^ b."""


@without_rules()
def logical_not(x: Value, /) -> Value:
    """Whether x is false or 0, elementwise. For bools also ~x."""


@op(differentiable=False)
def isclose(a: Value, b: Value, /, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    """Whether |a - b| <= atol + rtol * |b| for each pair of elements, broadcast, as bools.

    rtol, atol: the relative and the absolute tolerance.  equal_nan: whether two nans are close; by default not.
    An infinity is close to itself alone.

        tl.isclose(tl.tensor([1.0, 2.0]), tl.tensor([1.000001, 2.1]))       # tensor([ True, False])
    """
    return xp(a, b).isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


@composite
def allclose(a: Value, b: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether `isclose` holds for all elements of a and b, broadcast, as one bool: the usual test of equal results.

    rtol, atol: the relative and the absolute tolerance.  equal_nan: whether two nans are close; by default not.

        tl.allclose(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 2.00001]))       # True
    """
    close = isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return bool(array_of(close).all())


# --- bits: `& | ^ ~ << >>` on integers and, as logic, on bools -----------------------------------------------


@without_rules()
def bitwise_and(a: Value, b: Value, /) -> Value:
    """a & b, broadcast: the bits that are 1 in both; for bools, whether both are true. Raises TypeError for floats.

    tl.bitwise_and(tl.tensor([5, 6]), 3)        # tensor([1, 2])
    """


@without_rules()
def bitwise_or(a: Value, b: Value, /) -> Value:
    """a | b, broadcast: the bits that are 1 in a or b; for bools, whether one is true. Raises TypeError for floats."""


@without_rules()
def bitwise_xor(a: Value, b: Value, /) -> Value:
    """a ^ b, broadcast: the bits that differ; for bools, whether exactly one is true. Raises TypeError for floats."""


@without_rules("invert")
def bitwise_not(x: Value, /) -> Value:
    """~x, elementwise: every bit inverted, -x - 1 for a signed integer; for bools, whether x is false.

    Raises TypeError for floats.
    """


@without_rules("left_shift")
def bitwise_left_shift(a: Value, b: Value, /) -> Value:
    """a << b, broadcast: the bits of a moved b places up, which is a * 2**b. Raises TypeError for floats."""


@without_rules("right_shift")
def bitwise_right_shift(a: Value, b: Value, /) -> Value:
    """a >> b, broadcast: the bits of a moved b places down, which is a // 2**b. Raises TypeError for floats.

    tl.bitwise_right_shift(tl.tensor([5, -5]), 1)       # tensor([ 2, -3])
    """


def _explain(operators: str, taken: str, remedy: str, *ops: Op[Any]) -> None:
    for each in ops:

        @each.explains
        def _(*operands: Value) -> str | None:
            strange = next((x.dtype for x in operands if x.dtype.kind not in "iub"), None)
            return strange and f"{operators} take {taken}, not {strange}; {remedy}"


_IN_PARENTHESES = "compare first, in parentheses, as in (x > 0) & (y > 0)"
_explain("& | ^ ~", "bools and integers", _IN_PARENTHESES, bitwise_and, bitwise_or, bitwise_xor, bitwise_not)
_explain("<< >>", "integers", "convert with .long()", bitwise_left_shift, bitwise_right_shift)
