"""The elementary functions as a table of derivatives, and comparisons, logic and bits, which have none.

A row is an op: its name, its rule, its docstring and, where NumPy calls it otherwise, how its value is computed. (The
ops of `basics.py` and `elementwise.py` are the same, written out.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd.op import Op, Value, op
from ..autograd.saver import Rule
from ..backend import xp
from ..kernels import special
from .basics import exp
from .copying import where

__all__ = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_and", "bitwise_left_shift", "bitwise_not",
    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "cos", "cosh", "digamma", "eq", "erf", "erfc",
    "erfinv", "exp2", "expm1", "floor", "ge", "gt", "isfinite", "isinf", "isnan", "le", "lgamma", "log1p", "log2",
    "log10", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne", "reciprocal", "rsqrt", "sign",
    "signbit", "sin", "sinh", "sqrt", "tan", "trunc",
]  # fmt: skip

Computed = str | Callable[[Any], Any]  # the name of NumPy's function, or a function of the array


def unary(name: str, rule: Rule | None, doc: str, compute: Computed = "", analytic: bool = False) -> Op[[]]:
    """An op of one input x, with its rule; with None for it, results never require grad. analytic: as of `op`."""

    def forward(x: Value, /) -> Value:
        return compute(x) if callable(compute) else getattr(xp(x), compute or name)(x)

    forward.__name__, forward.__doc__ = name, doc
    made = Op(forward, rule is not None, analytic, casts=False)
    if rule is not None:
        made.backward(rule)
    return made


def smooth(name: str, rule: Rule, doc: str, compute: Computed = "") -> Op[[]]:
    """An op of one input that is complex differentiable."""
    return unary(name, rule, doc, compute, analytic=True)


def binary(name: str, doc: str, compute: str = "") -> Op[[Value]]:
    """An op of two inputs whose results never require grad."""

    def forward(a: Value, b: Value, /) -> Value:
        return getattr(xp(a, b), compute or name)(a, b)

    forward.__name__, forward.__doc__ = name, doc
    return Op(forward, differentiable=False, analytic=False, casts=False)


# --- exponentials, logarithms and powers --------------------------------------------------------------------

expm1 = smooth("expm1", lambda g, out: g * (out + 1), "exp(x) - 1, accurate near 0.")
exp2 = smooth("exp2", lambda g, out: g * (out * math.log(2)), "2 ** x.")  # 2^x = e^(x ln 2)
log1p = smooth("log1p", lambda g, x: g / (1 + x), "log(1 + x), accurate near 0.")
log2 = smooth("log2", lambda g, x: g / (x * math.log(2)), "The logarithm to base 2; -inf at 0, nan for negative x.")
log10 = smooth("log10", lambda g, x: g / (x * math.log(10)), "The logarithm to base 10; -inf at 0, nan for negative x.")
sqrt = smooth("sqrt", lambda g, out: 0.5 * g / out, "The square root; nan for negative x. The gradient at 0 is inf.")
root = smooth(
    "root",
    lambda g, out: where(out == 0, 0, 0.5 * g / where(out == 0, 1, out)),  # no inf in a branch, or 0 * inf is nan
    "The square root with subgradient 0 at 0, where `sqrt` has inf; used by `norm` and `std`.",
    "sqrt",
)
reciprocal = smooth("reciprocal", lambda g, out: -g * out * out, "1 / x; inf at 0.", lambda x: xp(x).true_divide(1, x))
rsqrt = smooth(
    "rsqrt",
    lambda g, out: -0.5 * g * out * out * out,  # d x^(-1/2)/dx = -x^(-3/2) / 2
    "1 / sqrt(x); inf at 0, nan for negative x.",
    lambda x: xp(x).true_divide(1, xp(x).sqrt(x)),
)

# --- trigonometric and hyperbolic functions (tanh is in `elementwise.py`) -----------------------------------

sin = smooth("sin", lambda g, x: g * cos(x), "The sine of an angle in radians.")
cos: Op[[]] = smooth("cos", lambda g, x: -g * sin(x), "The cosine of an angle in radians.")
tan = smooth("tan", lambda g, out: g * (1 + out * out), "The tangent of an angle in radians, sin(x) / cos(x).")
sinh = smooth("sinh", lambda g, x: g * cosh(x), "The hyperbolic sine, (exp(x) - exp(-x)) / 2.")
cosh: Op[[]] = smooth("cosh", lambda g, x: g * sinh(x), "The hyperbolic cosine, (exp(x) + exp(-x)) / 2.")
asin = smooth(
    "asin",
    lambda g, x: g / sqrt(1 - x * x),
    "The angle from -pi/2 to pi/2 whose sine is x; nan where |x| > 1. The gradient at -1 and 1 is inf.",
    "arcsin",
)
acos = smooth(
    "acos",
    lambda g, x: -g / sqrt(1 - x * x),
    "The angle from 0 to pi whose cosine is x; nan where |x| > 1. The gradient at -1 and 1 is -inf.",
    "arccos",
)
atan = smooth("atan", lambda g, x: g / (1 + x * x), "The angle from -pi/2 to pi/2 whose tangent is x.", "arctan")
asinh = smooth("asinh", lambda g, x: g / sqrt(1 + x * x), "The number whose hyperbolic sine is x.", "arcsinh")
acosh = smooth(
    "acosh",
    lambda g, x: g / (sqrt(x - 1) * sqrt(x + 1)),  # sqrt(x² - 1) would give a number where x < -1
    "The number >= 0 whose hyperbolic cosine is x; nan where x < 1. The gradient at 1 is inf.",
    "arccosh",
)
atanh = smooth(
    "atanh",
    lambda g, x: g / (1 - x * x),
    "The number whose hyperbolic tangent is x; nan where |x| > 1, and inf at 1.",
    "arctanh",
)

# --- special functions --------------------------------------------------------------------------------------

erf = unary(
    "erf",
    lambda g, x: g * (2 / math.pi**0.5) * exp(-x * x),
    "The error function: 2/sqrt(pi) times the integral of exp(-t²) from 0 to x (DLMF 7.2.1).",
    special.erf,
)
erfc = unary(
    "erfc",
    lambda g, x: g * (-2 / math.pi**0.5) * exp(-x * x),
    "1 - erf(x), accurate where that is tiny (DLMF 7.2.2).",
    special.erfc,
)
erfinv = unary(
    "erfinv",
    lambda g, out: g * (math.pi**0.5 / 2) * exp(out * out),  # 1 over the derivative of erf there
    "The number whose error function is x; inf at 1, nan where |x| > 1. The gradient at -1 and 1 is inf.",
    special.erfinv,
)


@op
def derivative_of_digamma(x: Value, /, n: int) -> Value:
    """The derivative of order n of digamma(x), n >= 1."""
    return special.polygamma(x, n)


@derivative_of_digamma.backward
def _(g: Value, x: Value, n: int) -> Value:
    return g * derivative_of_digamma(x, n + 1)


digamma = unary(
    "digamma",
    lambda g, x: g * derivative_of_digamma(x, 1),
    "The derivative of log Γ(x); -inf at 0, nan at -1, -2, ...",
    special.digamma,
)
lgamma = unary(
    "lgamma",
    lambda g, x: g * digamma(x),
    "log |Γ(x)|, of which log((n - 1)!) is the value at n; inf at 0, -1, -2, ...",
    special.lgamma,
)

# --- absolute value and rounding ----------------------------------------------------------------------------


def zero(g: Value) -> Value:
    """The rule of steps: the gradient is 0."""
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


abs = unary("abs", lambda g, x: where(x == 0, 0, g * sign(x)), "|x|; the subgradient at 0 is 0.")
sign: Op[[]] = unary(
    "sign",
    zero,
    "-1, 0 or 1, of bools themselves; its gradient is 0.",
    lambda x: x.copy() if x.dtype.kind == "b" else xp(x).sign(x),
)
floor = unary("floor", zero, "x rounded down to an integer; its gradient is 0.")
ceil = unary("ceil", zero, "x rounded up to an integer; its gradient is 0.")
trunc = unary("trunc", zero, "x rounded towards 0 to an integer; its gradient is 0.")

# --- comparisons and logic ----------------------------------------------------------------------------------

eq = binary("eq", "a == b, broadcast, as bools.", "equal")
ne = binary("ne", "a != b, broadcast, as bools.", "not_equal")
lt = binary("lt", "a < b, broadcast, as bools.", "less")
le = binary("le", "a <= b, broadcast, as bools.", "less_equal")
gt = binary("gt", "a > b, broadcast, as bools.", "greater")
ge = binary("ge", "a >= b, broadcast, as bools.", "greater_equal")
_NUMBERS = "numbers other than 0 are true"
logical_and = binary("logical_and", f"Whether both are true, broadcast; {_NUMBERS}. For bools also a & b.")
logical_or = binary("logical_or", f"Whether a or b is true, broadcast; {_NUMBERS}. For bools also a | b.")
logical_xor = binary("logical_xor", f"Whether exactly one is true, broadcast; {_NUMBERS}. For bools also a ^ b.")
logical_not = unary("logical_not", None, "Whether x is false or 0. For bools also ~x.")
isnan = unary("isnan", None, "Whether each element is nan.")
isinf = unary("isinf", None, "Whether each element is inf or -inf.")
isfinite = unary("isfinite", None, "Whether each element is neither nan nor infinite.")
signbit = unary("signbit", None, "Whether x has a minus sign, as bools; so has -0.0.")

# --- bits: `& | ^ ~ << >>` on integers and, as logic, on bools ----------------------------------------------

bitwise_and = binary(
    "bitwise_and",
    """a & b, broadcast: the bits that are 1 in both; for bools, whether both are true.

        tl.bitwise_and(tl.tensor([5, 6]), 3)        # tensor([1, 2])
    """,
)
bitwise_or = binary(
    "bitwise_or", "a | b, broadcast: the bits that are 1 in a or b; for bools, whether one of them is true."
)
bitwise_xor = binary("bitwise_xor", "a ^ b, broadcast: the bits that differ; for bools, whether exactly one is true.")
bitwise_not = unary(
    "bitwise_not",
    None,
    "~x: every bit inverted, which is -x - 1 for a signed integer; for bools, whether x is false.",
    "invert",
)
bitwise_left_shift = binary(
    "bitwise_left_shift", "a << b, broadcast: the bits of a moved b places up, which is a * 2**b.", "left_shift"
)
bitwise_right_shift = binary(
    "bitwise_right_shift",
    """a >> b, broadcast: the bits of a moved b places down, which is a // 2**b.

        tl.bitwise_right_shift(tl.tensor([5, -5]), 1)       # tensor([ 2, -3])
    """,
    "right_shift",
)


def _explain(operators: str, taken: str, remedy: str, *ops: Op[Any]) -> None:
    for each in ops:

        @each.explains
        def _(*operands: Value) -> str | None:
            strange = next((x.dtype for x in operands if x.dtype.kind not in "iub"), None)
            return strange and f"{operators} take {taken}, not {strange}; {remedy}"


_IN_PARENTHESES = "compare first, in parentheses, as in (x > 0) & (y > 0)"
_explain("& | ^ ~", "bools and integers", _IN_PARENTHESES, bitwise_and, bitwise_or, bitwise_xor, bitwise_not)
_explain("<< >>", "integers", "convert with .long()", bitwise_left_shift, bitwise_right_shift)
