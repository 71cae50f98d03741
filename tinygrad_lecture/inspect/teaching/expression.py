"""Arithmetic that remembers how it is written: the value of `2 * (a - 1)`, and its text "2 · (a - 1)".

    a = Expression(0.5, "a")
    y = 1 / (1 + exp(-a))
    str(y), y.value                             # "1 / (1 + exp(-a))", 0.6225

Formulas are written once, as Python, and read with names or with numbers.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from numbers import Real
from typing import Any, Self

import numpy as np

from ..numbers import number, with_digits

TERMS = 4  # of a sum that are written out
DIGITS = (4, 6, 9, 13)
CLOSE = 5e-3  # how far a result may be from what the numbers beside it give, in parts of it
ATOM, POWER, PRODUCT, SUM = 4, 3, 2, 1  # how tightly a text binds; what binds less is put in parentheses


class Expression:
    """A number, or a value with a name, or what was computed from such.

    value: as computed.  form: of the text, with {} for each part; of a leaf its name, "" for the number itself.
    parts: what it was computed from.  compute: its value from theirs.  level: how tightly its text binds.
    """

    __slots__ = ("compute", "form", "level", "parts", "value")

    def __init__(
        self,
        value: Any,
        form: str = "",
        parts: Sequence[Self] = (),
        compute: Callable[..., Any] | None = None,
        level: int = ATOM,
    ) -> None:
        self.value = value if parts or not isinstance(value, float) else value + 0.0  # -0 is 0
        self.form, self.parts, self.compute, self.level = form, parts, compute, level

    def __str__(self) -> str:
        return self.form.format(*self.parts) if self.parts else self.form or number(self.value)

    def rounded(self) -> Any:
        """The value that the numbers in its text give, rounded as they stand there and then computed without error."""
        if self.compute is not None:
            return self.compute(*(part.rounded() for part in self.parts))
        return (
            Fraction(number(self.value)) if isinstance(self.value, float) and math.isfinite(self.value) else self.value
        )

    @property
    def is_negative(self) -> bool:
        """Whether its text starts with a minus."""
        return self.form.startswith("-") or (not self.form and self.value < 0)

    def __add__(self, other: Any) -> Expression:
        return _binary("{} + {}", operator.add, self, other, SUM, SUM)

    def __sub__(self, other: Any) -> Expression:
        return _binary("{} - {}", operator.sub, self, other, SUM, PRODUCT)

    def __mul__(self, other: Any) -> Expression:
        return _binary("{} · {}", operator.mul, self, other, PRODUCT, PRODUCT)

    def __truediv__(self, other: Any) -> Expression:
        return _binary("{} / {}", operator.truediv, self, other, PRODUCT, POWER)

    def __pow__(self, other: Any) -> Expression:
        power = expression(other)
        if not power.form and power.value in (2, 3):
            compute = partial(_power, n=int(power.value))
            base = self.within(ATOM)
            return Expression(compute(base.value), "{}²" if power.value == 2 else "{}³", [base], compute, POWER)
        return _binary("{}^{}", operator.pow, self, power, POWER, ATOM)

    def __radd__(self, other: Any) -> Expression:
        return expression(other) + self

    def __rsub__(self, other: Any) -> Expression:
        return expression(other) - self

    def __rmul__(self, other: Any) -> Expression:
        return expression(other) * self

    def __rtruediv__(self, other: Any) -> Expression:
        return expression(other) / self

    def __neg__(self) -> Expression:
        if not self.form:
            return Expression(-self.value)
        return Expression(-self.value, "-{}", [self.within(PRODUCT)], operator.neg, PRODUCT)

    def within(self, level: int) -> Expression:
        """It as an operand: in parentheses if it binds less than that, or starts with a minus."""
        if self.level >= level and not self.is_negative:
            return self
        return Expression(self.value, "({})", [self], lambda x: x)


def literal(text: str) -> str:
    """A text as a part of a form."""
    return text.replace("{", "{{").replace("}", "}}")


def expression(x: Any) -> Expression:
    """A number as an expression."""
    return x if isinstance(x, Expression) else Expression(x.item() if isinstance(x, (np.ndarray, np.generic)) else x)


def _power(x: Any, n: int) -> Any:
    return x**n


def _binary(form: str, compute: Callable[..., Any], a: Any, b: Any, left: int, right: int) -> Expression:
    parts = [expression(a).within(left), expression(b).within(right)]
    return Expression(_computed(compute, *(part.value for part in parts)), form, parts, compute, left)


def _computed(compute: Callable[..., Any], *values: Any) -> Any:
    """What a function gives; nan where it has no value."""
    try:
        return compute(*values)
    except (ArithmeticError, ValueError, TypeError):
        return math.nan


def function(name: str, compute: Callable[..., Any]) -> Callable[..., Expression]:
    """A function of expressions: "exp(a)"."""

    def call(*xs: Any) -> Expression:
        parts = [expression(x) for x in xs]
        form = f"{name}({', '.join(['{}'] * len(parts))})"
        return Expression(_computed(compute, *(part.value for part in parts)), form, parts, compute)

    return call


exp, log, ln, sqrt = (function(name, getattr(math, name.replace("ln", "log"))) for name in ("exp", "log", "ln", "sqrt"))
maximum = function("max", max)


def total(terms: Sequence[Expression], count: int, value: Any) -> Expression:
    """A sum of `count` terms: written as the first of them, and how many more there are."""
    if count == 1:
        return terms[0]
    shown = [term.within(PRODUCT) for term in (terms if count <= TERMS + 1 else terms[:TERMS])]
    more = [] if len(shown) == count else [f"... {count - TERMS} more"]
    compute = (lambda *xs: sum(xs)) if not more else lambda *_: value
    return Expression(value, " + ".join([*["{}"] * len(shown), *more]), shown, compute, SUM)


def dot(*rows: Any) -> Expression:
    """The sum of the products of rows, element by element."""
    columns = [np.asarray(row).reshape(-1) for row in rows]
    terms = []
    for factors in zip(*(column[: TERMS + 1] for column in columns), strict=True):
        term = expression(factors[0])
        for factor in factors[1:]:
            term = term * expression(factor)
        terms.append(term)
    products = np.prod([column.astype(np.float64) for column in columns], axis=0)
    return total(terms, columns[0].size, products.sum())


def with_enough_digits(chain: Sequence[Expression], result: Any) -> tuple[list[str], str]:
    """The texts of expressions and of their result, with more than four digits where four hide a difference.

    "1 - 1 = 1e-05" becomes "1.00001 - 1 = 1e-05". Where all digits still do not give the result, as it is made of the
    engine's own rounding, it has four again, and says so.
    """
    for digits in DIGITS:
        with with_digits(digits):
            if all(_agrees(step, result) for step in chain):
                return [str(step) for step in chain], number(result)
    return [str(step) for step in chain], f"{number(result)}, which is rounding"


def in_digits(step: Expression, result: Any) -> str:
    """The text of an expression, with as many digits as its result needs."""
    return with_enough_digits([step], result)[0][0]


def equation(left: str, chain: Sequence[Expression], result: Any) -> str:
    """ "left = chain = result", with as many digits as it needs."""
    steps, end = with_enough_digits(chain, result)
    return " = ".join([left, *(text for text in dict.fromkeys(steps) if text.strip("()") != end), end])


def _agrees(step: Expression, result: Any) -> bool:
    """Whether the numbers that are written give the result that is written; True where there is none to compare."""
    given, last = _computed(step.rounded), float(number(result)) if isinstance(result, float) else result
    if not isinstance(given, Real) or not math.isfinite(given) or not math.isfinite(last):
        return True
    return bool(abs(float(given) - last) <= (CLOSE * abs(last) or 1e-9))
