"""Elementwise ops: each result element depends on one element of each input, after broadcasting.

Where there is no derivative, the docstring names the subgradient. The first of these ops are in `basics.py`. Below
those that are written out, a table: each entry is an op whose value NumPy computes; above its name stand the rule and,
where NumPy's name is another, that. At the end come comparisons, logic and bits, whose results have no gradient.
"""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate

import numpy as np

from ..autograd.op import Op, Value, op
from ..autograd.op_definition import P, Rule
from ..backend import xp
from ..errors import refuse_several
from ..kernels import gelu
from ..tensor_base import TensorBase, array_of
from .basics import add, exp, mul, where
from .composite import composite

__all__ = [
    "abs", "allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clip", "cos", "div", "eq",
    "erf", "expm1", "floor", "floor_divide", "ge", "gt", "isclose", "isfinite", "isinf", "isnan", "le", "leaky_relu",
    "log", "log1p", "log2", "log10", "logical_and", "logical_not", "logical_or", "lt", "maximum", "minimum", "ne",
    "neg", "pow", "remainder", "round", "rsqrt", "sigmoid", "sign", "silu", "sin", "sqrt", "square", "sub", "tanh",
]  # fmt: skip


@op(analytic=True)
def sub(a: Value, b: Value, /) -> Value:
    """a - b, broadcast. Raises TypeError for two tensors of bools."""
    return xp(a, b).subtract(a, b)


@sub.backward("a")
def _(g: Value) -> Value:
    return g


@sub.backward("b")
def _(g: Value) -> Value:
    return -g


@op(analytic=True)
def div(a: Value, b: Value, /, *, rounding_mode: str | None = None) -> Value:
    """a / b, broadcast; integers give floats, and division by 0 gives inf or nan.

    rounding_mode="floor" rounds down, and is a // b; "trunc" rounds towards 0. Integers then give integers.
    """
    return xp(a, b).true_divide(a, b)


@div.backward("a")
def _(g: Value, b: Value) -> Value:
    return g / b


@div.backward("b")
def _(g: Value, b: Value, out: Value) -> Value:
    return -g * out / b  # d(a/b)/db = -a/b² = -(a/b)/b


@op(analytic=True)
def sigmoid(x: Value, /) -> Value:
    """The logistic function 1 / (1 + exp(-x)), elementwise, between 0 and 1.

    Computed as exp(x) / (exp(x) + 1), which is accurate for negative x too, and without overflow. As an activation:
    Rumelhart, Hinton & Williams, Nature 323, 1986.
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


@op(analytic=True)
def tanh(x: Value, /) -> Value:
    """The hyperbolic tangent (exp(x) - exp(-x)) / (exp(x) + exp(-x)), elementwise, between -1 and 1.

    As an activation: LeCun et al., Efficient BackProp, 1998.
    """
    return xp(x).tanh(x)


@tanh.backward
def _(g: Value, out: Value) -> Value:
    return g * (1 - out * out)  # d tanh(x)/dx = 1 - tanh²(x)


def scaled(x: Value, factor: Any) -> Value:
    """factor * x; x itself for the number 1, but not for a tensor, which may require grad.

    For integers a number counts without what is behind its point, as in PyTorch's addmm.
    """
    factor = int(factor) if isinstance(factor, float) and x.dtype.kind in "iu" else factor
    return x if not isinstance(factor, TensorBase) and factor == 1 else mul(x, factor)


add.option("alpha")(lambda a, b, alpha: add(a, mul(b, alpha)))  # PyTorch's argument of both: a + alpha * b
sub.option("alpha")(lambda a, b, alpha: sub(a, mul(b, alpha)))


@sub.explains
def _(a: Value, b: Value) -> str | None:
    if a.dtype == b.dtype == bool:
        return "bools cannot be subtracted; write a ^ b for where they differ, or convert with .float()"
    return None


@div.option("rounding_mode")
def _(a: Value, b: Value, rounding_mode: str | None) -> Value:
    if rounding_mode is None:
        return div(a, b)
    if rounding_mode not in ("floor", "trunc"):
        raise ValueError(f'div: rounding_mode must be "floor", "trunc" or None, not {rounding_mode!r}')
    return (floor_divide if rounding_mode == "floor" else trunc_divide)(a, b)


# --- activations ---------------------------------------------------------------------------------------------


@op
def leaky_relu(x: Value, /, negative_slope: float = 0.01) -> Value:
    """x where x > 0, else negative_slope * x, elementwise; the subgradient at 0 is negative_slope."""
    return xp(x).where(x > 0, x, negative_slope * x)


@leaky_relu.backward
def _(g: Value, x: Value, negative_slope: Any) -> Value:
    return where(x > 0, g, negative_slope * g)


@op(analytic=True)
def silu(x: Value, /) -> Value:
    """x * sigmoid(x), elementwise, also known as swish (Elfwing et al., arXiv:1702.03118)."""
    return x * sigmoid.forward(x)


@silu.backward
def _(g: Value, x: Value) -> Value:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))  # product rule, with ds/dx = s (1 - s)


# --- the table of derivatives --------------------------------------------------------------------------------


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
without_rules = functools.partial(computed, ())  # results never require grad


def zero(g: Value) -> Value:
    """The rule of steps: the gradient is 0."""
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


# --- powers and division -------------------------------------------------------------------------------------


@composite
def square(x: Value) -> Value:
    """x * x, elementwise; bools give int64."""
    return x * x if x.dtype.kind != "b" else x * 1


@op(analytic=True)
def pow(x: Value, y: Value, /) -> Value:
    """x ** y, broadcast, differentiable with respect to both.

    Subgradients: with respect to x, `x ** 0` has gradient 0 everywhere, also at x = 0; with respect to y, the gradient
    is 0 where x = 0 and y >= 0. A negative x has no real derivative with respect to y: its gradient is nan, as in
    PyTorch, also where the power rounds to 0. Raises ValueError for integers to a negative power.
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
    return g * (y * x ** where((y == 0) & ((x == 0) | (x != x)), 0, y - 1))  # there 0 * x ** -1 would be nan


@pow.backward("y")
def _(g: Value, x: Value, y: Value, out: Value) -> Value:
    if isinstance(x, (int, float)) and x > 0:
        return g * (out * math.log(x))
    limit = ((out == 0) & (x >= 0)) | ((x == 0) & (y == 0))
    return g * out * log(where(limit, 1, x))  # log(1) = 0, the limit of out * log(x)


def divided(name: str, a: Any, b: Any) -> Any:
    """A function of NumPy's that divides, of arrays. Raises ValueError for integers divided by 0: NumPy would give 0.
    On a GPU the check would wait."""
    lib = xp(a, b)
    if lib is np and np.result_type(a, b).kind in "iu" and not np.all(b):
        raise ValueError("integers are divided by 0")
    return getattr(lib, name)(a, b)


@computed(
    (lambda g: g, lambda g, x, y: -g * floor_divide(x, y)),  # type: ignore[has-type]
    functools.partial(divided, "remainder"),
)
def remainder(x: Value, y: Value, /) -> Value:
    """x % y with the sign of y, as in Python: x - y * floor(x / y), broadcast.

    Its derivatives are 1 with respect to x and -(x // y) with respect to y, also where it jumps: at integer x / y.
    """


@computed((zero, zero), functools.partial(divided, "floor_divide"))
def floor_divide(a: Value, b: Value, /) -> Value:
    """a // b, broadcast: a / b rounded down; its gradient is 0. Raises ValueError for integers divided by 0."""


@op
def trunc_divide(a: Value, b: Value, /) -> Value:
    """a / b rounded towards 0, broadcast; its gradient is 0. Raises ValueError for integers divided by 0."""
    down = divided("floor_divide", a, b)
    if down.dtype.kind == "f":
        return xp(a, b).trunc(xp(a, b).true_divide(a, b))
    return down + ((down < 0) & (down * b != a))  # a negative quotient was rounded away from 0


trunc_divide.backward("a", "b")(zero)


# --- exponentials, logarithms and roots ----------------------------------------------------------------------


@smooth(lambda g, out: g * (out + 1))
def expm1(x: Value, /) -> Value:
    """exp(x) - 1, elementwise, accurate near 0."""


@smooth(lambda g, x: g / x)
def log(x: Value, /) -> Value:
    """The natural logarithm, elementwise; -inf at 0, nan for negative x."""


@smooth(lambda g, x: g / (1 + x))
def log1p(x: Value, /) -> Value:
    """log(1 + x), elementwise, accurate near 0."""


@smooth(lambda g, x: g / (x * math.log(2)))
def log2(x: Value, /) -> Value:
    """The logarithm to base 2, elementwise; -inf at 0, nan for negative x."""


@smooth(lambda g, x: g / (x * math.log(10)))
def log10(x: Value, /) -> Value:
    """The logarithm to base 10, elementwise; -inf at 0, nan for negative x."""


@smooth(lambda g, out: 0.5 * g / out)
def sqrt(x: Value, /) -> Value:
    """The square root, elementwise; nan for negative x. The gradient at 0 is inf."""


@smooth(lambda g, out: where(out == 0, 0, 0.5 * g / where(out == 0, 1, out)), "sqrt")  # no inf in the other branch
def root(x: Value, /) -> Value:
    """The square root with subgradient 0 at 0, where `sqrt` has inf; used by `norm` and `std`."""


@smooth(lambda g, out: -0.5 * g * out * out * out, lambda x: xp(x).true_divide(1, xp(x).sqrt(x)))  # -x^(-3/2) / 2
def rsqrt(x: Value, /) -> Value:
    """1 / sqrt(x), elementwise; inf at 0, nan for negative x."""


# --- trigonometric and hyperbolic functions ------------------------------------------------------------------


@smooth(lambda g, x: g * cos(x))  # type: ignore[has-type]
def sin(x: Value, /) -> Value:
    """The sine of an angle in radians, elementwise."""


@smooth(lambda g, x: -g * sin(x))
def cos(x: Value, /) -> Value:
    """The cosine of an angle in radians, elementwise."""


@computed(lambda g, x: g * (2 / math.pi**0.5) * exp(-x * x), gelu.erf)
def erf(x: Value, /) -> Value:
    """The error function, elementwise: 2/sqrt(pi) times the integral of exp(-t²) from 0 to x (DLMF 7.2.1)."""


# --- two inputs ----------------------------------------------------------------------------------------------


def larger(g: Value, a: Value, b: Value) -> Value:
    """The rule of a maximum: the gradient where a is larger than b or one is nan, half of it where they are equal."""
    return where(a < b, 0, where(a == b, 0.5 * g, g))


@computed((larger, lambda g, a, b: larger(g, b, a)))
def maximum(a: Value, b: Value, /) -> Value:
    """The larger of a and b, broadcast; where they are equal, each gets half of the gradient, where one is nan all."""


@computed((lambda g, a, b: larger(g, b, a), larger))
def minimum(a: Value, b: Value, /) -> Value:
    """The smaller of a and b, broadcast; where they are equal, each gets half of the gradient, where one is nan all."""


# --- absolute value, rounding and limits ---------------------------------------------------------------------


@smooth(lambda g: -g, "negative")
def neg(x: Value, /) -> Value:
    """-x, elementwise. Raises TypeError for bools."""


@neg.explains
def _(x: Value) -> str | None:
    return "bools have no negative; write ~x for not, or convert with .float()" if x.dtype == bool else None


@computed(zero, lambda x: x.copy() if x.dtype.kind == "b" else xp(x).subtract(x > 0, x < 0, dtype=x.dtype))
def sign(x: Value, /) -> Value:
    """-1, 0 or 1, elementwise, of bools themselves, and 0 of nan, as in PyTorch; its gradient is 0."""


@computed(lambda g, x: where(x == 0, 0, g * sign(x)))
def abs(x: Value, /) -> Value:
    """|x|, elementwise; the subgradient at 0 is 0, and the gradient of a nan."""


@computed(zero)
def floor(x: Value, /) -> Value:
    """x rounded down to an integer, elementwise; its gradient is 0."""


@computed(zero)
def ceil(x: Value, /) -> Value:
    """x rounded up to an integer, elementwise; its gradient is 0."""


@op
def round(x: Value, /) -> Value:
    """x rounded to the nearest integer, elementwise, halves to the even one; its gradient is 0.

    By name, `decimals` is the number of digits to keep after the point, or below 0 to drop before it.
    """
    return xp(x).rint(x) if x.dtype.kind == "f" else x.copy()


@round.option("decimals")
def _(x: Value, decimals: int) -> Value:
    scale = 10.0 ** builtins.abs(decimals)
    if decimals == 0:
        return round(x)
    return div(round(mul(x, scale)), scale) if decimals > 0 else mul(round(div(x, scale)), scale)


round.backward(zero)


@composite
def clip(x: Value, /, min: Value = None, max: Value = None) -> Value:
    """x limited to [min, max]: max(x, min) and then min(x, max). Also called `clamp`, as in PyTorch.

    min, max: numbers, or tensors that broadcast to x; None for no bound. Raises TypeError for other bounds.
    Subgradient: the gradient passes to x inside and at the bounds, and outside to the bound if it is a tensor. Where x
    or a bound is nan, so is the result, and nothing gets a gradient, as in PyTorch.

        tl.clip(tl.tensor([-2.0, 0.5, 2.0]), min=-1, max=1)     # tensor([-1.0000,  0.5000,  1.0000])
    """
    refuse_several("clip", (min, max))
    if isinstance(min, TensorBase) or isinstance(max, TensorBase):
        x = x if min is None else where(x >= min, x, where(x < min, min, array_of(x + min)))  # a nan
        return x if max is None else where(x <= max, x, where(x > max, max, array_of(x + max)))
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
        g = where(x >= min, g, 0)
    if max is not None:
        g = where(x <= max, g, 0)
    return g


# --- kinds of numbers ----------------------------------------------------------------------------------------


@without_rules()
def isnan(x: Value, /) -> Value:
    """Whether x is nan, elementwise, as bools."""


@without_rules()
def isinf(x: Value, /) -> Value:
    """Whether x is inf or -inf, elementwise, as bools."""


@without_rules()
def isfinite(x: Value, /) -> Value:
    """Whether x is neither nan nor infinite, elementwise, as bools."""


# --- comparisons and logic -------------------------------------------------------------------------------------


@without_rules("equal")
def eq(a: Value, b: Value, /) -> Value:
    """a == b, broadcast, as bools."""


@without_rules("not_equal")
def ne(a: Value, b: Value, /) -> Value:
    """a != b, broadcast, as bools."""


@without_rules("less")
def lt(a: Value, b: Value, /) -> Value:
    """a < b, broadcast, as bools."""


@without_rules("less_equal")
def le(a: Value, b: Value, /) -> Value:
    """a <= b, broadcast, as bools."""


@without_rules("greater")
def gt(a: Value, b: Value, /) -> Value:
    """a > b, broadcast, as bools."""


@without_rules("greater_equal")
def ge(a: Value, b: Value, /) -> Value:
    """a >= b, broadcast, as bools."""


@without_rules()
def logical_and(a: Value, b: Value, /) -> Value:
    """Whether both are true, broadcast; numbers other than 0 are true. For bools also a & b."""


@without_rules()
def logical_or(a: Value, b: Value, /) -> Value:
    """Whether a or b is true, broadcast; numbers other than 0 are true. For bools also a | b."""


@without_rules()
def logical_not(x: Value, /) -> Value:
    """Whether x is false or 0, elementwise. For bools also ~x."""


@op(differentiable=False)
def isclose(a: Value, b: Value, /, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    """Whether |a - b| <= atol + rtol * |b| for each pair of elements, broadcast, as bools.

    rtol, atol: the relative and the absolute tolerance.  equal_nan: whether two nans are close; by default not.
    An infinity is close to itself alone.

        tl.isclose(tl.tensor([1.0, 2.0]), tl.tensor([1.000001, 2.1]))       # tensor([ True, False])
    """
    return xp(a, b).isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


@composite
def allclose(a: Value, b: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether `isclose` holds for all elements of a and b, broadcast, as one bool: the usual test of equal results.

    rtol, atol: the relative and the absolute tolerance.  equal_nan: whether two nans are close; by default not.

        tl.allclose(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 2.00001]))       # True
    """
    close = isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return bool(array_of(close).all())


# --- bits: `& | ^ ~` on integers and, as logic, on bools ------------------------------------------------------


@without_rules()
def bitwise_and(a: Value, b: Value, /) -> Value:
    """a & b, broadcast: the bits that are 1 in both; for bools, whether both are true. Raises TypeError for floats.

    tl.bitwise_and(tl.tensor([5, 6]), 3)        # tensor([1, 2])
    """


@without_rules()
def bitwise_or(a: Value, b: Value, /) -> Value:
    """a | b, broadcast: the bits that are 1 in a or b; for bools, whether one is true. Raises TypeError for floats."""


@without_rules()
def bitwise_xor(a: Value, b: Value, /) -> Value:
    """a ^ b, broadcast: the bits that differ; for bools, whether exactly one is true. Raises TypeError for floats."""


@without_rules("invert")
def bitwise_not(x: Value, /) -> Value:
    """~x, elementwise: every bit inverted, -x - 1 for a signed integer; for bools, whether x is false.

    Raises TypeError for floats.
    """


@bitwise_and.explains
@bitwise_or.explains
@bitwise_xor.explains
@bitwise_not.explains
def _(*operands: Value) -> str | None:
    strange = next((x.dtype for x in operands if x.dtype.kind not in "iub"), None)
    remedy = "compare first, in parentheses, as in (x > 0) & (y > 0)"
    return strange and f"& | ^ ~ take bools and integers, not {strange}; {remedy}"
