"""Clipping: gradients that have become too large are made smaller, so that one bad batch does not undo the training.

loss.backward()
nn.clip_grad_norm_(model.parameters(), max_norm=1.0)
optimizer.step()
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from operator import add

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import FLOAT64, Array, move, xp


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients by one factor, in place, so that together they are no longer than max_norm.

    Their norm is that of one vector with all their elements: (Σ |g|^norm_type)^(1/norm_type), or max |g| for inf.
    The factor is max_norm / (norm + 1e-6), at most 1, as in PyTorch.
    Returns the norm as it was, a 0-d Tensor on the gradients' device; nothing waits for a GPU.
    error_if_nonfinite: look at the norm, which waits, and raise RuntimeError if it is inf or NaN, before anything is
    changed; else a NaN in one gradient makes NaN of all.  Raises ValueError for a norm_type that is not above 0.
    """
    if not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: norm_type must be above 0, such as 2 or math.inf, but is {norm_type}")
    grads = _gradients(parameters)
    if not grads:
        return Tensor(0.0)
    here = grads[0].device
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large shows in the norm
        sizes = [_size(g.array, norm_type) for g in grads]
        sizes = [size if g.device == here else move(size, here) for size, g in zip(sizes, grads, strict=True)]
        total = reduce(xp(sizes[0]).maximum, sizes) if math.isinf(norm_type) else reduce(add, sizes) ** (1 / norm_type)
        if error_if_nonfinite and not math.isfinite(float(total)):
            raise RuntimeError(
                f"clip_grad_norm_: the norm of the gradients is {float(total)}, so they cannot be scaled; "
                "tl.detect_anomaly() finds the op where that began"
            )
        factor = xp(total).minimum(max_norm / (total + 1e-6), 1.0)
        unchanged = xp(total) is np and factor == 1  # a GPU is not asked, since the answer would have to be waited for
        for g in [] if unchanged else grads:
            array = g.inplace()
            array *= (factor if g.device == here else move(factor, g.device)).astype(g.dtype)
        return Tensor(xp(total).asarray(total), dtype=grads[0].dtype)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bring each element of each gradient into [-clip_value, clip_value], in place."""
    for g in _gradients(parameters):
        array = g.inplace()
        xp(array).clip(array, -float(clip_value), float(clip_value), out=array)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """Those of the parameters that have one, without their graphs."""
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad.detach() for p in given if p.grad is not None]


def _size(array: Array, order: float) -> Array:
    """Σ |x|^order of one array, or max |x| for inf: one number of float64, on the array's device."""
    lib = xp(array)
    flat = array.ravel("K")  # a view of gradients that lie in one piece
    if flat.dtype == np.float16:
        flat = flat.astype(np.float32)  # squares of float16 are soon too large for it
    if not flat.size:
        size = lib.zeros(())
    elif math.isinf(order):
        size = lib.maximum(flat.max(), -flat.min())
    elif order == 2:
        size = lib.vdot(flat, flat)
    else:
        size = (lib.abs(flat) ** order).sum()
    return size.astype(FLOAT64)
