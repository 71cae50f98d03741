"""Elementary functions as a table of derivatives, and comparisons, logic and bits, which have none.

Each entry is an op whose value NumPy computes: above its name the rule and, where NumPy's name is another, that name.
(In `basics.py` and `elementwise.py` ops are written out.)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate

from ..autograd.declaration import P
from ..autograd.op import Op, Value, op
from ..autograd.saver import Rule
from ..backend import xp
from ..kernels import special
from .basics import exp
from .copying import where

__all__ = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_and", "bitwise_left_shift", "bitwise_not",
    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "cos", "cosh", "digamma", "eq", "erf", "erfc", "erfinv",
    "exp2", "expm1", "floor", "fmod", "ge", "gt", "hypot", "isfinite", "isinf", "isnan", "le", "lgamma", "log1p",
    "log2", "log10", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "maximum", "minimum", "ne",
    "reciprocal", "rsqrt", "sign", "signbit", "sin", "sinh", "sqrt", "tan", "trunc",
]  # fmt: skip


def computed(
    rules: Rule | Sequence[Rule], compute: str | Callable[..., Any] = "", *, analytic: bool = False
) -> Callable[[Callable[Concatenate[Any, P], Any]], Op[P]]:
    """Make an op of a signature with a docstring.

    rules: of its input, or a tuple with one for each; () if results never require grad.  compute: the name of NumPy's
    function, if it is not the op's, or a function of arrays.  analytic: as of `op`.
    """

    def declare(signature: Callable[Concatenate[Any, P], Any]) -> Op[P]:
        name = compute or signature.__name__

        def forward(*arrays: Value) -> Value:
            return name(*arrays) if callable(name) else getattr(xp(*arrays), name)(*arrays)

        named: Any = functools.wraps(signature)(forward)
        made: Op[P] = Op(named, rules != (), analytic, casts=False)
        for x, rule in zip(made.inputs, (rules,) if callable(rules) else rules, strict=False):
            made.backward(x)(rule)
        return made

    return declare


smooth = functools.partial(computed, analytic=True)  # complex differentiable


# --- exponentials, logarithms and powers --------------------------------------------------------------------


@smooth(lambda g, out: g * (out + 1))
def expm1(x: Value, /) -> Value:
    """exp(x) - 1, accurate near 0."""


@smooth(lambda g, out: g * (out * math.log(2)))  # 2^x = e^(x ln 2)
def exp2(x: Value, /) -> Value:
    """2 ** x."""


@smooth(lambda g, x: g / (1 + x))
def log1p(x: Value, /) -> Value:
    """log(1 + x), accurate near 0."""


@smooth(lambda g, x: g / (x * math.log(2)))
def log2(x: Value, /) -> Value:
    """The logarithm to base 2; -inf at 0, nan for negative x."""


@smooth(lambda g, x: g / (x * math.log(10)))
def log10(x: Value, /) -> Value:
    """The logarithm to base 10; -inf at 0, nan for negative x."""


@smooth(lambda g, out: 0.5 * g / out)
def sqrt(x: Value, /) -> Value:
    """The square root; nan for negative x. The gradient at 0 is inf."""


@smooth(lambda g, out: where(out == 0, 0, 0.5 * g / where(out == 0, 1, out)), "sqrt")  # no inf in the other branch
def root(x: Value, /) -> Value:
    """The square root with subgradient 0 at 0, where `sqrt` has inf; used by `norm` and `std`."""


@smooth(lambda g, out: -g * out * out, lambda x: xp(x).true_divide(1, x))
def reciprocal(x: Value, /) -> Value:
    """1 / x; inf at 0."""


@smooth(lambda g, out: -0.5 * g * out * out * out, lambda x: xp(x).true_divide(1, xp(x).sqrt(x)))  # -x^(-3/2) / 2
def rsqrt(x: Value, /) -> Value:
    """1 / sqrt(x); inf at 0, nan for negative x."""


# --- trigonometric and hyperbolic functions (tanh is in `elementwise.py`) -----------------------------------


@smooth(lambda g, x: g * cos(x))  # type: ignore[has-type]
def sin(x: Value, /) -> Value:
    """The sine of an angle in radians."""


@smooth(lambda g, x: -g * sin(x))
def cos(x: Value, /) -> Value:
    """The cosine of an angle in radians."""


@smooth(lambda g, out: g * (1 + out * out))
def tan(x: Value, /) -> Value:
    """The tangent of an angle in radians, sin(x) / cos(x)."""


@smooth(lambda g, x: g * cosh(x))  # type: ignore[has-type]
def sinh(x: Value, /) -> Value:
    """The hyperbolic sine, (exp(x) - exp(-x)) / 2."""


@smooth(lambda g, x: g * sinh(x))
def cosh(x: Value, /) -> Value:
    """The hyperbolic cosine, (exp(x) + exp(-x)) / 2."""


@smooth(lambda g, x: g / sqrt(1 - x * x), "arcsin")
def asin(x: Value, /) -> Value:
    """The angle from -pi/2 to pi/2 whose sine is x; nan where |x| > 1. The gradient at -1 and 1 is inf."""


@smooth(lambda g, x: -g / sqrt(1 - x * x), "arccos")
def acos(x: Value, /) -> Value:
    """The angle from 0 to pi whose cosine is x; nan where |x| > 1. The gradient at -1 and 1 is -inf."""


@smooth(lambda g, x: g / (1 + x * x), "arctan")
def atan(x: Value, /) -> Value:
    """The angle from -pi/2 to pi/2 whose tangent is x."""


@smooth(lambda g, x: g / sqrt(1 + x * x), "arcsinh")
def asinh(x: Value, /) -> Value:
    """The number whose hyperbolic sine is x."""


@smooth(lambda g, x: g / (sqrt(x - 1) * sqrt(x + 1)), "arccosh")  # sqrt(x² - 1) would give a number where x < -1
def acosh(x: Value, /) -> Value:
    """The number >= 0 whose hyperbolic cosine is x; nan where x < 1. The gradient at 1 is inf."""


@smooth(lambda g, x: g / (1 - x * x), "arctanh")
def atanh(x: Value, /) -> Value:
    """The number whose hyperbolic tangent is x; nan where |x| > 1, and inf at 1."""


# --- special functions --------------------------------------------------------------------------------------


@computed(lambda g, x: g * (2 / math.pi**0.5) * exp(-x * x), special.erf)
def erf(x: Value, /) -> Value:
    """The error function: 2/sqrt(pi) times the integral of exp(-t²) from 0 to x (DLMF 7.2.1)."""


@computed(lambda g, x: g * (-2 / math.pi**0.5) * exp(-x * x), special.erfc)
def erfc(x: Value, /) -> Value:
    """1 - erf(x), accurate where that is tiny (DLMF 7.2.2)."""


@computed(lambda g, out: g * (math.pi**0.5 / 2) * exp(out * out), special.erfinv)  # 1 over the derivative of erf there
def erfinv(x: Value, /) -> Value:
    """The number whose error function is x; inf at 1, nan where |x| > 1. The gradient at -1 and 1 is inf."""


@op
def derivative_of_digamma(x: Value, /, n: int) -> Value:
    """The derivative of order n of digamma(x), n >= 1."""
    return special.polygamma(x, n)


derivative_of_digamma.backward(lambda g, x, n: g * derivative_of_digamma(x, n + 1))


@computed(lambda g, x: g * derivative_of_digamma(x, 1), special.digamma)
def digamma(x: Value, /) -> Value:
    """The derivative of log Γ(x); -inf at 0, nan at -1, -2, ..."""


@computed(lambda g, x: g * digamma(x), special.lgamma)
def lgamma(x: Value, /) -> Value:
    """log |Γ(x)|, of which log((n - 1)!) is the value at n; inf at 0, -1, -2, ..."""


# --- absolute value and rounding ----------------------------------------------------------------------------


def zero(g: Value) -> Value:
    """The rule of steps: the gradient is 0."""
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


@computed(zero, lambda x: x.copy() if x.dtype.kind == "b" else xp(x).sign(x))
def sign(x: Value, /) -> Value:
    """-1, 0 or 1, of bools themselves; its gradient is 0."""


@computed(lambda g, x: where(x == 0, 0, g * sign(x)))
def abs(x: Value, /) -> Value:
    """|x|; the subgradient at 0 is 0."""


@computed(zero)
def floor(x: Value, /) -> Value:
    """x rounded down to an integer; its gradient is 0."""


@computed(zero)
def ceil(x: Value, /) -> Value:
    """x rounded up to an integer; its gradient is 0."""


@computed(zero)
def trunc(x: Value, /) -> Value:
    """x rounded towards 0 to an integer; its gradient is 0."""


# --- two inputs ---------------------------------------------------------------------------------------------


def larger(g: Value, a: Value, b: Value) -> Value:
    """The rule of a maximum: the gradient where a is larger than b or one is nan, half of it where they are equal."""
    return where(a < b, 0, where(a == b, 0.5 * g, g))


@computed((larger, lambda g, a, b: larger(g, b, a)))
def maximum(a: Value, b: Value, /) -> Value:
    """The larger of a and b, broadcast; where they are equal, each gets half of the gradient, where one is nan all."""


@computed((lambda g, a, b: larger(g, b, a), larger))
def minimum(a: Value, b: Value, /) -> Value:
    """The smaller of a and b, broadcast; where they are equal, each gets half of the gradient, where one is nan all."""


@computed((lambda g, a, out: g * a / where(out == 0, 1, out), lambda g, b, out: g * b / where(out == 0, 1, out)))
def hypot(a: Value, b: Value, /) -> Value:
    """sqrt(a² + b²), broadcast, without overflow: the third side of a right-angled triangle.

    Subgradient: 0 where a = b = 0.

        tl.hypot(tl.tensor(3.0), tl.tensor(4.0))        # tensor(5.)
    """


@computed((lambda g: g, lambda g, x, y: -g * trunc(x / y)))
def fmod(x: Value, y: Value, /) -> Value:
    """The remainder with the sign of x, as in C: x - y * trunc(x / y), broadcast. See also `remainder`.

    Its derivatives are 1 with respect to x and -trunc(x / y) with respect to y, also where it jumps.

        tl.fmod(tl.tensor([-7.0, 7.0]), 4)      # tensor([-3.,  3.])
    """


# --- comparisons and logic ----------------------------------------------------------------------------------


@computed((), "equal")
def eq(a: Value, b: Value, /) -> Value:
    """a == b, broadcast, as bools."""


@computed((), "not_equal")
def ne(a: Value, b: Value, /) -> Value:
    """a != b, broadcast, as bools."""


@computed((), "less")
def lt(a: Value, b: Value, /) -> Value:
    """a < b, broadcast, as bools."""


@computed((), "less_equal")
def le(a: Value, b: Value, /) -> Value:
    """a <= b, broadcast, as bools."""


@computed((), "greater")
def gt(a: Value, b: Value, /) -> Value:
    """a > b, broadcast, as bools."""


@computed((), "greater_equal")
def ge(a: Value, b: Value, /) -> Value:
    """a >= b, broadcast, as bools."""


@computed(())
def logical_and(a: Value, b: Value, /) -> Value:
    """Whether both are true, broadcast; numbers other than 0 are true. For bools also a & b."""


@computed(())
def logical_or(a: Value, b: Value, /) -> Value:
    """Whether a or b is true, broadcast; numbers other than 0 are true. For bools also a | b."""


@computed(())
def logical_xor(a: Value, b: Value, /) -> Value:
    """Whether exactly one is true, broadcast; numbers other than 0 are true. For bools also a ^ b."""


@computed(())
def logical_not(x: Value, /) -> Value:
    """Whether x is false or 0. For bools also ~x."""


@computed(())
def isnan(x: Value, /) -> Value:
    """Whether each element is nan."""


@computed(())
def isinf(x: Value, /) -> Value:
    """Whether each element is inf or -inf."""


@computed(())
def isfinite(x: Value, /) -> Value:
    """Whether each element is neither nan nor infinite."""


@computed(())
def signbit(x: Value, /) -> Value:
    """Whether x has a minus sign, as bools; so has -0.0."""


# --- bits: `& | ^ ~ << >>` on integers and, as logic, on bools ----------------------------------------------


@computed(())
def bitwise_and(a: Value, b: Value, /) -> Value:
    """a & b, broadcast: the bits that are 1 in both; for bools, whether both are true.

    tl.bitwise_and(tl.tensor([5, 6]), 3)        # tensor([1, 2])
    """


@computed(())
def bitwise_or(a: Value, b: Value, /) -> Value:
    """a | b, broadcast: the bits that are 1 in a or b; for bools, whether one of them is true."""


@computed(())
def bitwise_xor(a: Value, b: Value, /) -> Value:
    """a ^ b, broadcast: the bits that differ; for bools, whether exactly one is true."""


@computed((), "invert")
def bitwise_not(x: Value, /) -> Value:
    """~x: every bit inverted, which is -x - 1 for a signed integer; for bools, whether x is false."""


@computed((), "left_shift")
def bitwise_left_shift(a: Value, b: Value, /) -> Value:
    """a << b, broadcast: the bits of a moved b places up, which is a * 2**b."""


@computed((), "right_shift")
def bitwise_right_shift(a: Value, b: Value, /) -> Value:
    """a >> b, broadcast: the bits of a moved b places down, which is a // 2**b.

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
