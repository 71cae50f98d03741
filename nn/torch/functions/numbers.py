"""Elementwise combinations, and other names of elementwise functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.kernels import special
from tinygrad_lecture.traced import wrap

__all__ = [
    "addcdiv", "addcmul", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "clamp_max",
    "clamp_min", "concatenate", "deg2rad", "dist", "erfcx", "expit", "fix", "float_power", "gcd", "isneginf",
    "isposinf", "isreal", "lcm", "ldexp", "lerp", "logaddexp2", "ndtr", "positive", "rad2deg", "renorm", "row_stack",
    "rsub", "sgn",
]  # fmt: skip

arccos, arcsin, arctan, arctan2 = tl.acos, tl.asin, tl.atan, tl.atan2
arccosh, arcsinh, arctanh = tl.acosh, tl.asinh, tl.atanh
fix, sgn, expit, concatenate, row_stack = tl.trunc, tl.sign, tl.sigmoid, tl.cat, tl.vstack


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """input + value * tensor1 * tensor2."""
    return input + value * (tensor1 * tensor2)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """input + value * tensor1 / tensor2."""
    return input + value * (tensor1 / tensor2)


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """input + weight * (end - input)."""
    return input + weight * (end - input)


def rsub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """other - alpha * input."""
    return other - alpha * input


def clamp_min(input: Any, min: Any) -> Any:
    """input, but at least min."""
    return tl.clip(input, min)


def clamp_max(input: Any, max: Any) -> Any:
    """input, but at most max."""
    return tl.clip(input, None, max)


def positive(input: Any) -> Any:
    """+input, which is input."""
    return input


def deg2rad(input: Any) -> Any:
    """Angles in degrees as radians."""
    return input * (math.pi / 180)


def rad2deg(input: Any) -> Any:
    """Angles in radians as degrees."""
    return input * (180 / math.pi)


def float_power(input: Any, exponent: Any) -> Any:
    """input ** exponent in float64."""
    double = [x.double() if isinstance(x, Tensor) else x for x in (input, exponent)]
    return tl.pow(*double)


def ldexp(input: Any, other: Any) -> Any:
    """input * 2 ** other."""
    return input * 2.0**other


def logaddexp2(input: Any, other: Any) -> Any:
    """The logarithm to base 2 of 2 ** input + 2 ** other."""
    return tl.logaddexp(input * math.log(2), other * math.log(2)) / math.log(2)


@tl.op
def erfcx(x: Any, /) -> Any:
    """exp(x²) erfc(x), which falls as slowly as 1 / x; inf far below 0 (DLMF 7.2.3 at iz)."""
    return special.erfcx(x)


@erfcx.backward
def _(g: Any, x: Any, out: Any) -> Any:
    return g * (2 * x * out - 2 / math.pi**0.5)


@tl.op
def entr(x: Any, /) -> Any:
    """-x log(x), the terms of an entropy: 0 at 0, -inf below."""
    x = 1.0 * x  # integers as floats
    return tl.where(x > 0, x * -tl.log(tl.where(x > 0, x, 1)), tl.where(x < 0, -math.inf, x))


@entr.backward
def _(g: Any, x: Any) -> Any:
    return -g * (1 + tl.log(x))


def ndtr(input: Any) -> Any:
    """The distribution function of the standard normal distribution."""
    return 0.5 * tl.erfc(input * -math.sqrt(0.5))


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of input - other."""
    return tl.norm(input - other, p)


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Each slice along an axis, made shorter where its p-norm is more than maxnorm."""
    others = tuple(a for a in range(input.ndim) if a != dim % input.ndim)
    norms = tl.norm(input, p, others, keepdims=True)
    return input * tl.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)


def isreal(input: Any) -> Any:
    """True for each element: tensors here hold real numbers."""
    return tl.ones_like(input, dtype=tl.bool)


def isposinf(input: Any) -> Any:
    """Whether each element is inf."""
    return input == math.inf


def isneginf(input: Any) -> Any:
    """Whether each element is -inf."""
    return input == -math.inf


def gcd(input: Any, other: Any) -> Any:
    """The greatest common divisors of integers."""
    return wrap(np.gcd(input.numpy(), np.asarray(other)))


def lcm(input: Any, other: Any) -> Any:
    """The least common multiples of integers."""
    return wrap(np.lcm(input.numpy(), np.asarray(other)))
