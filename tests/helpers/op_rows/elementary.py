"""Rows of the elementary functions beyond the lecture's: special functions, signs and steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

import strategies as some
from op_table import remainders, row, special, unary, with_setting
from strategies import Array, Draw, Sample


def each(function: Any) -> Any:
    """The function of a number, on arrays."""
    return lambda x: np.asarray(np.vectorize(function, otypes=[float])(x))


def euler_digamma(x: float) -> float:
    """By its series, DLMF 5.7.6, with the tail as an integral (Euler and Maclaurin)."""
    n = 2000
    k = np.arange(n)
    tail = math.log(n + x) - math.log(n + 1) - 0.5 / (n + x) + 0.5 / (n + 1)
    tail += -1 / (12 * (n + x) ** 2) + 1 / (12 * (n + 1) ** 2)
    return float(-np.euler_gamma + np.sum(1 / (k + 1) - 1 / (k + x)) + tail)


def zeta(s: int, x: float) -> float:
    """Hurwitz's: the sum of (x + k)^-s, with the tail as an integral."""
    n = 2000
    a = n + x
    tail = a ** (1 - s) / (s - 1) + 0.5 * a**-s + s / 12 * a ** (-s - 1)
    return float(np.sum((x + np.arange(n)) ** float(-s)) + tail)


def polygamma(x: Array, n: int) -> Any:
    if n == 0:
        return each(euler_digamma)(x)
    return each(lambda x: (-1) ** (n + 1) * math.factorial(n) * zeta(n + 1, x))(x)


@st.composite
def entropies(draw: Draw) -> Sample:
    """Any x, some of them 0, with positive y."""
    a, b = draw(some.broadcastable())
    x = draw(some.numbers(a))
    return Sample((np.where(draw(some.masks(a)), x, x * 0), draw(some.numbers(b, 0.3, 2))))


row("erfc", unary(), each(math.erfc), kinds="fi", smooth=True, keeps="x")
row("erfinv", unary(-0.9, 0.9).map(lambda s: Sample((erfc_of(s.inputs[0]),))), lambda x: inverse(x), keeps="out")
row("lgamma", unary(0.4, 4), each(math.lgamma), kinds="fi", keeps="x")
row("digamma", unary(0.4, 4), lambda x: polygamma(x, 0), kinds="fi", keeps="x")
row("derivative_of_digamma", unary(0.5, 4).map(lambda s: Sample(s.inputs, {"n": 1})), polygamma, kinds="fi", keeps="x")
row("log_odds", unary(0.2, 0.8), lambda x: np.log(x / (1 - x)), smooth=True, keeps="x")
row(
    "logit",
    with_setting(unary(0.2, 0.8), eps=st.sampled_from([0.1, 1e-3])),
    lambda x, eps=0.0: np.log(np.clip(x, eps, 1 - eps) / (1 - np.clip(x, eps, 1 - eps))),
    kinks="the bounds",
    smooth=True,
)
row("xlogy", entropies(), lambda x, y: x * np.log(y), mixes=True, keeps="x y")


def erfc_of(x: Array) -> Array:
    """Numbers of (-1, 1): error functions of x."""
    return np.asarray(each(math.erf)(x))


def inverse(y: Array) -> Array:
    """The inverse of erf, by bisection."""
    low, high = np.full(y.shape, -4.0), np.full(y.shape, 4.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = each(math.erf)(middle) < y
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)


# --- signs and steps ----------------------------------------------------------------------------------------


@st.composite
def gaps(draw: Draw) -> Sample:
    """Numbers and nans. (An inf has no differences.)"""
    (x,) = draw(unary()).inputs
    return Sample((np.where(draw(some.masks(x.shape)), x, np.nan),))


row("signbit", special(), np.signbit, differentiable=False)
row("fmod", remainders(), np.fmod, kinks="whole quotients", keeps="x y")
row(
    "nan_to_num",
    with_setting(gaps(), nan=st.just(2.5)).map(
        lambda s: Sample(s.inputs, {**s.settings, "posinf": 3.0, "neginf": -4.0})
    ),
    lambda x, posinf, neginf, nan=0.0: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    kinks="nan and inf",
)
