"""Arithmetic that knows how it is written, with names or with numbers, and what it comes to.

    f = expression(1.5) * (1 - expression("z"))
    f.text                                  # "1.5 · (1 - z)"

The numbers have as many digits as `with_digits` says.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial, reduce
from numbers import Real
from typing import Any

import numpy as np

from ...backend import Array
from ..printing import number, with_digits

DIGITS = (4, 6, 9, 13)
TERMS = 4  # of a sum that are written out
CLOSE = 5e-3  # how far a result may be from what the numbers beside it give, in parts of it
NEGATIVE, SUM, PRODUCT, MINUS, POWER, NAME, NUMBER = range(7)  # how strongly a sign binds
SUPERSCRIPTS = {"^1": "", "^2": "²", "^3": "³"}
Sign = Callable[[Any, Any], "Expression"]


def _sign(sign: str, compute: Callable[..., Any], binds: int, left: int, right: int) -> tuple[Sign, Sign]:
    """An operator, and the same with its operands swapped. left, right: how strongly those bind without parentheses."""

    def combined(a: Any, b: Any) -> Expression:
        a, b = expression(a), expression(b)
        behind = SUPERSCRIPTS.get(f"{sign}{b.text}", f"{sign}{b.beside(right)}")
        return _made(a.beside(left) + behind, compute, a, b, binds=binds)

    return combined, lambda b, a: combined(a, b)


@dataclass(frozen=True)
class Expression:
    """How arithmetic is written, and its value. A name in it, or a value that is not defined, makes the value nan.

    rounded: the value of its numbers as they are written.  binds: its last sign, or its kind.
    """

    text: str
    value: Any = math.nan
    rounded: Any = math.nan
    binds: int = NAME

    def beside(self, binds: int) -> str:
        """The text as an operand, in parentheses where it binds less."""
        return self.text if self.binds >= binds else f"({self.text})"

    def __neg__(self) -> Expression:
        if self.binds in (NEGATIVE, NUMBER):
            return expression(-self.value)
        return Expression(f"-{self.beside(MINUS)}", -self.value, -self.rounded, MINUS)

    def __getattr__(self, function: str) -> Callable[..., Expression]:
        """A function as a method, x.exp(), as NumPy calls it for arrays of objects."""
        if function not in FUNCTIONS:
            raise AttributeError(function)
        return partial(FUNCTIONS[function], self)

    __add__, __radd__ = _sign(" + ", operator.add, SUM, SUM, PRODUCT)
    __sub__, __rsub__ = _sign(" - ", operator.sub, SUM, SUM, PRODUCT)
    __mul__, __rmul__ = _sign(" · ", operator.mul, PRODUCT, PRODUCT, MINUS)
    __truediv__, __rtruediv__ = _sign(" / ", operator.truediv, PRODUCT, PRODUCT, MINUS)
    __pow__, __rpow__ = _sign("^", operator.pow, POWER, NAME, POWER)


def expression(x: Any) -> Expression:
    """A number, or a name as a text, as an expression. -0 is 0."""
    if isinstance(x, (str, Expression)):
        return Expression(x) if isinstance(x, str) else x
    x = x.item() if isinstance(x, (np.ndarray, np.generic)) else x
    x = x + 0.0 if isinstance(x, float) else x
    text = number(x)
    exact = isinstance(x, float) and math.isfinite(x)  # a fraction adds no rounding of its own
    return Expression(text, x, Fraction(text) if exact else x, NEGATIVE if text.startswith("-") else NUMBER)


def _made(text: str, compute: Callable[..., Any], *operands: Expression, binds: int = NAME) -> Expression:
    """An expression with the value and the rounded value that are computed from others."""
    values = []
    for given in ([x.value for x in operands], [x.rounded for x in operands]):
        try:
            values.append(compute(*given))
        except (ArithmeticError, TypeError, ValueError):
            values.append(math.nan)
    return Expression(text, values[0], values[1], binds)


def _call(name: str, compute: Callable[..., Any], *operands: Any) -> Expression:
    given = list(map(expression, operands))
    return _made(f"{name}({', '.join(x.text for x in given)})", compute, *given)


_COMPUTED: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in (math.exp, math.log, math.sqrt, math.sin, math.cos, math.sinh, math.cosh, math.tanh)},
    "hypot": math.hypot, "max": max, "mean": float, "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "sign": lambda x: (x > 0) - (x < 0), "Phi": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
    "phi": lambda x: math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
}  # fmt: skip
FUNCTIONS = {name: partial(_call, name, compute) for name, compute in _COMPUTED.items()}
NAMES: dict[str, Any] = {
    **FUNCTIONS, "maximum": FUNCTIONS["max"],
    "half": Expression("½", 0.5, 0.5), "pi": Expression("pi", math.pi, math.pi),
}  # fmt: skip


def total(terms: Sequence[Expression], count: int, value: Any) -> Expression:
    """A sum of `count` terms. The given terms are written, and how many more there are."""
    if count <= TERMS + 1:
        return reduce(operator.add, terms) if terms else expression(0)
    return replace(reduce(operator.add, terms) + f"... {count - TERMS} more", value=value, rounded=float(value))


def shown(terms: Array) -> Array:
    """The terms of a sum that are written out, in their order: all if they are few, else the largest."""
    sizes = np.nan_to_num(np.abs(terms.astype(np.float64)))
    return np.sort(np.argsort(-sizes, kind="stable")[:TERMS]) if sizes.size > TERMS + 1 else np.arange(sizes.size)


def dot(*rows: Any) -> Expression:
    """The sum of the products of rows, element by element."""
    columns = [np.asarray(row).reshape(-1) for row in rows]
    products = np.prod([column.astype(np.float64) for column in columns], axis=0)
    factors = zip(*(map(expression, x[shown(products)]) for x in columns), strict=True)
    return total([reduce(operator.mul, some) for some in factors], columns[0].size, products.sum())


# --- as many digits as a line needs ----------------------------------------------------------------------------

Work = Callable[[], Sequence[Expression]]  # how something is computed, in expressions that all have its value


def with_enough_digits(work: Work, result: Any) -> tuple[list[str], str]:
    """The texts of expressions and of their result, with more than four digits where four hide a difference.

    "1 - 1 = 1e-05" becomes "1.00001 - 1 = 1e-05". A result that is made of the engine's own rounding does not follow
    from any digits. It has four again, and says so.
    """
    for digits in DIGITS:
        with with_digits(digits):
            chain = work()
            if all(_agrees(step.rounded, result) for step in chain):
                return [step.text for step in chain], number(result)
    return [step.text for step in work()], f"{number(result)}, which is rounding"


def equation(left: str, work: Work, result: Any) -> str:
    """ "left = chain = result", with as many digits as it needs."""
    steps, end = with_enough_digits(work, result)
    return " = ".join([left, *(text for text in dict.fromkeys(steps) if text.strip("()") != end), end])


def _agrees(given: Any, result: Any) -> bool:
    """Whether the numbers that are written give the result that is written; True where there is none to compare."""
    last = float(number(result)) if isinstance(result, float) else result
    if not isinstance(given, Real) or not math.isfinite(given) or not math.isfinite(last):
        return True
    return bool(abs(float(given) - last) <= (CLOSE * abs(last) or 1e-9))
