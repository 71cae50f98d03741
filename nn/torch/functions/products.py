"""Matrix products of given ranks, sums with a product, pairs of statistics, and distances within a set of points."""

from __future__ import annotations

import string
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.operands import constant
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.ops.composite import without_gradient
from tinygrad_lecture.ops.elementwise import scaled

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "aminmax", "baddbmm", "chain_matmul", "einsum", "ger", "histogram", "inner",
    "mm", "msort", "multi_dot", "mv", "pdist", "std_mean", "var_mean", "vdot", "vecdot",
]  # fmt: skip

vdot, ger = tl.dot, tl.outer


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices: (n, k) @ (k, m)."""
    _must_have("mm", (input, 2), (mat2, 2))
    return input @ mat2


def mv(input: Any, vec: Any) -> Any:
    """The product of a matrix and a vector: (n, k) @ (k,)."""
    _must_have("mv", (input, 2), (vec, 1))
    return input @ vec


def inner(input: Any, other: Any) -> Any:
    """The sum of products over the last axes: (..., k) and (..., k) -> (..., ...); a number multiplies."""
    if not input.ndim or not other.ndim:
        return input * other
    return tl.tensordot(input, other, ([-1], [-1]))


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The dot products of vectors along an axis, broadcast."""
    return (x * y).sum(dim)


def multi_dot(tensors: Any) -> Any:
    """The product of several matrices, from the left; the first and the last may be vectors."""
    first, *rest = tensors
    for matrix in rest:
        first = first @ matrix
    return first


def chain_matmul(*matrices: Any) -> Any:
    """The product of several matrices, from the left."""
    return multi_dot(matrices)


def einsum(equation: Any, *operands: Any) -> Any:
    """`tl.einsum`; also with lists of numbers for the axes, einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    if isinstance(equation, str):
        return tl.einsum(equation, *operands)
    parts = (equation, *operands)
    pairs = len(parts) // 2 * 2
    terms = ",".join(map(_letters, parts[1:pairs:2]))
    return tl.einsum(terms + (f"->{_letters(parts[-1])}" if len(parts) % 2 else ""), *parts[:pairs:2])


def _letters(axes: Any) -> str:
    """Numbers of axes as letters."""
    return "".join("..." if axis is Ellipsis else string.ascii_letters[axis] for axis in axes)


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * mat1 @ mat2, for two matrices."""
    return _added(input, mm(mat1, mat2), beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * mat @ vec, for a matrix and a vector."""
    return _added(input, mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * the outer product of two vectors."""
    return _added(input, tl.outer(vec1, vec2), beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * batch1 @ batch2, for batches (b, n, k) and (b, k, m)."""
    return _added(input, tl.bmm(batch1, batch2), beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * the sum over the batch of batch1 @ batch2."""
    return _added(input, tl.bmm(batch1, batch2).sum(0), beta, alpha)


def _added(x: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta * x + alpha * product; with beta 0, x may be nan."""
    if not isinstance(beta, tl.Tensor) and beta == 0:
        return scaled(product, alpha)
    return scaled(x, beta) + scaled(product, alpha)


def _must_have(name: str, *pairs: tuple[Any, int]) -> None:
    """Raise TensorError unless each tensor has its number of axes."""
    if any(x.ndim != rank for x, rank in pairs):
        kinds = " and ".join({1: "a vector", 2: "a matrix"}[rank] for _, rank in pairs)
        raise TensorError(
            f"{name}: needs {kinds}, not shapes {' and '.join(str(x.shape) for x, _ in pairs)}; see matmul"
        )


# --- statistics ---------------------------------------------------------------------------------------------


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
