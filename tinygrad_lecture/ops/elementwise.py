"""Functions of one element at a time, or of pairs that NumPy's broadcasting makes; each with its derivative.

Rules return a gradient of the broadcast shape; the tape sums it back to the input's shape (`unbroadcast`).
Where a derivative does not exist the subgradient chosen is written in the docstring.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import move, xp
from ..kernels.erf import erf as erf_kernel
from .composite import composite

# --- arithmetic ---------------------------------------------------------------------------------------------


@op(analytic=True)
def add(a: Value, b: Value, /) -> Value:
    """a + b, broadcast."""
    return xp(a, b).add(a, b)


@add.backward("a", "b")
def _(g: Value) -> Value:
    return g


@op(analytic=True)
def sub(a: Value, b: Value, /) -> Value:
    """a - b, broadcast."""
    return xp(a, b).subtract(a, b)


@sub.backward("a")
def _(g: Value) -> Value:
    return g


@sub.backward("b")
def _(g: Value) -> Value:
    return -g


@op(analytic=True)
def mul(a: Value, b: Value, /) -> Value:
    """a * b, broadcast."""
    return xp(a, b).multiply(a, b)


@mul.backward("a")
def _(g: Value, b: Value) -> Value:
    return g * b


@mul.backward("b")
def _(g: Value, a: Value) -> Value:
    return g * a


@op(analytic=True)
def div(a: Value, b: Value, /) -> Value:
    """a / b, broadcast; integers give floats."""
    return xp(a, b).true_divide(a, b)


@div.backward("a")
def _(g: Value, b: Value) -> Value:
    return g / b


@div.backward("b")
def _(g: Value, b: Value, out: Value) -> Value:
    return -g * out / b  # d(a/b)/db = -a/b² = -(a/b)/b


@composite
def square(x: Value) -> Value:
    """x * x."""
    return x * x


@op(analytic=True)
def neg(x: Value, /) -> Value:
    """-x."""
    return xp(x).negative(x)


@neg.backward
def _(g: Value) -> Value:
    return -g


@op(analytic=True)
def pow(x: Value, y: Value, /) -> Value:
    """x ** y, broadcast, differentiable in both.

    Subgradients: `x ** 0` has gradient 0 with respect to x everywhere, also at x = 0; with respect to y, 0 where
    x = 0 and y >= 0. A negative x has no real derivative with respect to y: nan, as in PyTorch.
    """
    return x**y


@pow.explains
def _(x: Value, y: Value) -> str | None:
    if x.dtype.kind in "iu" and y.dtype.kind in "iu" and (y < 0).any():
        return "an integer to a negative power is no integer; convert with .float() first"
    return None


@pow.backward("x")
def _(g: Value, x: Value, y: Value) -> Value:
    if isinstance(y, (int, float)):  # the usual case, spared the masks
        return g * (y * x ** (y - 1)) if y not in (0, 1) else g * float(y)
    return g * (y * x ** where((x == 0) & (y == 0), 0, y - 1))  # 0 at 0 ** 0, where x ** -1 would make nan of it


@pow.backward("y")
def _(g: Value, x: Value, y: Value, out: Value) -> Value:
    if isinstance(x, (int, float)) and x > 0:
        return g * (out * math.log(x))
    return g * out * log(where((x == 0) & (y >= 0), 1, x))  # log(1) is the 0 that is wanted


@op
def remainder(x: Value, y: Value, /) -> Value:
    """x % y with the sign of y, as Python has it: x - y * floor(x / y)."""
    return xp(x, y).remainder(x, y)


@remainder.backward("x")
def _(g: Value) -> Value:
    return g


@remainder.backward("y")
def _(g: Value, x: Value, y: Value) -> Value:
    return -g * floor(x / y)


# --- exponentials and roots ---------------------------------------------------------------------------------


@op(analytic=True)
def exp(x: Value, /) -> Value:
    """e ** x."""
    return xp(x).exp(x)


@exp.backward
def _(g: Value, out: Value) -> Value:
    return g * out  # d exp(x)/dx is exp(x), which is the output itself


@op(analytic=True)
def expm1(x: Value, /) -> Value:
    """exp(x) - 1, exact near 0."""
    return xp(x).expm1(x)


@expm1.backward
def _(g: Value, out: Value) -> Value:
    return g * (out + 1)


@op(analytic=True)
def log(x: Value, /) -> Value:
    """Natural logarithm; -inf at 0, nan below."""
    return xp(x).log(x)


@log.backward
def _(g: Value, x: Value) -> Value:
    return g / x


@op(analytic=True)
def log1p(x: Value, /) -> Value:
    """log(1 + x), exact near 0."""
    return xp(x).log1p(x)


@log1p.backward
def _(g: Value, x: Value) -> Value:
    return g / (1 + x)


@op(analytic=True)
def sqrt(x: Value, /) -> Value:
    """Square root; its gradient is inf at 0."""
    return xp(x).sqrt(x)


@sqrt.backward
def _(g: Value, out: Value) -> Value:
    return 0.5 * g / out


@op(analytic=True)
def root(x: Value, /) -> Value:
    """Square root with the subgradient 0 at 0, where `sqrt` has inf; `norm` and `std` are built on it."""
    return xp(x).sqrt(x)


@root.backward
def _(g: Value, out: Value) -> Value:
    return where(out == 0, 0, 0.5 * g / where(out == 0, 1, out))


# --- trigonometry and its kin -------------------------------------------------------------------------------


@op(analytic=True)
def sin(x: Value, /) -> Value:
    """Sine of an angle in radians."""
    return xp(x).sin(x)


@sin.backward
def _(g: Value, x: Value) -> Value:
    return g * cos(x)


@op(analytic=True)
def cos(x: Value, /) -> Value:
    """Cosine of an angle in radians."""
    return xp(x).cos(x)


@cos.backward
def _(g: Value, x: Value) -> Value:
    return -g * sin(x)


@op(analytic=True)
def tanh(x: Value, /) -> Value:
    """Hyperbolic tangent."""
    return xp(x).tanh(x)


@tanh.backward
def _(g: Value, out: Value) -> Value:
    return g * (1 - out * out)


@op
def erf(x: Value, /) -> Value:
    """The error function, 2/sqrt(pi) times the integral of exp(-t²) from 0 to x (DLMF 7.2.1)."""
    return erf_kernel(x)


@erf.backward
def _(g: Value, x: Value) -> Value:
    return g * (2 / np.pi**0.5) * exp(-x * x)


# --- activations --------------------------------------------------------------------------------------------


@op(analytic=True)
def sigmoid(x: Value, /) -> Value:
    """1 / (1 + exp(-x)), computed as exp(x) / (exp(x) + 1): right to the last digits at both ends, without overflow."""
    lib = xp(x)
    z = lib.minimum(x, _LARGEST_EXPONENT.get(getattr(x, "dtype", None), 709.0))  # exp of it is finite; from there on
    z = lib.exp(z)
    total = z + 1  # z / (z + 1) is 1
    z /= total
    return z


_LARGEST_EXPONENT = {np.dtype(np.float16): 11.0, np.dtype(np.float32): 88.0}


@sigmoid.backward
def _(g: Value, out: Value) -> Value:
    return g * (out * (1 - out))


@op
def relu(x: Value, /) -> Value:
    """max(x, 0); the subgradient at 0 is 0."""
    return xp(x).maximum(x, 0)


@relu.backward
def _(g: Value, out: Value) -> Value:
    return g * (out > 0)


@op
def leaky_relu(x: Value, /, negative_slope: float = 0.01) -> Value:
    """x where x > 0, else negative_slope * x; the subgradient at 0 is negative_slope."""
    return xp(x).where(x > 0, x, negative_slope * x)


@leaky_relu.backward
def _(g: Value, x: Value, negative_slope: Any) -> Value:
    return where(x > 0, g, negative_slope * g)


@op(analytic=True)
def silu(x: Value, /) -> Value:
    """x * sigmoid(x), also called swish (Elfwing et al., arXiv:1702.03118)."""
    return x * sigmoid(x)


@silu.backward
def _(g: Value, x: Value) -> Value:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


# --- absolute values, extremes, choices ---------------------------------------------------------------------


@op
def abs(x: Value, /) -> Value:
    """|x|; the subgradient at 0 is 0."""
    return xp(x).abs(x)


@abs.backward
def _(g: Value, x: Value) -> Value:
    return g * sign(x)


@op
def sign(x: Value, /) -> Value:
    """-1, 0 or 1; its gradient is 0."""
    return xp(x).sign(x)


@op
def floor(x: Value, /) -> Value:
    """The largest integer not above x; its gradient is 0."""
    return xp(x).floor(x)


@op
def ceil(x: Value, /) -> Value:
    """The smallest integer not below x; its gradient is 0."""
    return xp(x).ceil(x)


@op
def round(x: Value, /) -> Value:
    """The nearest integer, halves to the even one; its gradient is 0."""
    return xp(x).rint(x)


@sign.backward
@floor.backward
@ceil.backward
@round.backward
def _(g: Value) -> Value:
    return 0 * g


@op
def maximum(a: Value, b: Value, /) -> Value:
    """The larger of each pair; equals share the gradient equally."""
    return xp(a, b).maximum(a, b)


@op
def minimum(a: Value, b: Value, /) -> Value:
    """The smaller of each pair; equals share the gradient equally."""
    return xp(a, b).minimum(a, b)


@maximum.backward("a")
@minimum.backward("b")
def _(g: Value, a: Value, b: Value) -> Value:
    return where(a > b, g, where(a == b, 0.5 * g, 0))


@maximum.backward("b")
@minimum.backward("a")
def _(g: Value, a: Value, b: Value) -> Value:
    return where(a < b, g, where(a == b, 0.5 * g, 0))


@op
def clip(x: Value, /, min: float | None = None, max: float | None = None) -> Value:
    """x kept within [min, max]; the gradient passes inside and at the bounds, and is 0 outside."""
    lib = xp(x)
    y = x if min is None else lib.maximum(x, min)
    y = y if max is None else lib.minimum(y, max)
    return x.copy() if y is x else y


@clip.explains
def _(x: Value, min: Any = None, max: Any = None) -> str | None:
    for name, bound in (("min", min), ("max", max)):
        if isinstance(bound, str):
            return f"{name} is a number or None, not {bound!r}"
    return None


@clip.backward
def _(g: Value, x: Value, min: Any, max: Any) -> Value:
    if min is not None:
        g = where(x < min, 0, g)
    if max is not None:
        g = where(x > max, 0, g)
    return g


@op(analytic=True)
def where(condition: Value, a: Value, b: Value, /) -> Value:
    """a where the condition holds, else b; all three broadcast. No nan of the branch not taken gets through."""
    return xp(condition, a, b).where(condition, a, b)


@where.backward("a")
def _(g: Value, condition: Value) -> Value:
    return where(condition, g, 0)


@where.backward("b")
def _(g: Value, condition: Value) -> Value:
    return where(condition, 0, g)


@op(casts=True)
def astype(x: Value, /, dtype: Any) -> Value:
    """x with another dtype; the gradient goes back in x's own."""
    return x.astype(dtype, copy=False)


@astype.backward
def _(g: Value) -> Value:
    return g  # the tape casts every gradient to its input's dtype


@op
def to_device(x: Value, /, device: str) -> Value:
    """x on another device, or x itself if it is there; the gradient travels back."""
    return move(x, device)


@to_device.backward
def _(g: Value, x_device: str) -> Value:
    return to_device(g, x_device)


@op(analytic=True)
def clone(x: Value, /) -> Value:
    """A copy of x in memory of its own."""
    return x.copy()


@op(analytic=True)
def alias(x: Value, /) -> Value:
    """x itself as a new node of the graph, so that gradients with respect to this use alone can be asked for."""
    return x


@clone.backward
@alias.backward
def _(g: Value) -> Value:
    return g


# --- questions: their answers are constants to the tape -----------------------------------------------------


@op(differentiable=False)
def equal(a: Value, b: Value, /) -> Value:
    """a == b, element by element."""
    return xp(a, b).equal(a, b)


@op(differentiable=False)
def not_equal(a: Value, b: Value, /) -> Value:
    """a != b, element by element."""
    return xp(a, b).not_equal(a, b)


@op(differentiable=False)
def less(a: Value, b: Value, /) -> Value:
    """a < b."""
    return xp(a, b).less(a, b)


@op(differentiable=False)
def less_equal(a: Value, b: Value, /) -> Value:
    """a <= b."""
    return xp(a, b).less_equal(a, b)


@op(differentiable=False)
def greater(a: Value, b: Value, /) -> Value:
    """a > b."""
    return xp(a, b).greater(a, b)


@op(differentiable=False)
def greater_equal(a: Value, b: Value, /) -> Value:
    """a >= b."""
    return xp(a, b).greater_equal(a, b)


@op(differentiable=False)
def logical_and(a: Value, b: Value, /) -> Value:
    """Both; numbers count as true where they are not 0. On bools also a & b."""
    return xp(a, b).logical_and(a, b)


@op(differentiable=False)
def logical_or(a: Value, b: Value, /) -> Value:
    """Either. On bools also a | b."""
    return xp(a, b).logical_or(a, b)


@op(differentiable=False)
def logical_xor(a: Value, b: Value, /) -> Value:
    """One but not the other. On bools also a ^ b."""
    return xp(a, b).logical_xor(a, b)


@op(differentiable=False)
def logical_not(x: Value, /) -> Value:
    """Not. On bools also ~x."""
    return xp(x).logical_not(x)


@op(differentiable=False)
def floor_divide(a: Value, b: Value, /) -> Value:
    """a // b, rounded down."""
    return xp(a, b).floor_divide(a, b)


@op(differentiable=False)
def isnan(x: Value, /) -> Value:
    """Where x is nan."""
    return xp(x).isnan(x)


@op(differentiable=False)
def isinf(x: Value, /) -> Value:
    """Where x is inf or -inf."""
    return xp(x).isinf(x)


@op(differentiable=False)
def isfinite(x: Value, /) -> Value:
    """Where x is neither nan nor infinite."""
    return xp(x).isfinite(x)
