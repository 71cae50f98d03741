"""Lines such as "0.5 · 2 + 1 = 2", with as many digits as their arithmetic needs."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

from .numbers import with_digits

Number: TypeAlias = float | Fraction

DIGITS = (4, 6, 9, 13)
CLOSE = 5e-3  # how far the result may be from what the numbers of the line give, in parts of it

_SIGNS = (("·", "*"), ("²", "**2"), ("³", "**3"), ("^", "**"), ("½", "0.5"))
_OPERATORS: dict[type, Callable[..., Number]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: math.pow, ast.USub: operator.neg,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "exp": math.exp, "log": math.log, "ln": math.log, "sqrt": math.sqrt, "cos": math.cos, "sin": math.sin,
    "max": max, "mean": lambda x: x, "Phi": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
}  # fmt: skip


def with_enough_digits(line: Callable[[], str]) -> str:
    """The line that a function writes, with more than four digits where four hide a difference.

    "1 - 1 = 1e-05" becomes "1.00001 - 1 = 1e-05". Where all digits still do not give the result, as it is made of
    the engine's own rounding, it has four again, and says so.
    """
    for digits in DIGITS:
        with with_digits(digits):
            text = line()
        if holds(text):
            return text
    return f"{line()}, which is rounding"


def holds(text: str) -> bool:
    """Whether the parts of "a = b = c" that can be computed have the last one as their value."""
    values = [float(value) for value in map(_value, text.split(" = ")) if value is not None]
    if not values or not math.isfinite(last := values.pop()):
        return True
    return all(abs(value - last) <= CLOSE * abs(last) + 1e-9 * (not last) for value in values)


def _value(text: str) -> Number | None:
    """The value of a sum or product of numbers; None for a text that has names, arrays or "... 3 more"."""
    for sign, python in _SIGNS:
        text = text.replace(sign, python)
    try:
        return _computed(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, ValueError, ArithmeticError, LookupError):
        return None


def _computed(node: Any) -> Number:
    """The value of a syntax tree. Raises LookupError for what is no arithmetic."""
    match node:
        case ast.Constant(value=float() | int() as value):
            return Fraction(str(value))  # as it is written, so that no rounding of its own comes in
        case ast.UnaryOp():
            return _OPERATORS[type(node.op)](_computed(node.operand))
        case ast.BinOp():
            return _OPERATORS[type(node.op)](_computed(node.left), _computed(node.right))
        case ast.Call(func=ast.Name(id=name)):
            return _FUNCTIONS[name](*map(_computed, node.args))
    raise LookupError(f"no arithmetic: {type(node).__name__}")
