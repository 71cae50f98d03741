"""Trigonometric and hyperbolic functions, and their inverses. (sin, cos and tanh are in `elementwise.py`.)"""

from __future__ import annotations

import math

from ...autograd.op import Value, op
from ...backend import xp
from ..composite import composite
from ..elementwise import abs as absolute
from ..elementwise import sin, sqrt, where

__all__ = ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cosh", "hypot", "sinc", "sinh", "tan"]


@op(analytic=True)
def tan(x: Value, /) -> Value:
    """The tangent of an angle in radians, sin(x) / cos(x)."""
    return xp(x).tan(x)


@tan.backward
def _(g: Value, out: Value) -> Value:
    return g * (1 + out * out)  # d tan(x)/dx = 1 + tan²(x)


@op(analytic=True)
def sinh(x: Value, /) -> Value:
    """The hyperbolic sine, (exp(x) - exp(-x)) / 2."""
    return xp(x).sinh(x)


@sinh.backward
def _(g: Value, x: Value) -> Value:
    return g * cosh(x)


@op(analytic=True)
def cosh(x: Value, /) -> Value:
    """The hyperbolic cosine, (exp(x) + exp(-x)) / 2."""
    return xp(x).cosh(x)


@cosh.backward
def _(g: Value, x: Value) -> Value:
    return g * sinh(x)


@op(analytic=True)
def asin(x: Value, /) -> Value:
    """The angle from -pi/2 to pi/2 whose sine is x; nan where |x| > 1. The gradient at -1 and 1 is inf."""
    return xp(x).arcsin(x)


@asin.backward
def _(g: Value, x: Value) -> Value:
    return g / sqrt(1 - x * x)


@op(analytic=True)
def acos(x: Value, /) -> Value:
    """The angle from 0 to pi whose cosine is x; nan where |x| > 1. The gradient at -1 and 1 is -inf."""
    return xp(x).arccos(x)


@acos.backward
def _(g: Value, x: Value) -> Value:
    return -g / sqrt(1 - x * x)


@op(analytic=True)
def atan(x: Value, /) -> Value:
    """The angle from -pi/2 to pi/2 whose tangent is x."""
    return xp(x).arctan(x)


@atan.backward
def _(g: Value, x: Value) -> Value:
    return g / (1 + x * x)


@op(analytic=True)
def asinh(x: Value, /) -> Value:
    """The number whose hyperbolic sine is x."""
    return xp(x).arcsinh(x)


@asinh.backward
def _(g: Value, x: Value) -> Value:
    return g / sqrt(1 + x * x)


@op(analytic=True)
def acosh(x: Value, /) -> Value:
    """The number >= 0 whose hyperbolic cosine is x; nan where x < 1. The gradient at 1 is inf."""
    return xp(x).arccosh(x)


@acosh.backward
def _(g: Value, x: Value) -> Value:
    return g / (sqrt(x - 1) * sqrt(x + 1))  # sqrt(x² - 1) would give a number where x < -1


@op(analytic=True)
def atanh(x: Value, /) -> Value:
    """The number whose hyperbolic tangent is x; nan where |x| > 1, and inf at 1."""
    return xp(x).arctanh(x)


@atanh.backward
def _(g: Value, x: Value) -> Value:
    return g / (1 - x * x)


@op
def atan2(y: Value, x: Value, /) -> Value:
    """The angle of the point (x, y), from -pi to pi, broadcast; note that y comes first.

    Subgradient: 0 at the origin, where y = x = 0.

        tl.atan2(tl.tensor(1.0), tl.tensor(-1.0))       # tensor(2.3562)
    """
    return xp(y, x).arctan2(y, x)


@atan2.backward("y")
def _(g: Value, y: Value, x: Value) -> Value:
    r = hypot(x, y)  # x² + y² would overflow
    r = where(r == 0, 1, r)
    return g * (x / r / r)


@atan2.backward("x")
def _(g: Value, y: Value, x: Value) -> Value:
    r = hypot(x, y)
    r = where(r == 0, 1, r)
    return -g * (y / r / r)


@op
def hypot(a: Value, b: Value, /) -> Value:
    """sqrt(a² + b²), broadcast, without overflow: the third side of a right-angled triangle.

    Subgradient: 0 where a = b = 0.

        tl.hypot(tl.tensor(3.0), tl.tensor(4.0))        # tensor(5.)
    """
    return xp(a, b).hypot(a, b)


@hypot.backward("a")
def _(g: Value, a: Value, out: Value) -> Value:
    return g * a / where(out == 0, 1, out)


@hypot.backward("b")
def _(g: Value, b: Value, out: Value) -> Value:
    return g * b / where(out == 0, 1, out)


@composite
def sinc(x: Value) -> Value:
    """sin(pi x) / (pi x), and 1 at 0, where its derivatives are right too: near 0 it is computed as a power series.

    tl.sinc(tl.tensor([0.0, 0.5]))      # tensor([1.0000, 0.6366])
    """
    y = math.pi * x
    small = absolute(y) < 0.25
    square = where(small, y * y, 0)
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110))))
    return where(small, series, sin(y) / where(small, 1, y))
