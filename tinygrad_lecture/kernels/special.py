"""The error function and the gamma function, which NumPy lacks, with their relatives, from polynomials and series.

All take float arrays and return their dtype; integers give float64. float16 is computed in float32 or float64.

erf takes additions, multiplications and one exp per element. With u running over [-1, 1], and P and Q polynomials in u,

    |x| < 1:   erf(x) = x P(u),                        u = 2 x² - 1
    else:      erf(x) = sign(x) (1 - exp(-x²) Q(u)),   u linear in 1 / (1 + |x|)

P approximates erf(x)/x and Q approximates exp(x²) erfc(x). The coefficients come from Chebyshev interpolation at 200
nodes in 40 digits, truncated and rewritten in powers of u. Largest relative error against a 40-digit reference: 1.6e-7
in float32, 2.6e-16 in float64.

The logarithm of the gamma function and its derivatives are computed in float64.
Each is shifted to large arguments with its recurrence, for example log Γ(x) = log Γ(x + 1) - log x, and computed there
with its asymptotic series, whose coefficients are Bernoulli numbers (DLMF 5.11.1, 5.11.2 and 25.11.43). Negative
arguments are reflected: Γ(x) Γ(1 - x) = pi / sin(pi x), DLMF 5.5.3. The absolute error is about 1e-14.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..backend import Array, DType, xp
from .threads import in_pieces


def computed(dtype: Callable[[DType], DType]) -> Callable[[Any], Any]:
    """Decorate a function of an array: it is computed in dtype(that of the array), and returned in the array's."""

    def decorate(function: Callable[..., Array]) -> Callable[..., Array]:
        @functools.wraps(function)
        def call(x: Any, *settings: Any) -> Array:
            x = xp(x).asarray(x)
            out = function(x.astype(dtype(x.dtype) if x.dtype.kind == "f" else np.float64, copy=False), *settings)
            return out.astype(x.dtype, copy=False) if x.dtype.kind == "f" else out

        return call

    return decorate


in_floats = computed(lambda dtype: np.promote_types(dtype, np.float32))
in_float64 = computed(lambda dtype: np.dtype(np.float64))

# --- the error function -------------------------------------------------------------------------------------


class Fit(NamedTuple):
    """The polynomials of erf for a dtype."""

    p: tuple[float, ...]  # lowest power first
    q: tuple[float, ...]
    end: float  # beyond it erf rounds to 1


_FITS = {
    "float32": Fit(
        p=(9.654687771e-01, -1.405360973e-01, 1.985180493e-02, -2.285419529e-03, 2.193594500e-04, -1.766908081e-05),
        q=(2.715528216e-01, 1.466376366e-01, 1.085418551e-02, -1.386819571e-03, -1.154297004e-04, 4.125832215e-05),
        end=4.0,
    ),
    "float64": Fit(
        p=(
            0.9654687386698673, -0.1405360890227171, 0.019852496688983708, -0.0022854855611441132,
            0.00021751715604160108, -1.7537169441124826e-05, 1.223382738352401e-06,
            -7.51156928660089e-08, 4.11580059766496e-09, -2.035228404899467e-10,
            9.167606746069445e-12, -3.8078827395263415e-13, 1.454817075960679e-14,
        ),
        q=(
            0.24402507744132426, 0.16947097195130426, 0.016466202800370033, -0.002170378161028467,
            -0.00030971232519966653, 0.00010776601398781736, -2.6236616629246487e-06,
            -4.8789614346686765e-06, 1.2089481304704936e-06, 1.1743593023460483e-09,
            -8.035478580100447e-08, 2.361767709605347e-08, -1.4550866175385827e-09,
            -1.368043059674638e-09, 6.050341890617286e-10, -1.0462020568051079e-10,
            -1.6803787857927412e-11, 1.5432244526888716e-11, -3.1474667109884315e-12,
        ),
        end=6.0,
    ),
}  # fmt: skip


def _fit(x: Array) -> Fit:
    return _FITS["float32" if x.dtype == np.float32 else "float64"]


@in_floats
def erf(x: Array) -> Array:
    """erf of each element, in x's float dtype. Computes float16 in float32; integers give float64.

    longdouble gets the accuracy of float64, without its rounding.
    """
    out, fit = xp(x).empty_like(x), _fit(x)
    in_pieces(lambda y, z: _erf(z, fit, out=y), out, x, read=(1,))
    return out


def _erf(x: Array, fit: Fit, out: Array) -> None:
    """Both formulas for all elements, each times 1 where it holds and 0 elsewhere: selecting would cost far more."""
    lib = xp(x)
    size = lib.abs(x)

    z = lib.minimum(size, 1)
    u = z * z
    u *= 2
    u -= 1
    inner = polynomial(fit.p, u)
    inner *= z

    outer = _scaled_erfc(size, fit)
    outer *= lib.exp(-size * size)  # not of y: in longdouble erf is not 1 yet at the end
    outer = 1 - outer

    holds = (size < 1).astype(x.dtype)
    inner *= holds
    outer *= 1 - holds
    inner += outer
    lib.copysign(inner, x, out=out)


def _scaled_erfc(size: Array, fit: Fit) -> Array:
    """exp(x²) erfc(x) for x = size, from 1 to the end."""
    low, high = 1 / (fit.end + 1), 0.5
    u = (2 / (high - low)) / (xp(size).clip(size, 1, fit.end) + 1)
    u -= 2 * low / (high - low) + 1
    return polynomial(fit.q, u)


def polynomial(coefficients: tuple[float, ...], u: Array) -> Array:
    """The polynomial at u by Horner's rule, in one array. coefficients: lowest power first."""
    total = u * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        total += coefficient
        total *= u
    total += coefficients[0]
    return total


@in_floats
def erfc(x: Array) -> Array:
    """1 - erf(x) of each element, accurate where that is tiny; dtypes as in `erf`."""
    lib = xp(x)
    tail = _tail(lib.abs(x)) * lib.exp(-x * x)
    return lib.where(lib.abs(x) < 1, 1 - erf(x), lib.where(x < 0, 2 - tail, tail))


def _tail(size: Array) -> Array:
    """exp(x²) erfc(x) for x = size, at least 1."""
    lib = xp(size)
    fit = _fit(size)
    far = lib.maximum(size, fit.end)
    for k in range(24, 0, -1):  # the continued fraction DLMF 7.9.4, from the inside
        far = lib.maximum(size, fit.end) + 0.5 * k / far
    return lib.where(size < fit.end, _scaled_erfc(size, fit), 1 / (np.pi**0.5 * far))


@in_float64
def erfinv(y: Array) -> Array:
    """The x with erf(x) = y: inf at 1, nan beyond.

    Starts from Winitzki's formula (2008), which is right to 0.2%; each of two steps of Halley triples the digits.
    """
    lib = xp(y)
    a = lib.abs(y)
    inside = lib.where(a < 1, a, 0)
    below = lib.log1p(-inside * inside)
    c = 2 / (np.pi * 0.147) + below / 2
    x = lib.sqrt(lib.sqrt(c * c - below / 0.147) - c)
    for _ in range(2):
        error = lib.where(inside < 0.5, erf(x) - inside, (1 - inside) - erfc(x))
        step = error / (2 / np.pi**0.5 * lib.exp(-x * x))
        x = x - step / (1 + x * step)
    x = lib.where(a < 1, x, lib.where(a == 1, np.inf, np.nan))
    return lib.copysign(x, y)


# --- the gamma function -------------------------------------------------------------------------------------

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # B2, B4, ...
SHIFT = 9  # from here on the series are exact to float64


@in_float64
def lgamma(x: Array) -> Array:
    """log |Γ(x)|; inf at 0, -1, -2, ..."""
    lib = xp(x)
    z = lib.where(x < 0.5, 1 - x, x)
    product, large = lib.ones_like(z), z
    for _ in range(SHIFT):
        small = large < SHIFT
        product = lib.where(small, product * large, product)
        large = lib.where(small, large + 1, large)
    finite = lib.where(lib.isinf(large), 1, large)
    series = (finite - 0.5) * lib.log(finite) - finite + 0.5 * math.log(2 * math.pi)
    for k, b in enumerate(BERNOULLI, 1):
        series = series + b / (2 * k * (2 * k - 1)) * finite ** (1 - 2 * k)
    right = lib.where(lib.isinf(large), large, series - lib.log(product))
    sine = lib.abs(_sine_of_pi(x))
    left = math.log(math.pi) - lib.log(lib.where(sine == 0, 1, sine)) - right
    left = lib.where((sine == 0) | lib.isinf(x), np.inf, left)  # a pole
    return lib.where(x < 0.5, left, right)


def digamma(x: Any) -> Array:
    """The derivative of log Γ(x); -inf at 0, inf at -0.0, nan at -1, -2, ..."""
    return polygamma(x, 0)


@in_float64
def polygamma(x: Array, n: int) -> Array:
    """The derivative of order n of digamma(x), for n >= 1 (-1)^(n+1) n! times Hurwitz's zeta; inf or, for an even n,
    -inf at 0, -1, -2, ..."""
    lib = xp(x)
    z = lib.where(x < 0.5, 1 - x, x)
    s = n + 1
    large = z + SHIFT
    total = sum((z + k) ** float(-s) for k in range(SHIFT))
    integral = large ** float(-n) / n if n else -lib.log(large)
    total = total + integral + 0.5 * large ** float(-s)
    rising = float(s)  # s (s + 1) ... (s + 2k - 2)
    for k, b in enumerate(BERNOULLI, 1):
        total = total + b / math.factorial(2 * k) * rising * large ** float(-s - 2 * k + 1)
        rising *= (s + 2 * k - 1) * (s + 2 * k)
    right = (-1) ** (n + 1) * math.factorial(n) * total
    sine = _sine_of_pi(x)
    cotangent = _sine_of_pi(x + 0.5) / lib.where(sine == 0, 1, sine)
    coefficients = np.array([0.0, 1.0])  # of the derivatives of c = cot(pi x), polynomials in c: dc/dx = -pi (1 + c²)
    for _ in range(n):
        coefficients = -math.pi * np.convolve(coefficients[1:] * np.arange(1, len(coefficients)), [1, 0, 1])
    slope = polynomial(tuple(coefficients.tolist()), cotangent)
    at_a_pole = lib.where(lib.isinf(x), np.nan, (-1) ** (n + 1) * np.inf)
    at_a_pole = at_a_pole if n else lib.where(x == 0, lib.copysign(np.inf, -x), np.nan)
    left = lib.where(sine == 0, at_a_pole, (-1) ** n * right - math.pi * slope)
    return lib.where(x < 0.5, left, right)


def _sine_of_pi(x: Array) -> Array:
    """sin(pi x), exactly 0 at integers."""
    lib = xp(x)
    x = lib.where(lib.isfinite(x), x, 0)
    near = x - lib.rint(x)
    turned = lib.remainder(lib.rint(x), 2)
    return lib.where(turned == 1, -1, 1) * lib.sin(math.pi * near)
