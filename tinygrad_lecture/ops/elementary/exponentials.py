"""Powers and logarithms of other bases, reciprocals, the parts of a number, and whether numbers are close."""

from __future__ import annotations

import math

import numpy as np

from ...autograd.op import Value, op
from ...backend import is_array, xp
from ...traced import Traced
from ..composite import composite
from ..elementwise import sigmoid, sign, where

__all__ = [
    "allclose",
    "exp2",
    "frac",
    "isclose",
    "log2",
    "log10",
    "logaddexp",
    "reciprocal",
    "rsqrt",
    "trunc",
]

LN2, LN10 = math.log(2), math.log(10)


@op(analytic=True)
def exp2(x: Value, /) -> Value:
    """2 ** x."""
    return xp(x).exp2(x)


@exp2.backward
def _(g: Value, out: Value) -> Value:
    return g * (out * LN2)  # 2^x = e^(x ln 2)


@op(analytic=True)
def log2(x: Value, /) -> Value:
    """The logarithm to base 2; -inf at 0, nan for negative x."""
    return xp(x).log2(x)


@log2.backward
def _(g: Value, x: Value) -> Value:
    return g / (x * LN2)


@op(analytic=True)
def log10(x: Value, /) -> Value:
    """The logarithm to base 10; -inf at 0, nan for negative x."""
    return xp(x).log10(x)


@log10.backward
def _(g: Value, x: Value) -> Value:
    return g / (x * LN10)


@op
def logaddexp(a: Value, b: Value, /) -> Value:
    """log(exp(a) + exp(b)), broadcast, without overflow.

    Where a = b = -inf it is -inf, with gradient 0; where a = b = inf, each gets half of the gradient.

        tl.logaddexp(tl.tensor(1000.0), tl.tensor(1000.0))      # tensor(1000.6932)
    """
    return xp(a, b).logaddexp(a, b)


@logaddexp.backward("a")
def _(g: Value, a: Value, b: Value, out: Value) -> Value:
    return _share(g, a, b, out)


@logaddexp.backward("b")
def _(g: Value, a: Value, b: Value, out: Value) -> Value:
    return _share(g, b, a, out)


def _share(g: Value, a: Value, b: Value, out: Value) -> Value:
    """g * exp(a) / (exp(a) + exp(b))."""
    ahead = where((a == b) & (abs(out) == math.inf), 0, a - b)  # inf - inf would be nan
    return where(out == -math.inf, 0, g * sigmoid(ahead))


@op(analytic=True)
def reciprocal(x: Value, /) -> Value:
    """1 / x; inf at 0."""
    return xp(x).true_divide(1, x)


@reciprocal.backward
def _(g: Value, out: Value) -> Value:
    return -g * out * out  # d(1/x)/dx = -1/x²


@op(analytic=True)
def rsqrt(x: Value, /) -> Value:
    """1 / sqrt(x); inf at 0, nan for negative x."""
    lib = xp(x)
    return lib.true_divide(1, lib.sqrt(x))


@rsqrt.backward
def _(g: Value, out: Value) -> Value:
    return -0.5 * g * out * out * out  # d x^(-1/2)/dx = -x^(-3/2) / 2


@op
def trunc(x: Value, /) -> Value:
    """x rounded towards 0 to an integer; its gradient is 0."""
    return xp(x).trunc(x)


@trunc.backward
def _(g: Value) -> Value:
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


@composite
def frac(x: Value) -> Value:
    """The part of x behind the decimal point, with x's sign: x - trunc(x).

    tl.frac(tl.tensor([1.25, -1.25]))       # tensor([ 0.2500, -0.2500])
    """
    return x - trunc(x)


@op(differentiable=False)
def isclose(a: Value, b: Value, /, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    """Whether |a - b| <= atol + rtol * |b| for each pair of elements, broadcast, as bools.

    rtol, atol: the relative and the absolute tolerance.  equal_nan: whether two nans are close; by default not.
    An infinity is close to itself alone.

        tl.isclose(tl.tensor([1.0, 2.0]), tl.tensor([1.000001, 2.1]))       # tensor([ True, False])
    """
    lib = xp(a, b)
    a, b = (x if is_array(x) else lib.asarray(x) for x in (a, b))
    a, b = (x.astype(np.int64) if x.dtype == bool else x for x in (a, b))  # bools have no difference
    with np.errstate(all="ignore"):  # inf - inf is nan, which is not close
        near = (abs(a - b) <= atol + rtol * abs(b)) & lib.isfinite(b)
    return near | (a == b) | (lib.isnan(a) & lib.isnan(b)) if equal_nan else near | (a == b)


@composite
def allclose(a: Value, b: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether `isclose` holds for all elements, as one bool: the usual test of whether two results are the same.

    rtol, atol: the relative and the absolute tolerance.  equal_nan: whether two nans are close; by default not.

        tl.allclose(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 2.00001]))       # True
    """
    close = isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return bool((close._array if isinstance(close, Traced) else close).all())
