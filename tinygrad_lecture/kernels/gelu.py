"""The error function, which NumPy lacks; GELU, x gate(x), and its derivative, which forward computes too if recorded.

erf takes additions, multiplications and one exp per element. With u running over [-1, 1], and P and Q polynomials in u,

    |x| < 1:   erf(x) = x P(u),                        u = 2 x² - 1
    else:      erf(x) = sign(x) (1 - exp(-x²) Q(u)),   u linear in 1 / (1 + |x|)

P approximates erf(x)/x and Q approximates exp(x²) erfc(x). The coefficients come from Chebyshev interpolation at 200
nodes in 40 digits, truncated and rewritten in powers of u. Largest relative error against a 40-digit reference: 1.4e-7
in float32, 2.6e-16 in float64.

The gate of GELU is the normal distribution function Φ or GPT-2's approximation of it. Both are a sigmoid of an odd
function:

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
from .threads import PIECE, in_pieces

# --- the error function -------------------------------------------------------------------------------------


# The polynomials, lowest power first; beyond END, erf rounds to 1.
P = (
    0.9654687386698673, -0.1405360890227171, 0.019852496688983708, -0.0022854855611441132,
    0.00021751715604160108, -1.7537169441124826e-05, 1.223382738352401e-06,
    -7.51156928660089e-08, 4.11580059766496e-09, -2.035228404899467e-10,
    9.167606746069445e-12, -3.8078827395263415e-13, 1.454817075960679e-14,
)  # fmt: skip
Q = (
    0.24402507744132426, 0.16947097195130426, 0.016466202800370033, -0.002170378161028467,
    -0.00030971232519966653, 0.00010776601398781736, -2.6236616629246487e-06,
    -4.8789614346686765e-06, 1.2089481304704936e-06, 1.1743593023460483e-09,
    -8.035478580100447e-08, 2.361767709605347e-08, -1.4550866175385827e-09,
    -1.368043059674638e-09, 6.050341890617286e-10, -1.0462020568051079e-10,
    -1.6803787857927412e-11, 1.5432244526888716e-11, -3.1474667109884315e-12,
)  # fmt: skip
END = 6.0


def erf(x: Any) -> Array:
    """erf of each element, in x's float dtype. Computes float16 in float32; integers give float64.

    longdouble gets the accuracy of float64, without its rounding.
    """
    lib = xp(x)
    given = lib.asarray(x)
    x = given.astype(np.promote_types(given.dtype, np.float32) if given.dtype.kind == "f" else np.float64, copy=False)
    out = lib.empty_like(x)
    in_pieces(lambda y, z: _erf(z, out=y), out, x, read=(1,))
    return out.astype(given.dtype, copy=False) if given.dtype.kind == "f" else out


def _erf(x: Array, out: Array) -> None:
    """Both formulas for all elements, each times 1 where it holds and 0 elsewhere: selecting would cost far more."""
    lib = xp(x)
    size = lib.abs(x)

    z = lib.minimum(size, 1)
    u = z * z
    u *= 2
    u -= 1
    inner = polynomial(P, u)
    inner *= z

    low, high = 1 / (END + 1), 0.5
    u = (2 / (high - low)) / (lib.clip(size, 1, END) + 1)
    u -= 2 * low / (high - low) + 1
    outer = polynomial(Q, u)  # exp(x²) erfc(x)
    outer *= lib.exp(-size * size)  # not of y: in longdouble erf is not 1 yet at the end
    outer = 1 - outer

    holds = (size < 1).astype(x.dtype)
    inner *= holds
    outer *= 1 - holds
    inner += outer
    lib.copysign(inner, x, out=out)


def polynomial(coefficients: tuple[float, ...], u: Array) -> Array:
    """The polynomial at u by Horner's rule, in one array. coefficients: lowest power first."""
    total = u * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        total += coefficient
        total *= u
    total += coefficients[0]
    return total


# --- GELU ---------------------------------------------------------------------------------------------------

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
    if approximate == "none" and compiles(x, out):
        flat = x.reshape(-1), out.reshape(-1), None if slope is None else slope.reshape(-1)
        coefficients, end = _ODDS["none"]
        run_rows(compiled.loops.gelu, *flat, np.array([*coefficients, end], np.float32))
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
