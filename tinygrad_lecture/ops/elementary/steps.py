"""Steps and signs: the sign bit, the step function of Heaviside, and the remainder with the sign of the dividend."""

from __future__ import annotations

import math

import numpy as np

from ...autograd.op import Value, op
from ...backend import xp
from ..composite import composite
from ..elementwise import clone, isnan, maximum, minimum, sign, where
from .exponentials import trunc

__all__ = ["copysign", "fmax", "fmin", "fmod", "heaviside", "nan_to_num", "signbit"]


@op
def heaviside(x: Value, values: Value, /) -> Value:
    """0 where x < 0, 1 where x > 0, and `values` where x is 0, broadcast; 0 where x is nan.

    The gradient with respect to x is 0, that to values is 1 where x is 0.

    tl.heaviside(tl.tensor([-1.0, 0.0, 2.0]), tl.tensor(0.5))       # tensor([0.0000, 0.5000, 1.0000])
    """
    lib = xp(x, values)
    return lib.where(lib.asarray(x) == 0, values, lib.asarray(x > 0, getattr(x, "dtype", lib.asarray(values).dtype)))


@heaviside.backward("x")
def _(g: Value) -> Value:
    return 0 * sign(g)


@heaviside.backward("values")
def _(g: Value, x: Value) -> Value:
    return where(x == 0, g, 0)


@op(differentiable=False)
def signbit(x: Value, /) -> Value:
    """Whether x has a minus sign, as bools; so has -0.0."""
    return xp(x).signbit(x)


@op
def copysign(x: Value, y: Value, /) -> Value:
    """|x| with the sign of y, broadcast. The gradient with respect to y is 0, and that to x is 0 where x is 0."""
    return xp(x, y).copysign(x, y)


@copysign.backward("x")
def _(g: Value, x: Value, out: Value) -> Value:
    return g * (sign(x) * sign(out))


@copysign.backward("y")
def _(g: Value) -> Value:
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


@op
def fmod(x: Value, y: Value, /) -> Value:
    """The remainder with the sign of x, as in C: x - y * trunc(x / y), broadcast. See also `remainder`.

    Its derivatives are 1 with respect to x and -trunc(x / y) with respect to y, also where it jumps.

        tl.fmod(tl.tensor([-7.0, 7.0]), 4)      # tensor([-3.,  3.])
    """
    return xp(x, y).fmod(x, y)


@fmod.backward("x")
def _(g: Value) -> Value:
    return g


@fmod.backward("y")
def _(g: Value, x: Value, y: Value) -> Value:
    return -g * trunc(x / y)


# --- nan ----------------------------------------------------------------------------------------------------


@composite
def nan_to_num(x: Value, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Value:
    """x with numbers in place of nan, inf and -inf, which get no gradient.

    nan: 0 by default.  posinf, neginf: by default the largest and the smallest number of x's dtype.

        tl.nan_to_num(tl.tensor([1.0, float("nan")]))       # tensor([1., 0.])
    """
    if x.dtype.kind != "f":
        return clone(x)
    limits = np.finfo(x.dtype)
    x = where(isnan(x), nan, x)
    x = where(x == math.inf, float(limits.max) if posinf is None else posinf, x)
    return where(x == -math.inf, float(limits.min) if neginf is None else neginf, x)


@composite
def fmax(a: Value, b: Value) -> Value:
    """The larger of a and b, broadcast; where one is nan, the other. See also `maximum`."""
    return where(isnan(a), b, where(isnan(b), a, maximum(a, b)))


@composite
def fmin(a: Value, b: Value) -> Value:
    """The smaller of a and b, broadcast; where one is nan, the other. See also `minimum`."""
    return where(isnan(a), b, where(isnan(b), a, minimum(a, b)))
