"""Covariance and correlation of variables, one a row."""

from __future__ import annotations

import numpy as np

from ...autograd.op import Value
from ...errors.words import shown
from ..composite import composite
from ..elementwise import clip, sqrt
from ..indexing import diagonal
from ..linalg import matmul
from ..reduction import mean, sum
from ..shape import reshape, swapaxes

__all__ = ["corrcoef", "cov"]


@composite
def cov(x: Value, correction: float = 1, *, fweights: Value = None, aweights: Value = None) -> Value:
    """The covariance matrix of variables: x (n, observations) -> (n, n); of one, its variance, ().

    correction: 1 for the unbiased estimate (default), 0 for the mean.
    fweights: how often each observation counts, integers; aweights: how much. None for 1.
    Raises ValueError for more than two axes, and for weights that are negative or not one for each observation;
    TypeError for fweights that are not integers.

        tl.cov(tl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))       # tensor([[ 1., -1.], [-1.,  1.]])
    """
    if x.ndim > 2:
        raise ValueError(f"needs a matrix (variables, observations), not shape {x.shape}")
    rows = reshape(x, (1, -1)) if x.ndim < 2 else x
    for name, each in (("fweights", fweights), ("aweights", aweights)):
        if each is not None and getattr(each, "shape", None) != rows.shape[1:]:
            raise ValueError(
                f"{name} must be a tensor with one for each of {rows.shape[1]} observations, not {shown(each)}"
            )
        if each is not None and bool((each < 0).any()):
            raise ValueError(f"{name} must not be negative")
    if fweights is not None and fweights.dtype.kind not in "iub":
        raise TypeError(f"fweights must be integers, not {fweights.dtype}; fractions are aweights")
    if fweights is None and aweights is None:
        centred = rows - mean(rows, 1, keepdims=True)
        product = matmul(centred, swapaxes(centred, 0, 1)) / (rows.shape[1] - correction)
    else:
        weights = aweights if fweights is None else fweights if aweights is None else fweights * aweights
        total = sum(weights)
        centred = rows - sum(rows * weights, 1, keepdims=True) / total
        lost = correction if aweights is None else correction * (sum(weights * aweights) / total)
        product = matmul(centred * weights, swapaxes(centred, 0, 1)) / (total - lost)
    return product if rows.shape[0] > 1 else reshape(product, ())


@composite
def corrcoef(x: Value) -> Value:
    """The matrix of Pearson's correlation coefficients of variables: x (n, observations) -> (n, n); of one, 1.

    tl.corrcoef(tl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))      # tensor([[ 1., -1.], [-1.,  1.]])
    """
    c = cov(x)
    with np.errstate(all="ignore"):  # of a variable that is constant: nan
        if c.ndim == 0:
            return c / c
        deviation = sqrt(diagonal(c))
        return clip(c / deviation[:, None] / deviation, -1, 1)
