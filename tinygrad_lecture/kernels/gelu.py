"""GELU, x gate(x), of one piece of an array, and its derivative.

The gate is the normal distribution function Φ or GPT-2's approximation of it. Both are a sigmoid of an odd function:

    gate(x) = 1 / (1 + exp(x C(x²)))

For the approximation 0.5 (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) this is exact, since
(1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)). For Φ, C is a fitted polynomial, accurate to 7e-8 in GELU; with one exp it costs
half as much as erf. C fits log(Φ(-x) / Φ(x)) / x for x from 0 to 6 by weighted least squares, with weights raised where
the error is largest until the errors are even; beyond 6, C keeps its value at 6. This is for float32, where the largest
error of GELU in [-9, 9], rounding included, is 3.1e-7 (PyTorch 2.13: 1.2e-6). float64 uses erf.
"""

from __future__ import annotations

import math

import numpy as np

from ..backend import FLOAT64, Array, xp
from .erf import erf, polynomial

_TANH = 2 * math.sqrt(2 / math.pi)

# Per approximation: the coefficients of C, lowest power of x² first, and the x² beyond which C is constant.
_ODDS = {
    "tanh": ((-_TANH, -_TANH * 0.044715), 100.0),
    "none": (
        (
            -1.595768432221871,
            -0.07266856705858794,
            6.626001003095285e-05,
            0.00011048031026878819,
            -7.938218014850363e-06,
            2.668927635350999e-07,
            -3.611231602390768e-09,
        ),
        36.0,
    ),
}


def gelu_piece(x: Array, approximate: str, out: Array) -> None:
    """Write x gate(x) to `out`. Raises ValueError for an unknown approximation."""
    lib = xp(x)
    if approximate == "none" and x.dtype.itemsize >= FLOAT64.itemsize:
        gate = erf(x * math.sqrt(0.5))
        gate += 1
        gate *= 0.5
        lib.multiply(x, gate, out=out)
        return
    if approximate not in _ODDS:
        raise ValueError(f'approximate must be "none" or "tanh", not {approximate!r}')
    coefficients, end = _ODDS[approximate]
    if x.dtype == np.float16:
        x = x.astype(np.float32)
    near = lib.clip(x, -10, 10)  # exp cannot overflow; below -10 the gate rounds to 0
    square = near * near
    odds = polynomial(coefficients, lib.minimum(square, end, out=square))
    odds *= near
    lib.exp(odds, out=odds)
    odds += 1
    lib.divide(lib.maximum(x, -10), odds, out=out)


def gelu_slope(x: Array, gelu: Array, approximate: str, out: Array) -> None:
    """Write d gelu/dx = gate + x d gate/dx to `out`. gelu: the value x gate, from which the gate is recovered."""
    lib = xp(x)
    zero = (x == 0).astype(x.dtype)
    gate = (gelu + 0.5 * zero) / (x + zero)  # at 0 it is 0.5
    slope = lib.multiply(x, x, out=out)
    if approximate == "none":  # d gate/dx is the normal density
        slope *= -0.5
        lib.exp(slope, out=slope)
        slope *= 1 / math.sqrt(2 * math.pi)
    else:  # 2 gate (1 - gate) d/dx of the argument of tanh, since tanh' = 1 - tanh² and tanh = 2 gate - 1
        slope *= 3 * 0.044715
        slope += 1
        slope *= 2 * math.sqrt(2 / math.pi)
        slope *= gate
        slope *= 1 - gate
    slope *= x
    slope += gate
