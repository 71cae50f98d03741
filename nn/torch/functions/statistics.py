"""Pairs of statistics, order, and distances within a set of points."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.operands import constant
from tinygrad_lecture.ops.composite import without_gradient

__all__ = ["aminmax", "histogram", "msort", "nanquantile", "pdist", "std_mean", "trapz", "var_mean"]

trapz, nanquantile = tl.trapezoid, tl.nanquantile


class MinMax(NamedTuple):
    """The result of `aminmax`."""

    min: Any
    max: Any


class Histogram(NamedTuple):
    """The result of `histogram`."""

    hist: Any
    bin_edges: Any


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest element, over all or along an axis: a named pair (min, max)."""
    return MinMax(tl.amin(input, dim, keepdim), tl.amax(input, dim, keepdim))


def std_mean(input: Any, dim: Any = None, *args: Any, **settings: Any) -> tuple[Any, Any]:
    """(std, mean); further arguments are those of std."""
    keep = args[1] if len(args) > 1 else settings.get("keepdim", False)
    return tl.std(input, dim, *args, **settings), tl.mean(input, None if isinstance(dim, bool) else dim, keepdims=keep)


def var_mean(input: Any, dim: Any = None, *args: Any, **settings: Any) -> tuple[Any, Any]:
    """(var, mean); further arguments are those of var."""
    keep = args[1] if len(args) > 1 else settings.get("keepdim", False)
    return tl.var(input, dim, *args, **settings), tl.mean(input, None if isinstance(dim, bool) else dim, keepdims=keep)


def msort(input: Any) -> Any:
    """input sorted along axis 0."""
    return tl.sort(input, 0).values


def pdist(input: Any, p: float = 2.0) -> Any:
    """The distances between all pairs of rows, (n, d) -> (n (n - 1) / 2,)."""
    rows, columns = tl.triu_indices(len(input), len(input), 1)
    return tl.norm(input[rows] - input[columns], p, -1)


def histogram(
    input: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False
) -> Histogram:
    """How many elements are in each bin, or their weights, and the edges: a named pair (hist, bin_edges).

    Backward through them raises, as in PyTorch.
    """
    edges = bins.numpy() if isinstance(bins, tl.Tensor) else bins
    given = None if weight is None else constant(weight, "weight", "histogram").numpy(force=True)
    found = np.histogram(input.detach().numpy(), edges, range, weights=given, density=density)
    return Histogram(*(without_gradient(input, values=part.astype(input.dtype), name="histogram") for part in found))
