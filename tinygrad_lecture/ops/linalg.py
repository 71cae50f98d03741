"""Linear algebra, `tl.linalg` with the names of PyTorch's `torch.linalg`: square matrices, factorizations and norms.

(..., n, n) is a batch of matrices. What has no rule here, such as eigenvalues, is left out.

The rules of square matrices are those of Giles, "Collected matrix derivative results for forward and reverse mode AD"
(2008). LAPACK, which computes them, has no float16: it is computed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Concatenate, NamedTuple

import numpy as np

from ..autograd.op import Op, Value, op
from ..autograd.op_definition import P
from ..backend import Shape, column_major, xp
from ..errors import LinAlgError, brief
from ..kernels.blas import one_thread
from ..tensor_base import array_of, wrap_like
from .basics import matmul, sum
from .composite import composite
from .copying import as_floats, in_float32, where
from .elementwise import abs as absolute
from .elementwise import square
from .indexing import diagonal, diagonal_matrix, main_diagonal, tril, triu
from .products import cross_along as cross
from .reduction import amax, amin
from .reduction import norm as vector_norm
from .shape import Axes, cat, normal_axes, squeeze, swapaxes, unsqueeze

__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "diagonal", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "vector_norm",
]  # fmt: skip


def lapack(**kind: bool) -> Callable[[Callable[Concatenate[Any, P], Any]], Op[P]]:
    """Decorate a function that LAPACK computes, with one thread; make it an op. kind: the settings of `op`."""
    return lambda function: op(**kind)(one_thread(in_float32(function)))


def _transposed(a: Value) -> Value:
    return swapaxes(a, -1, -2)


class SignAndLog(NamedTuple):
    """The result of `slogdet`: det = sign * exp(logabsdet)."""

    sign: Any
    logabsdet: Any


@lapack(analytic=True)
def inv(a: Value, /) -> Value:
    """The inverse of square matrices, (..., n, n). Raises ValueError for a singular matrix (on a GPU: nan or inf).

    To solve a x = b, `solve` is faster and more accurate.
    """
    return column_major(xp(a).linalg.inv(a))


@inv.backward
def _(g: Value, out: Value) -> Value:
    t = _transposed(out)
    return -matmul(matmul(t, g), t)  # d A⁻¹ = -A⁻¹ dA A⁻¹


@composite
def solve(a: Value, b: Value) -> Value:
    """The x with a @ x = b, for square matrices a of shape (..., n, n).

    b: matrices (..., n, k), a vector (n,), or a vector for each matrix of a; x has b's shape, after broadcasting.
    Raises ValueError for a singular matrix (on a GPU: nan or inf) and for shapes that do not fit.
    """
    if b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1]):
        return squeeze(solve_columns(a, unsqueeze(b, -1)), -1)
    return solve_columns(a, b)


@lapack(analytic=True)
def solve_columns(a: Value, b: Value, /) -> Value:
    """`solve` for matrices b."""
    lib = xp(a, b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (lib.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
    return column_major(lib.linalg.solve(a, b))


@solve_columns.backward("a")
def _(g: Value, a: Value, out: Value) -> Value:
    return -matmul(solve_columns(_transposed(a), g), _transposed(out))  # d x = A⁻¹ (db - dA x)


@solve_columns.backward("b")
def _(g: Value, a: Value) -> Value:
    return solve_columns(_transposed(a), g)


@lapack(analytic=True)
def det(a: Value, /) -> Value:
    """The determinant of square matrices, (..., n, n) -> (...).

    The gradient is exact for singular matrices too; second derivatives need an invertible one. Raises ValueError for
    matrices that are not square.
    """
    return _nan_kept(a, xp(a).linalg.det(a))


@det.backward
def _(g: Value, a: Value) -> Value:
    return g[..., None, None] * cofactors(a)


@lapack()
def cofactors(a: Value, /) -> Value:
    """The derivative of `det` by each element: det(a) times the transposed inverse, where there is one.

    Computed without division from the singular value decomposition a = U S V: the cofactors of a product are the
    product of the cofactors, those of U and V are ±U and ±V, and those of S are the products of the others.
    """
    lib = xp(a)
    u, s, v = lib.linalg.svd(a)
    others = lib.where(lib.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(axis=-1)  # (..., n)
    signs = lib.linalg.det(u) * lib.linalg.det(v)
    return signs[..., None, None] * lib.matmul(u * others[..., None, :], v)


@cofactors.backward
def _(g: Value, a: Value, out: Value) -> Value:
    inner = sum(g * out, (-2, -1), keepdims=True)
    return (inner * out - matmul(matmul(out, _transposed(g)), out)) / det(a)[..., None, None]


@composite
def slogdet(a: Value) -> SignAndLog:
    """The determinant as a named pair (sign, logabsdet), with det = sign * exp(logabsdet): it cannot overflow.

    A singular matrix has sign 0 and logabsdet -inf. The gradient of logabsdet is the transposed inverse.
    """
    return SignAndLog(sign_of_det(a), log_of_det(a))


@composite
def logdet(a: Value) -> Value:
    """The logarithm of the determinant of matrices, (..., n, n) -> (...); -inf where it is 0, nan where negative."""
    sign, size = slogdet(a)
    return where(sign < 0, math.nan, size)


@lapack(differentiable=False)
def sign_of_det(a: Value, /) -> Value:
    """-1, 0 or 1."""
    return xp(a).linalg.slogdet(a)[0]


@lapack()
def log_of_det(a: Value, /) -> Value:
    """log |det(a)|."""
    return _nan_kept(a, xp(a).linalg.slogdet(a)[1])


def _nan_kept(a: Value, found: Value) -> Value:
    """What was found, but nan for a matrix with a nan: LAPACK takes one with a nan for its pivot to be singular."""
    return xp(a).where(xp(a).isnan(a).any(axis=(-2, -1)), math.nan, found)


@log_of_det.backward
def _(g: Value, a: Value) -> Value:
    return g[..., None, None] * _transposed(inv(a))


@lapack()
def cholesky(a: Value, /) -> Value:
    """The lower triangular L with L @ L.mT = a, for symmetric positive definite matrices a, (..., n, n).

    Of a matrix that is not symmetric, the symmetric part (a + a.mT) / 2 counts. Raises ValueError for a matrix that is
    not positive definite (on a GPU: nan). With upper=True it is L.mT.
    """
    return column_major(xp(a).linalg.cholesky(0.5 * (a + a.swapaxes(-1, -2))))


@cholesky.option("upper")
def _(a: Value, upper: bool) -> Value:
    return _transposed(cholesky(a)) if upper else cholesky(a)


@cholesky.backward
def _(g: Value, out: Value) -> Value:
    inverse = inv(out)
    half = tril(matmul(_transposed(out), tril(g)))
    half = half - 0.5 * diagonal_matrix(main_diagonal(half))
    full = matmul(matmul(_transposed(inverse), half), inverse)
    return 0.5 * (full + _transposed(full))


@inv.explains
@solve_columns.explains
@det.explains
@cofactors.explains
@sign_of_det.explains
@log_of_det.explains
@cholesky.explains
def _(a: Value, b: Value = None) -> str | None:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        return f"needs square matrices, (..., n, n), not shape {a.shape}"
    if b is not None and (b.ndim < 2 or b.shape[-2] != a.shape[-1]):
        return f"a of shape {a.shape} needs b of shape (..., {a.shape[-1]}, k), not {b.shape}"
    return None


@composite
def matrix_power(a: Value, n: int) -> Value:
    """The product of n times the matrix a, for square matrices (..., k, k); of its inverse for a negative n.

    Computed by repeated squaring. Raises ValueError for matrices that are not square, or singular if n is negative,
    TypeError for an n that is not an int.

        tl.matrix_power(tl.tensor([[1, 1], [0, 1]]), 5)     # tensor([[1, 5], [0, 1]])
    """
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"needs square matrices, (..., n, n), not shape {a.shape}")
    if not hasattr(n, "__index__"):
        raise TypeError(f"n must be an int, not {brief(n)}")
    if n < 0:
        return matrix_power(inv(a), -n)
    array = array_of(a)
    power = xp(array).eye(a.shape[-1], dtype=array.dtype) + 0 * a
    while n:
        power = matmul(power, a) if n % 2 else power
        n //= 2
        a = matmul(a, a) if n else a
    return power


# --- factorizations, least squares --------------------------------------------------------------------------


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
    return QR(q, cat([r, matmul(_transposed(q), a[..., m:])], -1))


@lapack()
def qr_stacked(a: Value, /) -> Value:
    """Q and R of matrices with m >= n rows, one above the other: (..., m, n) -> (..., m + n, n)."""
    lib = xp(a)
    q, r = lib.linalg.qr(a)
    return column_major(lib.concatenate([q, r], axis=-2))


@qr_stacked.backward
def _(g: Value, out: Value, a_shape: Shape) -> Value:
    m = a_shape[-2]
    q, r, by_q, by_r = out[..., :m, :], out[..., m:, :], g[..., :m, :], g[..., m:, :]
    by_r = triu(by_r)  # below its diagonal R is 0, whatever a is
    inner = matmul(r, _transposed(by_r)) - matmul(_transposed(by_q), q)
    symmetric = tril(inner) + _transposed(tril(inner, -1))
    whole = by_q + matmul(q, symmetric)
    return _transposed(solve_columns(r, _transposed(whole)))  # times R⁻ᵀ


@lapack()
def pinv(a: Value, /) -> Value:
    """The pseudo-inverse of Moore and Penrose: (..., m, n) -> (..., n, m).

    Singular values below eps * max(m, n) times the largest count as 0. The gradient, for a rank that stays, is that of
    Golub and Pereyra (1973).
    """
    return xp(a).linalg.pinv(a, max(a.shape[-2:]) * float(np.finfo(a.dtype).eps))


@pinv.backward
def _(g: Value, a: Value, out: Value) -> Value:
    p, pt, gt = out, _transposed(out), _transposed(g)
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
    array = array_of(rank)
    full = a.shape[-2] > a.shape[-1] and bool((array == a.shape[-1]).all())
    none = wrap_like(a, xp(array).zeros(0, a.dtype))
    return LeastSquares(x, sum(square(matmul(a, x) - b), -2) if full else none, rank, none)


@lapack(differentiable=False)
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
        array = array_of(a)
        a = a + xp(array).eye(a.shape[-1], dtype=array.dtype)
    if left:
        return solve_columns(a, b)
    return _transposed(solve_columns(_transposed(a), _transposed(b)))


@composite
def cholesky_solve(b: Value, l: Value, upper: bool = False) -> Value:  # noqa: E741 - a lower triangle
    """The x with a @ x = b for a = L @ L.mT, given L, the Cholesky factor; b is (..., n, k).

    upper: whether the upper triangle L.mT is given. Raises ValueError for shapes that do not fit.
    """
    lower = _transposed(l) if upper else l
    half = solve_triangular(lower, b, upper=False)
    return solve_triangular(_transposed(lower), half, upper=True)


# --- norms --------------------------------------------------------------------------------------------------


@composite
def matrix_norm(x: Value, ord: Any = "fro", axis: tuple[int, int] = (-2, -1), keepdims: bool = False) -> Value:
    """The norm of matrices: "fro" (Frobenius) is sqrt(sum x²), 1 the largest sum of |x| in a column, inf in a row.

    ord: "fro" (the default), 1, inf, or -1 and -inf for the smallest such sum.
    axis (also `dim`): the two axes of the matrices.  keepdims (also `keepdim`): whether to keep them, with size 1.
    Raises ValueError for another ord: 2 and "nuc" need singular values, which have no rule here.
    """
    if ord == "fro":
        return vector_norm(x, 2, axis, keepdims)
    if ord not in (1, -1, math.inf, -math.inf):
        raise ValueError(f'ord must be "fro", 1, -1, inf or -inf for a matrix, not {ord!r}')
    rows, columns = normal_axes(x.ndim, axis)
    added, kept = (rows, columns) if math.isfinite(ord) else (columns, rows)
    sums = sum(absolute(as_floats(x)), added, keepdims=True)
    best = (amax if ord > 0 else amin)(sums, (kept,), keepdims=True)
    return best if keepdims else sum(best, (added, kept))


@partial(composite, name="norm")
def any_norm(x: Value, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Value:
    """The norm of vectors or matrices, as `torch.linalg.norm`: `matrix_norm` over two axes, `vector_norm` over others.

    ord: None (the default) for the square root of the sum of squares; else the ord of those two functions.
    axis (also `dim`): an int, a pair or None. None is all axes and, with an ord, the axes of a vector or a matrix.
    keepdims (also `keepdim`): whether to keep the axes, with size 1. Raises ValueError for another ord.
    """
    if ord is None:
        return vector_norm(x, 2, axis, keepdims)
    axes = normal_axes(x.ndim, axis)
    return matrix_norm(x, ord, axes, keepdims) if len(axes) == 2 else vector_norm(x, ord, axes, keepdims)


norm = any_norm
