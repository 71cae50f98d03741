"""Square matrices: inverse, solving, determinant and Cholesky, each with its rule. (..., n, n) is a batch.

The rules are those of Giles, "Collected matrix derivative results for forward and reverse mode AD" (2008).
LAPACK, which computes them, has no float16: it is computed in float32.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...autograd.op import Op, Value, op
from ...backend import in_columns, xp
from ...kernels.blas import one_thread
from ..composite import composite
from ..elementwise import where
from ..half import in_float32
from ..indexing import diagonal_matrix, main_diagonal, tril
from ..linalg import matmul
from ..reduction import sum
from ..shape import squeeze, swapaxes, unsqueeze

__all__ = ["cholesky", "det", "inv", "logdet", "slogdet", "solve"]


class SignAndLog(NamedTuple):
    """The result of `slogdet`: det = sign * exp(logabsdet)."""

    sign: Any
    logabsdet: Any


@op(analytic=True)
@one_thread
@in_float32
def inv(a: Value, /) -> Value:
    """The inverse of square matrices, (..., n, n). Raises ValueError for a singular matrix (on a GPU: nan or inf).

    To solve a x = b, `solve` is faster and more accurate.
    """
    return in_columns(xp(a).linalg.inv(a))


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


@op(analytic=True)
@one_thread
@in_float32
def solve_columns(a: Value, b: Value, /) -> Value:
    """`solve` for matrices b."""
    lib = xp(a, b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (lib.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
    return in_columns(lib.linalg.solve(a, b))


@solve_columns.backward("a")
def _(g: Value, a: Value, out: Value) -> Value:
    return -matmul(solve_columns(_transposed(a), g), _transposed(out))  # d x = A⁻¹ (db - dA x)


@solve_columns.backward("b")
def _(g: Value, a: Value) -> Value:
    return solve_columns(_transposed(a), g)


@op(analytic=True)
@one_thread
@in_float32
def det(a: Value, /) -> Value:
    """The determinant of square matrices, (..., n, n) -> (...).

    The gradient is exact for singular matrices too; second derivatives need an invertible one.
    """
    return xp(a).linalg.det(a)


@det.backward
def _(g: Value, a: Value) -> Value:
    return g[..., None, None] * cofactors(a)


@op
@one_thread
@in_float32
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


@op(differentiable=False)
@one_thread
@in_float32
def sign_of_det(a: Value, /) -> Value:
    """-1, 0 or 1."""
    return xp(a).linalg.slogdet(a)[0]


@op
@one_thread
@in_float32
def log_of_det(a: Value, /) -> Value:
    """log |det(a)|."""
    return xp(a).linalg.slogdet(a)[1]


@log_of_det.backward
def _(g: Value, a: Value) -> Value:
    return g[..., None, None] * _transposed(inv(a))


@op
@one_thread
@in_float32
def cholesky(a: Value, /) -> Value:
    """The lower triangular L with L @ L.mT = a, for symmetric positive definite matrices a, (..., n, n).

    Of a matrix that is not symmetric, the symmetric part (a + a.mT) / 2 counts. Raises ValueError for a matrix that is
    not positive definite (on a GPU: nan). With upper=True it is L.mT.
    """
    return in_columns(xp(a).linalg.cholesky(0.5 * (a + a.swapaxes(-1, -2))))


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


def _transposed(a: Value) -> Value:
    return swapaxes(a, -1, -2)


def _explain(*ops: Op[Any]) -> None:
    for each in ops:

        @each.explains
        def _(a: Value, b: Value = None) -> str | None:
            if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
                return f"needs square matrices, (..., n, n), not shape {a.shape}"
            if b is not None and (b.ndim < 2 or b.shape[-2] != a.shape[-1]):
                return f"a of shape {a.shape} needs b of shape (..., {a.shape[-1]}, k), not {b.shape}"
            return None


_explain(inv, solve_columns, det, cofactors, sign_of_det, log_of_det, cholesky)
