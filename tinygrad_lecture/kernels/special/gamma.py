"""The logarithm of the gamma function and its derivatives, computed in float64.

Each is shifted to large arguments with its recurrence, for example log Γ(x) = log Γ(x + 1) - log x, and computed there
with its asymptotic series, whose coefficients are Bernoulli numbers (DLMF 5.11.1, 5.11.2 and 25.11.43). Negative
arguments are reflected: Γ(x) Γ(1 - x) = pi / sin(pi x), DLMF 5.5.3. The absolute error is about 1e-14.
"""

from __future__ import annotations

import math

import numpy as np

from ...backend import Array, xp
from .erf import polynomial

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # B2, B4, ...
SHIFT = 9  # from here on the series are exact to float64


def lgamma(x: Array) -> Array:
    """log |Γ(x)|; inf at 0, -1, -2, ..."""
    lib = xp(x)
    x = x.astype(np.float64)
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


def digamma(x: Array) -> Array:
    """The derivative of log Γ(x); -inf at 0, inf at -0.0, nan at -1, -2, ..."""
    lib = xp(x)
    x = x.astype(np.float64)
    z = lib.where(x < 0.5, 1 - x, x)
    total, large = lib.zeros_like(z), z
    for _ in range(SHIFT):
        small = large < SHIFT
        total = lib.where(small, total - 1 / lib.where(small, large, 1), total)
        large = lib.where(small, large + 1, large)
    series = lib.log(large) - 0.5 / large
    for k, b in enumerate(BERNOULLI, 1):
        series = series - b / (2 * k) * large ** (-2 * k)
    sine = _sine_of_pi(x)
    cotangent = _sine_of_pi(x + 0.5) / lib.where(sine == 0, 1, sine)
    at_a_pole = lib.where(x == 0, lib.copysign(np.inf, -x), np.nan)
    left = lib.where((sine == 0) | lib.isinf(x), at_a_pole, series + total - math.pi * cotangent)
    return lib.where(x < 0.5, left, series + total)


def polygamma(n: int, x: Array) -> Array:
    """The derivative of order n of digamma(x), n >= 1: (-1)^(n+1) n! times Hurwitz's zeta; inf or,
    for an even n, -inf at 0, -1, -2, ..."""
    lib = xp(x)
    x = x.astype(np.float64)
    z = lib.where(x < 0.5, 1 - x, x)
    s = n + 1
    total = lib.zeros_like(z)
    for k in range(SHIFT):
        total = total + (z + k) ** float(-s)
    large = z + SHIFT
    total = total + large ** float(1 - s) / (s - 1) + 0.5 * large ** float(-s)
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
    left = lib.where(sine == 0, at_a_pole, (-1) ** n * right - math.pi * slope)
    return lib.where(x < 0.5, left, right)


def _sine_of_pi(x: Array) -> Array:
    """sin(pi x), exactly 0 at integers."""
    lib = xp(x)
    x = lib.where(lib.isfinite(x), x, 0)
    near = x - lib.rint(x)
    turned = lib.remainder(lib.rint(x), 2)
    return lib.where(turned == 1, -1, 1) * lib.sin(math.pi * near)
