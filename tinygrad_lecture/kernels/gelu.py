"""GELU, x gate(x), and its derivative, which forward computes too where the call is recorded.

The gate is the normal distribution function Φ or GPT-2's approximation of it. Both are a sigmoid of an odd function:

    gate(x) = 1 / (1 + exp(x C(x²)))

For the approximation 0.5 (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) this is exact, since
(1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)). For Φ, C is a fitted polynomial, accurate to 7e-8 in GELU; with one exp it costs
half as much as erf. C fits log(Φ(-x) / Φ(x)) / x for x from 0 to 6 by weighted least squares, with weights raised where
the error is largest until the errors are even; beyond 6, C keeps its value at 6. This is for float32; float64 uses erf.

The largest errors in [-9, 9], rounding included, are 5.9e-7 for GELU and 2.2e-7 for its derivative, and 5.2e-7 and
2.0e-7 with the approximation, on a processor where PyTorch 2.13 has 3.7e-7 and 2.8e-7, and 4.3e-7 and 1.0e-6. They
depend on the processor's exp: on another one GELU has 3.1e-7 and PyTorch 1.2e-6.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..backend import FLOAT64, Array, xp
from . import compiled
from .compiled import compiles, run_rows
from .special import erf, polynomial
from .threads import PIECE, in_pieces

_TANH = 2 * math.sqrt(2 / math.pi)

# Per approximation: the coefficients of C, lowest power of x² first, and the x² beyond which C is constant.
_ODDS = {
    "tanh": ((-_TANH, -_TANH * 0.044715), 100.0),
    "none": (
        (
            -1.595768432221871, -0.07266856705858794, 6.626001003095285e-05, 0.00011048031026878819,
            -7.938218014850363e-06, 2.668927635350999e-07, -3.611231602390768e-09,
        ),
        36.0,
    ),
}  # fmt: skip


def gelu(x: Array, approximate: str = "none", *, keep: bool = False) -> Any:
    """x gate(x); with keep=True also its derivative. Raises ValueError for an unknown approximation."""
    if approximate not in _ODDS:
        raise ValueError(f'approximate must be "none" or "tanh", not {approximate!r}')
    lib = xp(x)
    x = lib.ascontiguousarray(x) if 0 in x.strides else x  # the result of a broadcast x is in C order
    out = lib.empty_like(x)
    slope = lib.empty_like(x) if keep else None
    if compiles(x, out):
        flat = x.reshape(-1), out.reshape(-1), None if slope is None else slope.reshape(-1)
        coefficients, end = _ODDS[approximate]
        loop = compiled.loops.gelu if approximate == "none" else compiled.loops.gelu_tanh
        run_rows(loop, *flat, np.array([*coefficients, end], np.float32))
    else:
        written = (out,) if slope is None else (out, slope)
        with np.errstate(over="ignore", invalid="ignore"):  # far from 0, x² and exp are inf, and the gate is 0 or 1
            if x.size <= PIECE:
                _gelu(lib, approximate, x, *written)
            else:
                in_pieces(partial(_gelu, lib, approximate), x, *written, read=(0,))
    return (out, slope) if keep else out


def gelu_backward(g: Array, needs: list[bool], x: Array, approximate: str = "none", *, kept: Array) -> tuple[Array]:
    return (g * kept,)


def _gelu(lib: Any, approximate: str, x: Array, out: Array, slope: Array | None = None) -> None:
    """Write x gate(x) to `out` and, if it is given, gate(x) + x d gate/dx to `slope`."""
    coefficients, end = _ODDS[approximate]
    square = x * x
    if approximate == "none" and x.dtype.itemsize >= FLOAT64.itemsize:
        gate = erf(x * math.sqrt(0.5))
        gate += 1
        gate *= 0.5
        lib.multiply(x, gate, out=out)
    else:
        odds = polynomial(coefficients, lib.minimum(square, end))
        odds *= x
        lib.exp(odds, out=odds)
        gate = odds + 1
        lib.divide(x, gate, out=out)
        if slope is not None:
            lib.reciprocal(gate, out=gate)
    if slope is None:
        return
    if approximate == "none":  # d gate/dx is the normal density
        square *= -0.5
        lib.exp(square, out=slope)
        slope *= 1 / math.sqrt(2 * math.pi)
    else:  # 2 gate (1 - gate) d/dx of the argument of tanh, since tanh' = 1 - tanh² and tanh = 2 gate - 1
        lib.multiply(lib.minimum(square, end), 3 * 0.044715 * _TANH, out=slope)
        slope += _TANH
        slope *= gate
        odds *= gate  # 1 - gate, without cancellation where it is small; inf * 0 where it is 1
        slope *= lib.fmin(odds, 1)
    slope *= x
    slope += gate
