"""Special functions of a statistics textbook: the error function's complement and inverse, log Γ and derivatives."""

from __future__ import annotations

import math

from ...autograd.op import Value, op
from ...kernels.special import erf as erf_kernels
from ...kernels.special import gamma as gamma_kernels
from ..composite import composite
from ..elementwise import as_floats, clip, exp, log, log1p, where

__all__ = ["digamma", "erfc", "erfinv", "lgamma", "logit", "polygamma", "xlogy"]


@op
def erfc(x: Value, /) -> Value:
    """1 - erf(x), accurate where that is tiny (DLMF 7.2.2)."""
    return erf_kernels.erfc(x)


@erfc.backward
def _(g: Value, x: Value) -> Value:
    return g * (-2 / math.pi**0.5) * exp(-x * x)


@op
def erfinv(x: Value, /) -> Value:
    """The number whose error function is x; inf at 1, nan where |x| > 1. The gradient at -1 and 1 is inf."""
    return erf_kernels.erfinv(x)


@erfinv.backward
def _(g: Value, out: Value) -> Value:
    return g * (math.pi**0.5 / 2) * exp(out * out)  # 1 over the derivative of erf there


@op
def lgamma(x: Value, /) -> Value:
    """log |Γ(x)|, of which log((n - 1)!) is the value at n; inf at 0, -1, -2, ..."""
    return _in_own_dtype(gamma_kernels.lgamma, x)


@lgamma.backward
def _(g: Value, x: Value) -> Value:
    return g * digamma(x)


@op
def digamma(x: Value, /) -> Value:
    """The derivative of log Γ(x); -inf at 0, nan at -1, -2, ..."""
    return _in_own_dtype(gamma_kernels.digamma, x)


@digamma.backward
def _(g: Value, x: Value) -> Value:
    return g * derivative_of_digamma(x, 1)


@composite
def polygamma(n: int, x: Value) -> Value:
    """The derivative of order n of digamma(x), for n = 0, 1, 2, ...

    At 0, -1, -2, ... it is inf for an odd n and -inf for an even n >= 2; for n = 0 see `digamma`.

    Raises ValueError for a negative n.

        tl.polygamma(1, tl.tensor(1.0))         # tensor(1.6449)
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, not {n}")
    return derivative_of_digamma(x, n) if n else digamma(x)


@op
def derivative_of_digamma(x: Value, /, n: int) -> Value:
    """The derivative of order n of digamma(x), n >= 1."""
    return _in_own_dtype(lambda x: gamma_kernels.polygamma(n, x), x)


@derivative_of_digamma.backward
def _(g: Value, x: Value, n: int) -> Value:
    return g * derivative_of_digamma(x, n + 1)


def _in_own_dtype(kernel: Value, x: Value) -> Value:
    """What a kernel, which computes in float64, returns, in x's dtype if that is a float."""
    out = kernel(x)
    return out.astype(x.dtype) if x.dtype.kind == "f" else out


@composite
def logit(x: Value, eps: float | None = None) -> Value:
    """log(x / (1 - x)), the inverse of sigmoid; -inf at 0, inf at 1, nan outside. eps: clip x to [eps, 1 - eps] first.

    tl.logit(tl.tensor([0.5, 0.75]))        # tensor([0.0000, 1.0986])
    """
    x = as_floats(x)
    return log_odds(x if eps is None else clip(x, eps, 1 - eps))


@op(analytic=True)
def log_odds(x: Value, /) -> Value:
    """log(x / (1 - x)): `logit`. Its gradient is nan outside of [0, 1]."""
    return log(x) - log1p(-x)


@log_odds.backward
def _(g: Value, x: Value) -> Value:
    return g / where((x < 0) | (x > 1), math.nan, x * (1 - x) + 0.0)  # at -0, 0 and not -0


@op
def xlogy(x: Value, y: Value, /) -> Value:
    """x * log(y), broadcast; 0 where x is 0, as in an entropy, also at y = 0 and inf.

    The gradients where x is 0: log(y) with respect to x, but 0 where y <= 0; 0 with respect to y.

        tl.xlogy(tl.tensor([0.0, 2.0]), tl.tensor([0.0, 1.0]))      # tensor([0., 0.])
    """
    logs = log(_positive(x, y))
    return x * where((x == 0) & (logs == math.inf), 0, logs)


@xlogy.backward("x")
def _(g: Value, x: Value, y: Value) -> Value:
    return g * log(_positive(x, y))


@xlogy.backward("y")
def _(g: Value, x: Value, y: Value) -> Value:
    return g * (x / _positive(x, y))


def _positive(x: Value, y: Value) -> Value:
    """y, but 1 where x is 0 and y has no logarithm."""
    if isinstance(y, (int, float)):
        return where(x == 0, 1.0, y) if y <= 0 else float(y)
    return where((x == 0) & (y <= 0), 1, as_floats(y))
