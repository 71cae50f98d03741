"""Elementwise ops: each result element depends on one element of each input, after broadcasting.

Rules return a gradient of the broadcast shape; the tape sums it to the input's shape (`unbroadcast`). Where there is
no derivative, the docstring names the subgradient.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from ..autograd.op import Op, Value, op
from ..backend import move, xp
from ..kernels.select import where as where_kernel
from ..kernels.special.erf import erf as erf_kernel
from ..traced import Traced
from .composite import composite

__all__ = [  # the public names; `tinygrad_lecture` has them too
    "abs",
    "add",
    "ceil",
    "clip",
    "clone",
    "cos",
    "div",
    "eq",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "ge",
    "gt",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "leaky_relu",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "maximum",
    "minimum",
    "mul",
    "ne",
    "neg",
    "pow",
    "relu",
    "remainder",
    "round",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sqrt",
    "square",
    "sub",
    "tanh",
    "where",
]

# --- arithmetic ---------------------------------------------------------------------------------------------


@op(analytic=True)
def add(a: Value, b: Value, /, *, alpha: float = 1) -> Value:
    """a + b, broadcast; with alpha=2, a + 2 * b."""
    return xp(a, b).add(a, b)


@add.option("alpha")
def _(a: Value, b: Value, alpha: float) -> Value:
    return add(a, scaled(b, alpha))


def scaled(x: Value, factor: Any) -> Value:
    """factor * x; x itself for the number 1, but not for a tensor, which may require grad."""
    return x if not isinstance(factor, Traced) and factor == 1 else mul(x, factor)


@add.backward("a", "b")
def _(g: Value) -> Value:
    return g


@op(analytic=True)
def sub(a: Value, b: Value, /, *, alpha: float = 1) -> Value:
    """a - b, broadcast; with alpha=2, a - 2 * b."""
    return xp(a, b).subtract(a, b)


@sub.option("alpha")
def _(a: Value, b: Value, alpha: float) -> Value:
    return sub(a, scaled(b, alpha))


@sub.explains
def _(a: Value, b: Value) -> str | None:
    if a.dtype == b.dtype == bool:
        return "bools cannot be subtracted; write a ^ b for where they differ, or convert with .float()"
    return None


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
def div(a: Value, b: Value, /, *, rounding_mode: str | None = None) -> Value:
    """a / b, broadcast; integers give floats, and division by 0 gives inf or nan.

    rounding_mode="floor" rounds down, and is a // b; "trunc" rounds towards 0. Integers then give integers.
    """
    return xp(a, b).true_divide(a, b)


@div.option("rounding_mode")
def _(a: Value, b: Value, rounding_mode: str | None) -> Value:
    if rounding_mode is None:
        return div(a, b)
    if rounding_mode not in ("floor", "trunc"):
        raise ValueError(f'div: rounding_mode must be "floor", "trunc" or None, not {rounding_mode!r}')
    return (floor_divide if rounding_mode == "floor" else trunc_divide)(a, b)


@div.backward("a")
def _(g: Value, b: Value) -> Value:
    return g / b


@div.backward("b")
def _(g: Value, b: Value, out: Value) -> Value:
    return -g * out / b  # d(a/b)/db = -a/b² = -(a/b)/b


@composite
def square(x: Value) -> Value:
    """x * x; bools give int64."""
    return x * x if x.dtype.kind != "b" else x * 1


@op(analytic=True)
def neg(x: Value, /) -> Value:
    """-x."""
    return xp(x).negative(x)


@neg.explains
def _(x: Value) -> str | None:
    return "bools have no negative; write ~x for not, or convert with .float()" if x.dtype == bool else None


@neg.backward
def _(g: Value) -> Value:
    return -g


@op(analytic=True)
def pow(x: Value, y: Value, /) -> Value:
    """x ** y, broadcast, differentiable with respect to both.

    Subgradients: with respect to x, `x ** 0` has gradient 0 everywhere, also at x = 0; with respect to y, the gradient
    is 0 where x = 0 and y >= 0. A negative x has no real derivative with respect to y: its gradient is nan, as in
    PyTorch. Raises ValueError for integers to a negative power.
    """
    return x**y


@pow.explains
def _(x: Value, y: Value) -> str | None:
    if x.dtype.kind in "iu" and y.dtype.kind in "iu" and (y < 0).any():
        return "integers cannot be raised to a negative power; convert with .float() first"
    return None


@pow.backward("x")
def _(g: Value, x: Value, y: Value) -> Value:
    if isinstance(y, (int, float)):  # the usual case needs no masks
        return g * (y * x ** (y - 1)) if y not in (0, 1) else g * float(y)
    return g * (y * x ** where((x == 0) & (y == 0), 0, y - 1))  # at 0 ** 0, x ** -1 would give 0 * inf = nan


@pow.backward("y")
def _(g: Value, x: Value, y: Value, out: Value) -> Value:
    if isinstance(x, (int, float)) and x > 0:
        return g * (out * math.log(x))
    return g * out * log(where((out == 0) | ((x == 0) & (y == 0)), 1, x))  # log(1) = 0, the limit of out * log(x)


@op
def remainder(x: Value, y: Value, /) -> Value:
    """x % y with the sign of y, as in Python: x - y * floor(x / y), broadcast.

    Its derivatives are 1 with respect to x and -floor(x / y) with respect to y, also where it jumps: at integer x / y.
    """
    _refuse_zero(x, y)
    return xp(x, y).remainder(x, y)


@remainder.backward("x")
def _(g: Value) -> Value:
    return g


@remainder.backward("y")
def _(g: Value, x: Value, y: Value) -> Value:
    return -g * floor(x / y)


def _refuse_zero(x: Any, y: Any) -> None:
    """Raise ValueError for integers divided by 0, for which NumPy gives 0. On a GPU the check would wait."""
    lib = xp(x, y)
    if lib is np and np.result_type(x, y).kind in "iu" and not np.all(y):
        raise ValueError("integers are divided by 0")


@op
def floor_divide(a: Value, b: Value, /) -> Value:
    """a // b, broadcast: a / b rounded down; its gradient is 0. Raises ValueError for integers divided by 0."""
    _refuse_zero(a, b)
    return xp(a, b).floor_divide(a, b)


@op
def trunc_divide(a: Value, b: Value, /) -> Value:
    """a / b rounded towards 0, broadcast; its gradient is 0. Raises ValueError for integers divided by 0."""
    _refuse_zero(a, b)
    lib = xp(a, b)
    down = lib.floor_divide(a, b)
    if down.dtype.kind == "f":
        return lib.trunc(lib.true_divide(a, b))
    return down + ((down < 0) & (down * b != a))  # a negative quotient was rounded away from 0


@floor_divide.backward("a", "b")
@trunc_divide.backward("a", "b")
def _(g: Value) -> Value:
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


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
    """exp(x) - 1, accurate near 0."""
    return xp(x).expm1(x)


@expm1.backward
def _(g: Value, out: Value) -> Value:
    return g * (out + 1)


@op(analytic=True)
def log(x: Value, /) -> Value:
    """The natural logarithm; -inf at 0, nan for negative x."""
    return xp(x).log(x)


@log.backward
def _(g: Value, x: Value) -> Value:
    return g / x


@op(analytic=True)
def log1p(x: Value, /) -> Value:
    """log(1 + x), accurate near 0."""
    return xp(x).log1p(x)


@log1p.backward
def _(g: Value, x: Value) -> Value:
    return g / (1 + x)


@op(analytic=True)
def sqrt(x: Value, /) -> Value:
    """The square root; nan for negative x. The gradient at 0 is inf."""
    return xp(x).sqrt(x)


@sqrt.backward
def _(g: Value, out: Value) -> Value:
    return 0.5 * g / out  # d sqrt(x)/dx = 1 / (2 sqrt(x))


@op(analytic=True)
def root(x: Value, /) -> Value:
    """The square root with subgradient 0 at 0, where `sqrt` has inf; used by `norm` and `std`."""
    return xp(x).sqrt(x)


@root.backward
def _(g: Value, out: Value) -> Value:
    return where(out == 0, 0, 0.5 * g / where(out == 0, 1, out))  # the inner where keeps inf out of both branches


# --- trigonometric functions, tanh and erf ------------------------------------------------------------------


@op(analytic=True)
def sin(x: Value, /) -> Value:
    """The sine of an angle in radians."""
    return xp(x).sin(x)


@sin.backward
def _(g: Value, x: Value) -> Value:
    return g * cos(x)


@op(analytic=True)
def cos(x: Value, /) -> Value:
    """The cosine of an angle in radians."""
    return xp(x).cos(x)


@cos.backward
def _(g: Value, x: Value) -> Value:
    return -g * sin(x)


@op(analytic=True)
def tanh(x: Value, /) -> Value:
    """The hyperbolic tangent, (exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return xp(x).tanh(x)


@tanh.backward
def _(g: Value, out: Value) -> Value:
    return g * (1 - out * out)  # d tanh(x)/dx = 1 - tanh²(x)


@op
def erf(x: Value, /) -> Value:
    """The error function: 2/sqrt(pi) times the integral of exp(-t²) from 0 to x (DLMF 7.2.1)."""
    return erf_kernel(x)


@erf.backward
def _(g: Value, x: Value) -> Value:
    return g * (2 / np.pi**0.5) * exp(-x * x)


# --- activations --------------------------------------------------------------------------------------------


@op(analytic=True)
def sigmoid(x: Value, /) -> Value:
    """The logistic function 1 / (1 + exp(-x)), between 0 and 1.

    Computed as exp(x) / (exp(x) + 1), which is accurate for negative x too, and without overflow.
    """
    lib = xp(x)
    z = lib.exp(lib.minimum(x, _LARGEST_EXPONENT.get(getattr(x, "dtype", None), 709.0)))  # beyond it, sigmoid is 1
    total = z + 1
    z /= total
    return z


_LARGEST_EXPONENT = {np.dtype(np.float16): 11.0, np.dtype(np.float32): 88.0}  # exp of it is still finite


@sigmoid.backward
def _(g: Value, out: Value) -> Value:
    return g * (out * (1 - out))


@op
def relu(x: Value, /) -> Value:
    """max(x, 0); the subgradient at 0 is 0."""
    return xp(x).maximum(x, 0)


@relu.backward
def _(g: Value, out: Value) -> Value:
    return where(out <= 0, 0, g)  # not g * (out > 0): for an infinite g that is nan at 0; a nan passes it


@op
def leaky_relu(x: Value, /, negative_slope: float = 0.01) -> Value:
    """x where x > 0, else negative_slope * x; the subgradient at 0 is negative_slope."""
    return xp(x).where(x > 0, x, negative_slope * x)


@leaky_relu.backward
def _(g: Value, x: Value, negative_slope: Any) -> Value:
    return where(x > 0, g, negative_slope * g)


@op(analytic=True)
def silu(x: Value, /) -> Value:
    """x * sigmoid(x), also known as swish (Elfwing et al., arXiv:1702.03118)."""
    return x * sigmoid(x)


@silu.backward
def _(g: Value, x: Value) -> Value:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))  # product rule, with ds/dx = s (1 - s)


# --- absolute value, rounding, maximum, where ---------------------------------------------------------------


@op
def abs(x: Value, /) -> Value:
    """|x|; the subgradient at 0 is 0."""
    return xp(x).abs(x)


@abs.backward
def _(g: Value, x: Value) -> Value:
    return where(x == 0, 0, g * sign(x))


@op
def sign(x: Value, /) -> Value:
    """-1, 0 or 1, of bools themselves; its gradient is 0."""
    return x.copy() if x.dtype.kind == "b" else xp(x).sign(x)


@op
def floor(x: Value, /) -> Value:
    """x rounded down to an integer; its gradient is 0."""
    return xp(x).floor(x)


@op
def ceil(x: Value, /) -> Value:
    """x rounded up to an integer; its gradient is 0."""
    return xp(x).ceil(x)


@op
def round(x: Value, /) -> Value:
    """x rounded to the nearest integer, halves to the even one; its gradient is 0.

    By name, `decimals` is the number of digits to keep after the point, or below 0 to drop before it.
    """
    return xp(x).rint(x) if x.dtype.kind == "f" else x.copy()


@round.option("decimals")
def _(x: Value, decimals: int) -> Value:
    scale = 10.0 ** builtins.abs(decimals)
    if decimals == 0:
        return round(x)
    return div(round(mul(x, scale)), scale) if decimals > 0 else mul(round(div(x, scale)), scale)


@sign.backward
@floor.backward
@ceil.backward
@round.backward
def _(g: Value) -> Value:
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


@op
def maximum(a: Value, b: Value, /) -> Value:
    """The larger of a and b, broadcast; where they are equal, each gets half of the gradient, where one is nan all."""
    return xp(a, b).maximum(a, b)


@op
def minimum(a: Value, b: Value, /) -> Value:
    """The smaller of a and b, broadcast; where they are equal, each gets half of the gradient, where one is nan all."""
    return xp(a, b).minimum(a, b)


@maximum.backward("a")
@minimum.backward("b")
def _(g: Value, a: Value, b: Value) -> Value:
    return where(a < b, 0, where(a == b, 0.5 * g, g))


@maximum.backward("b")
@minimum.backward("a")
def _(g: Value, a: Value, b: Value) -> Value:
    return where(a > b, 0, where(a == b, 0.5 * g, g))


@composite
def clip(x: Value, /, min: Value = None, max: Value = None) -> Value:
    """x limited to [min, max]: max(x, min) and then min(x, max). Also called `clamp`, as in PyTorch.

    min, max: numbers, or tensors that broadcast to x; None for no bound. Raises TypeError for other bounds.
    Subgradient: the gradient passes to x inside and at the bounds, and outside to the bound if it is a tensor. Where x
    or a bound is nan, so is the result, and the nan gets the gradient.

        tl.clip(tl.tensor([-2.0, 0.5, 2.0]), min=-1, max=1)     # tensor([-1.0000,  0.5000,  1.0000])
    """
    if isinstance(min, Traced) or isinstance(max, Traced):
        x = x if min is None else where((x >= min) | isnan(x), x, min)
        return x if max is None else where((x <= max) | isnan(x), x, max)
    return clip_to(x, min, max)


@op
def clip_to(x: Value, /, min: float | None = None, max: float | None = None) -> Value:
    """x limited to numbers: `clip`."""
    lib = xp(x)
    y = x if min is None else lib.maximum(x, min)
    y = y if max is None else lib.minimum(y, max)
    return x.copy() if y is x else y


@clip_to.explains
def _(x: Value, min: Any = None, max: Any = None) -> str | None:
    for name, bound in (("min", min), ("max", max)):
        if isinstance(bound, str):
            return f"{name} must be a number or None, not {bound!r}"
    return None


@clip_to.backward
def _(g: Value, x: Value, min: Any, max: Any) -> Value:
    if min is not None:
        g = where(x < min, 0, g)
    if max is not None:
        g = where(x > max, 0, g)
    return g


@op(analytic=True)
def where(condition: Value, a: Value, b: Value, /) -> Value:
    """a where the condition is true, else b; all three broadcast.

    condition: bools, without a gradient.  a, b: tensors, arrays or numbers; the result has their common dtype.
    Raises TypeError for a condition of another dtype.
    The branch not taken gets gradient 0, even if its value is inf or nan. Its own derivative may still be inf, and
    0 * inf is nan: where x <= 0 is possible, write `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.

        tl.where(tl.tensor([True, False]), tl.tensor([1.0, 2.0]), 0.0)      # tensor([1., 0.])
    """
    if getattr(condition, "dtype", _BOOL).kind != "b":
        raise TypeError(
            f"the condition must be bools, not {condition.dtype}; the order is tl.where(condition, a, b) or "
            "a.where(condition, b), and c != 0 makes bools of numbers"
        )
    return where_kernel(condition, a, b)


_BOOL = np.dtype(bool)


@where.backward("a")
def _(g: Value, condition: Value) -> Value:
    return where(condition, g, 0)


@where.backward("b")
def _(g: Value, condition: Value) -> Value:
    return where(condition, 0, g)


@op(casts=True)
def astype(x: Value, /, dtype: Any) -> Value:
    """x with another dtype; the gradient has x's own dtype."""
    return x.astype(dtype, "C" if 0 in x.strides else "K", copy=False)


@astype.backward
def _(g: Value) -> Value:
    return g  # the tape casts every gradient to its input's dtype


def converted(x: Value, dtype: Any) -> Value:
    """x with another dtype, for functions that take one; x itself if that is None. Integers are constants."""
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def as_floats(x: Value) -> Value:
    """x, with integers and bools as floats: small ones can hold neither their squares nor their differences."""
    return x * 1.0 if x.dtype.kind in "iub" else x


def takes_dtype(op: Op[Any]) -> None:
    """Let an op take `dtype`: it converts its input to that dtype first."""

    @op.option("dtype")
    def _(x: Value, dtype: Any, **settings: Any) -> Value:
        return converted(op(converted(x, dtype), **settings), dtype)


@op
def to_device(x: Value, /, device: str) -> Value:
    """x on another device, or x itself if it is there; the gradient moves back to x's device."""
    return move(x, device)


@to_device.backward
def _(g: Value, x_device: str) -> Value:
    return to_device(g, x_device)


@op(analytic=True)
def clone(x: Value, /) -> Value:
    """A copy of x in its own memory, with its axes in the same order there; gradients flow through."""
    return x.copy(order="C" if 0 in x.strides else "K")  # NumPy would put an expanded axis last


def contiguous(x: Value) -> Value:
    """x itself if its memory is in row-major order, else a copy that is."""
    array = x._array if isinstance(x, Traced) else x
    return x if array.flags.c_contiguous else copy_in_rows(x)


@op(analytic=True)
def copy_in_rows(x: Value, /) -> Value:
    """A copy of x whose memory is in row-major order."""
    return x.copy()


@op(analytic=True)
def alias(x: Value, /) -> Value:
    """x itself as a new node of the graph: a gradient with respect to it counts only this use of x."""
    return x


@clone.backward
@copy_in_rows.backward
@alias.backward
def _(g: Value) -> Value:
    return g


# --- comparisons and other ops that are not differentiable --------------------------------------------------


@op(differentiable=False)
def eq(a: Value, b: Value, /) -> Value:
    """a == b, broadcast, as bools."""
    return xp(a, b).equal(a, b)


@op(differentiable=False)
def ne(a: Value, b: Value, /) -> Value:
    """a != b, broadcast, as bools."""
    return xp(a, b).not_equal(a, b)


@op(differentiable=False)
def lt(a: Value, b: Value, /) -> Value:
    """a < b, broadcast, as bools."""
    return xp(a, b).less(a, b)


@op(differentiable=False)
def le(a: Value, b: Value, /) -> Value:
    """a <= b, broadcast, as bools."""
    return xp(a, b).less_equal(a, b)


@op(differentiable=False)
def gt(a: Value, b: Value, /) -> Value:
    """a > b, broadcast, as bools."""
    return xp(a, b).greater(a, b)


@op(differentiable=False)
def ge(a: Value, b: Value, /) -> Value:
    """a >= b, broadcast, as bools."""
    return xp(a, b).greater_equal(a, b)


@op(differentiable=False)
def logical_and(a: Value, b: Value, /) -> Value:
    """Whether both are true, broadcast; numbers other than 0 are true. For bools also a & b."""
    return xp(a, b).logical_and(a, b)


@op(differentiable=False)
def logical_or(a: Value, b: Value, /) -> Value:
    """Whether a or b is true, broadcast; numbers other than 0 are true. For bools also a | b."""
    return xp(a, b).logical_or(a, b)


@op(differentiable=False)
def logical_xor(a: Value, b: Value, /) -> Value:
    """Whether exactly one is true, broadcast; numbers other than 0 are true. For bools also a ^ b."""
    return xp(a, b).logical_xor(a, b)


@op(differentiable=False)
def logical_not(x: Value, /) -> Value:
    """Whether x is false or 0. For bools also ~x."""
    return xp(x).logical_not(x)


@op(differentiable=False)
def isnan(x: Value, /) -> Value:
    """Whether each element is nan."""
    return xp(x).isnan(x)


@op(differentiable=False)
def isinf(x: Value, /) -> Value:
    """Whether each element is inf or -inf."""
    return xp(x).isinf(x)


@op(differentiable=False)
def isfinite(x: Value, /) -> Value:
    """Whether each element is neither nan nor infinite."""
    return xp(x).isfinite(x)
