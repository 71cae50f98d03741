"""Lines such as "0.5 · 2 + 1 = 2", with as many digits as their arithmetic needs."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .numbers import with_digits

DIGITS = (4, 6, 9, 13)
CLOSE = Decimal("5e-3")  # how far the result may be from what the numbers of the line give, in parts of it

_SIGNS = (("·", "*"), ("²", "**2"), ("³", "**3"), ("^", "**"), ("½", "0.5"))
_OPERATORS: dict[type, Callable[..., Decimal]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: lambda a, b: Decimal(math.pow(a, b)), ast.USub: operator.neg,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": math.exp, "log": math.log, "ln": math.log, "sqrt": math.sqrt, "cos": math.cos, "sin": math.sin,
    "max": max, "mean": lambda x: x, "Phi": lambda x: 0.5 * math.erfc(-float(x) / math.sqrt(2)),
    "phi": lambda x: math.exp(-(float(x) ** 2) / 2) / math.sqrt(2 * math.pi),
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
    values = [value for value in map(_value, text.split(" = ")) if value is not None and value.is_finite()]
    last = values.pop() if values else Decimal(0)
    far = CLOSE * abs(last) or Decimal("1e-9")
    return all(abs(value - last) <= far for value in values)


def _value(text: str) -> Decimal | None:
    """The value of a sum or product of numbers; None for a text that has names, arrays or "... 3 more"."""
    for sign, python in _SIGNS:
        text = text.replace(sign, python)
    try:
        return _computed(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, ValueError, ArithmeticError, LookupError):
        return None


def _computed(node: Any) -> Decimal:
    """The value of a syntax tree. Raises LookupError for what is no arithmetic."""
    match node:
        case ast.Constant(value=float() | int() as value):
            return Decimal(str(value))  # as it is written, so that no rounding of its own comes in
        case ast.UnaryOp():
            return _OPERATORS[type(node.op)](_computed(node.operand))
        case ast.BinOp():
            return _OPERATORS[type(node.op)](_computed(node.left), _computed(node.right))
        case ast.Call(func=ast.Name(id=name)):
            return Decimal(_FUNCTIONS[name](*map(_computed, node.args)))
    raise LookupError(f"no arithmetic: {type(node).__name__}")
