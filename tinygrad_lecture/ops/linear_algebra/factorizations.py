"""QR, the pseudo-inverse and least squares, and solving with a triangular matrix."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...autograd.op import Value, op
from ...backend import Shape, in_columns, xp
from ...kernels.blas import one_thread
from ...traced import Traced, wrap
from ..composite import composite
from ..elementwise import square
from ..half import in_float32
from ..indexing import tril, triu
from ..linalg import matmul
from ..reduction import sum
from ..shape import cat, squeeze, swapaxes, unsqueeze
from .matrices import inv, solve_columns

__all__ = ["cholesky_inverse", "cholesky_solve", "lstsq", "matrix_rank", "pinv", "qr", "solve_triangular"]


class QR(NamedTuple):
    """The result of `qr`: a = Q @ R."""

    Q: Any
    R: Any


@composite
def qr(a: Value, mode: str = "reduced") -> QR:
    """Q with orthonormal columns and R upper triangular, as a named pair, for matrices a = Q @ R, (..., m, n).

    Q is (..., m, k) and R (..., k, n), with k the smaller of m and n.  mode: "reduced" only, the default.
    The gradient needs the first k columns of a to be linearly independent (Walter and Lehmann, 2010).
    Raises ValueError for another mode.
    """
    if mode != "reduced":
        raise ValueError(f'mode must be "reduced", not {mode!r}')
    m, n = a.shape[-2:]
    if m >= n:
        both = qr_stacked(a)
        return QR(both[..., :m, :], both[..., m:, :])
    q, r = qr(a[..., :m])
    return QR(q, cat([r, matmul(swapaxes(q, -1, -2), a[..., m:])], -1))


@op
@one_thread
@in_float32
def qr_stacked(a: Value, /) -> Value:
    """Q and R of matrices with m >= n rows, one above the other: (..., m, n) -> (..., m + n, n)."""
    lib = xp(a)
    q, r = lib.linalg.qr(a)
    return in_columns(lib.concatenate([q, r], axis=-2))


@qr_stacked.backward
def _(g: Value, out: Value, a_shape: Shape) -> Value:
    m = a_shape[-2]
    q, r, by_q, by_r = out[..., :m, :], out[..., m:, :], g[..., :m, :], g[..., m:, :]
    by_r = triu(by_r)  # below its diagonal R is 0, whatever a is
    inner = matmul(r, swapaxes(by_r, -1, -2)) - matmul(swapaxes(by_q, -1, -2), q)
    symmetric = tril(inner) + swapaxes(tril(inner, -1), -1, -2)
    whole = by_q + matmul(q, symmetric)
    return swapaxes(solve_columns(r, swapaxes(whole, -1, -2)), -1, -2)  # times R⁻ᵀ


@op
@one_thread
@in_float32
def pinv(a: Value, /) -> Value:
    """The pseudo-inverse of Moore and Penrose: (..., m, n) -> (..., n, m).

    Singular values below eps * max(m, n) times the largest count as 0. The gradient, for a rank that stays, is that of
    Golub and Pereyra (1973).
    """
    return xp(a).linalg.pinv(a, max(a.shape[-2:]) * float(np.finfo(a.dtype).eps))


@pinv.backward
def _(g: Value, a: Value, out: Value) -> Value:
    p, pt, gt = out, swapaxes(out, -1, -2), swapaxes(g, -1, -2)
    ppt, ptp = matmul(p, pt), matmul(pt, p)
    first = matmul(gt, ppt) - matmul(a, matmul(p, matmul(gt, ppt)))  # (1 - A A⁺) Gᵀ A⁺ A⁺ᵀ
    second = matmul(ptp, gt) - matmul(matmul(matmul(ptp, gt), p), a)  # A⁺ᵀ A⁺ Gᵀ (1 - A⁺ A)
    return first + second - matmul(pt, matmul(g, pt))


class LeastSquares(NamedTuple):
    """The result of `lstsq`."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


@composite
def lstsq(a: Value, b: Value) -> LeastSquares:
    """The x for which the squares of a @ x - b have the smallest sum and, of several, the shortest: a named tuple.

    a: (..., m, n).  b: (..., m, k), or a vector (m,).  solution: (..., n, k) or (n,).  residuals: the sums of squares,
    (..., k), empty unless m > n and a has rank n.  rank: of a.  singular_values: empty.
    Raises ValueError for shapes that do not fit.
    """
    if b.ndim == 1:
        found = lstsq(a, unsqueeze(b, -1))
        return found._replace(solution=squeeze(found.solution, -1))
    x = matmul(pinv(a), b)
    rank = matrix_rank(a)
    array = rank._array if isinstance(rank, Traced) else rank
    full = a.shape[-2] > a.shape[-1] and bool((array == a.shape[-1]).all())
    empty = xp(array).zeros(0, a.dtype)
    none = wrap(empty) if isinstance(a, Traced) else empty
    return LeastSquares(x, sum(square(matmul(a, x) - b), -2) if full else none, rank, none)


@op(differentiable=False)
@one_thread
@in_float32
def matrix_rank(a: Value, /) -> Value:
    """How many singular values of matrices (..., m, n) are above eps * max(m, n) times the largest, as int64."""
    if 0 in a.shape[-2:]:
        return xp(a).zeros(a.shape[:-2], np.int64)
    s = xp(a).linalg.svd(a, False)[1]
    return (s > s.max(axis=-1, keepdims=True) * (max(a.shape[-2:]) * float(np.finfo(a.dtype).eps))).sum(axis=-1)


@composite
def solve_triangular(a: Value, b: Value, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Value:
    """The x with a @ x = b for triangular matrices a, (..., n, n), of which the other triangle is not read.

    upper: whether a is upper triangular.  left: False for x @ a = b.  unitriangular: take 1 for a's diagonal.
    b: (..., n, k). Raises ValueError for a singular matrix (on a GPU: nan or inf) and for shapes that do not fit.
    """
    a = (triu if upper else tril)(a, 0 if not unitriangular else 1 if upper else -1)
    if unitriangular:
        array = a._array if isinstance(a, Traced) else a
        a = a + xp(array).eye(a.shape[-1], dtype=array.dtype)
    if left:
        return solve_columns(a, b)
    return swapaxes(solve_columns(swapaxes(a, -1, -2), swapaxes(b, -1, -2)), -1, -2)


@composite
def cholesky_solve(b: Value, l: Value, upper: bool = False) -> Value:  # noqa: E741 - a lower triangle
    """The x with a @ x = b for a = L @ L.mT, given L, the Cholesky factor; b is (..., n, k).

    upper: whether the upper triangle L.mT is given. Raises ValueError for shapes that do not fit.
    """
    lower = swapaxes(l, -1, -2) if upper else l
    half = solve_triangular(lower, b, upper=False)
    return solve_triangular(swapaxes(lower, -1, -2), half, upper=True)


@composite
def cholesky_inverse(l: Value, upper: bool = False) -> Value:  # noqa: E741 - a lower triangle
    """The inverse of a = L @ L.mT, given L, the Cholesky factor. upper: whether the upper triangle L.mT is given."""
    half = inv(tril(swapaxes(l, -1, -2) if upper else l))
    return matmul(swapaxes(half, -1, -2), half)
