"""Random draws from distributions whose parameters a tensor holds: `bernoulli` and `multinomial`."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import random
from .autograd.op import op
from .autograd.operands import constant
from .backend import FLOAT64, Array, device_of, move, row_major, to_host
from .errors import TensorError, kind_of
from .ops.composite import named
from .ops.elementwise import sign
from .random import Generator, drawing_from
from .tensor_base import TensorBase, array_of, wrap

__all__ = ["bernoulli", "multinomial"]


@named
def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Any:
    """1 with the probability that an element of input is, or with probability p, else 0, in input's shape and dtype.

    Raises ValueError for a probability outside 0 to 1.
    """
    array, p = _array_of("bernoulli", input), constant(p, "p", "bernoulli")
    p = array if p is None else array_of(p)
    return _drawn(input, random.bernoulli(array, p, generator))


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Any:
    """Indices of a vector of weights, or of each row of a matrix, drawn with probabilities proportional to the weights.

    input: weights, 0 or more, (k,) or (rows, k).  replacement: whether an index may be drawn more than once.
    The result is (num_samples,) or (rows, num_samples), int64, drawn on the host. Raises TensorError for weights that
    are negative, infinite, nan or all 0, and for more samples than there are (without replacement) weights above 0.

        tl.multinomial(tl.tensor([0.0, 1.0]), 3, replacement=True)      # tensor([1, 1, 1])
    """
    array = _array_of("multinomial", input)
    weights = to_host(array)
    if weights.ndim not in (1, 2) or weights.dtype.kind != "f":
        raise TensorError(f"multinomial: takes a vector or matrix of floats, not {weights.shape} {weights.dtype}")
    if num_samples < 1:
        raise TensorError(f"multinomial: num_samples must be 1 or more, not {num_samples}")
    rows = np.atleast_2d(weights).astype(FLOAT64)
    if not (np.isfinite(rows) & (rows >= 0)).all():
        raise TensorError("multinomial: a weight is negative, inf or nan")
    positive = (rows > 0).sum(axis=-1)
    if (positive == 0).any():
        raise TensorError("multinomial: the weights are all 0")
    if not replacement and (positive < num_samples).any():
        raise TensorError(
            f"multinomial: only {positive.min()} weights are above 0, too few for {num_samples} samples without "
            "replacement; draw fewer, or pass replacement=True"
        )
    with drawing_from(generator):
        drawn = row_major(random.choices(rows, num_samples, replacement))
    return wrap(move(drawn if weights.ndim == 2 else drawn[0], device_of(array)))


@op
def _drawn(x: Any, /, values: Array) -> Array:
    """values, drawn at random as x says: its gradient is 0, as in PyTorch."""
    return values


@_drawn.backward
def _(g: Any) -> Any:
    return 0 * sign(g)  # not 0 * g: for an infinite g that is nan


def _array_of(name: str, x: Any) -> Array:
    if not isinstance(x, TensorBase):
        raise TypeError(f"{name}: its first argument must be a Tensor, not {kind_of(x)}")
    return x._array
