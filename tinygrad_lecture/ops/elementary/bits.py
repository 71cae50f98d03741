"""Bits: `& | ^ ~ << >>` on integers and, as logic, on bools."""

from __future__ import annotations

from typing import Any

from ...autograd.op import Op, Value, op
from ...backend import xp

__all__ = [
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
]


@op(differentiable=False)
def bitwise_and(a: Value, b: Value, /) -> Value:
    """a & b, broadcast: the bits that are 1 in both; for bools, whether both are true.

    tl.bitwise_and(tl.tensor([5, 6]), 3)        # tensor([1, 2])
    """
    return xp(a, b).bitwise_and(a, b)


@op(differentiable=False)
def bitwise_or(a: Value, b: Value, /) -> Value:
    """a | b, broadcast: the bits that are 1 in a or b; for bools, whether one of them is true."""
    return xp(a, b).bitwise_or(a, b)


@op(differentiable=False)
def bitwise_xor(a: Value, b: Value, /) -> Value:
    """a ^ b, broadcast: the bits that differ; for bools, whether exactly one is true."""
    return xp(a, b).bitwise_xor(a, b)


@op(differentiable=False)
def bitwise_not(x: Value, /) -> Value:
    """~x: every bit inverted, which is -x - 1 for a signed integer; for bools, whether x is false."""
    return xp(x).invert(x)


@op(differentiable=False)
def bitwise_left_shift(a: Value, b: Value, /) -> Value:
    """a << b, broadcast: the bits of a moved b places up, which is a * 2**b."""
    return xp(a, b).left_shift(a, b)


@op(differentiable=False)
def bitwise_right_shift(a: Value, b: Value, /) -> Value:
    """a >> b, broadcast: the bits of a moved b places down, which is a // 2**b.

    tl.bitwise_right_shift(tl.tensor([5, -5]), 1)       # tensor([ 2, -3])
    """
    return xp(a, b).right_shift(a, b)


def _explain(operators: str, taken: str, remedy: str, *ops: Op[Any]) -> None:
    for each in ops:

        @each.explains
        def _(*operands: Value) -> str | None:
            strange = next((x.dtype for x in operands if x.dtype.kind not in "iub"), None)
            return strange and f"{operators} take {taken}, not {strange}; {remedy}"


_IN_PARENTHESES = "compare first, in parentheses, as in (x > 0) & (y > 0)"
_explain("& | ^ ~", "bools and integers", _IN_PARENTHESES, bitwise_and, bitwise_or, bitwise_xor, bitwise_not)
_explain("<< >>", "integers", "convert with .long()", bitwise_left_shift, bitwise_right_shift)
