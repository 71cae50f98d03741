"""Products of vectors and matrices beside `matmul`; and linear algebra, `tl.linalg` with the names of `torch.linalg`.

(..., n, n) is a batch of matrices. What has no rule here, such as eigenvalues, is left out.

The rules of square matrices are those of Giles, "Collected matrix derivative results for forward and reverse mode AD"
(2008). LAPACK, which computes them, has no float16: it is computed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from string import ascii_letters
from typing import Any, Concatenate, NamedTuple

import numpy as np

from ..autograd.op import Op, Value, op
from ..autograd.op_definition import P
from ..backend import Shape, column_major, row_major, xp
from ..errors import LinAlgError, broadcast_message
from ..kernels.threads import one_thread
from .basics import matmul, sum, where
from .composite import as_floats, composite, in_float32
from .elementwise import root
from .indexing import diagonal, diagonal_matrix, main_diagonal, tril, triu
from .reduction import norm as vector_norm
from .shape import Axes, expand_copy, normal_axes, squeeze, swapaxes, unsqueeze

__all__ = [
    "LinAlgError", "cholesky", "det", "inv", "matmul", "norm", "slogdet", "solve", "solve_triangular", "vector_norm",
]  # fmt: skip


# --- products -----------------------------------------------------------------------------------------------


@matmul.explains
def _(a: Value, b: Value) -> str | None:
    if a.ndim == 0 or b.ndim == 0:
        return "a 0-d tensor has no rows and columns; multiply with *"
    inner_a, inner_b = a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0]
    if inner_a != inner_b:
        one = "transpose" if inner_a in b.shape[-2:] or inner_b in a.shape[-2:] else "reshape"
        return (
            f"{a.shape} @ {b.shape}: the inner sizes {inner_a} and {inner_b} differ, and (n, k) @ (k, m) needs them "
            f"equal; {one} one of them"
        )
    return broadcast_message([a.shape[:-2], b.shape[:-2]])


@composite
def outer(a: Value, b: Value) -> Value:
    """The outer product of two vectors, (n,) and (m,) -> (n, m): result[i, j] = a[i] * b[j].

    Raises ValueError for tensors that are not vectors.
    """
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"needs two vectors, not shapes {a.shape} and {b.shape}; flatten() them first")
    return a[:, None] * b


@composite
def dot(a: Value, b: Value) -> Value:
    """The dot product of two vectors, (n,) and (n,) -> (): sum of a[i] * b[i]. Raises ValueError for other shapes."""
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"needs two vectors of one length, not shapes {a.shape} and {b.shape}; see also matmul")
    return matmul(a, b)


@composite
def bmm(a: Value, b: Value) -> Value:
    """The matrix products of two batches: (b, n, k) @ (b, k, m) -> (b, n, m). Raises ValueError for other shapes."""
    if not (a.ndim == b.ndim == 3 and a.shape[0] == b.shape[0] and a.shape[2] == b.shape[1]):
        raise ValueError(f"needs shapes (b, n, k), (b, k, m), not {a.shape}, {b.shape}; batches broadcast in matmul")
    return matmul(a, b)


@composite
def cdist(x: Value, y: Value, p: float = 2.0) -> Value:
    """The distances between all points of x, (..., n, d), and all of y, (..., m, d): (..., n, m).

    p: the order of the norm of a difference, 2 for the Euclidean distance (the default); see `norm`. The gradient of a
    distance of 0 is 0. As in PyTorch, the Euclidean distances of more than 25 points are computed from a product of
    matrices, which rounds: equal points may have a small distance. Raises ValueError for another number of coordinates.

        tl.cdist(tl.tensor([[0.0, 0.0]]), tl.tensor([[3.0, 4.0], [0.0, 1.0]]))      # tensor([[5., 1.]])
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"needs points (..., n, d) and (..., m, d), not shapes {x.shape} and {y.shape}")
    x, y = as_floats(x), as_floats(y)
    if p != 2 or max(x.shape[-2], y.shape[-2]) <= 25:
        return vector_norm(x[..., :, None, :] - y[..., None, :, :], p, -1)  # (..., n, m, d) -> (..., n, m)
    lengths = sum(x * x, -1, True) + swapaxes(sum(y * y, -1, True), -1, -2)  # (..., n, m)
    squares = lengths - 2 * matmul(x, swapaxes(y, -1, -2))  # |x - y|² = |x|² + |y|² - 2 x·y, rounded maybe below 0
    return root(where(squares > 0, squares, 0))


@op(analytic=True)
@one_thread
def contract(*operands: Value, inputs: tuple[str, ...], output: str) -> Value:
    """einsum with a letter for each axis of each operand, and no letter twice in one."""
    out = xp(*operands).einsum(",".join(inputs) + "->" + output, *operands, optimize=True)
    return row_major(out) if len(operands) > 1 else out  # of one, as in "ij->ji", it is a view


@contract.backward
def _(
    g: Value, index: int, operands: list[Value], shapes: list[Shape], inputs: tuple[str, ...], output: str
) -> Value:  # fmt: skip
    others = [operand for i, operand in enumerate(operands) if i != index]
    subscripts = [letters for i, letters in enumerate(inputs) if i != index]
    shared = "".join(c for c in inputs[index] if c in output + "".join(subscripts))
    # the upstream gradient takes the operand's place: the same einsum, with output and this input exchanged
    gradient = contract(g, *others, inputs=(output, *subscripts), output=shared)
    if shared != inputs[index]:  # along an axis that only this operand names, all elements get the same
        gradient = gradient[tuple(slice(None) if c in shared else None for c in inputs[index])]
    whole = np.broadcast_shapes(gradient.shape, shapes[index])
    return gradient if gradient.shape == whole else expand_copy(gradient, whole)


@contract.explains
def _(*operands: Value, inputs: tuple[str, ...], output: str) -> str | None:
    sizes: dict[str, set[int]] = {}
    for letters, operand in zip(inputs, operands, strict=True):
        for letter, size in zip(letters, operand.shape, strict=True):
            sizes.setdefault(letter, set()).add(size)
    for letter, found in sizes.items():
        if len(found - {1}) > 1:
            return f"the axes {letter!r} have sizes {' and '.join(map(str, sorted(found)))}, which must be equal"
    return None


@composite
def einsum(equation: str, *operands: Any) -> Value:
    """Einstein summation: multiplies the operands and sums over the letters that the output does not name.

    operands: tensors, one by one or in a list.
    equation: a letter for each axis of each operand, as in "bik,bkj->bij". As in NumPy: `...` stands for axes that
    broadcast, a letter repeated within an operand takes a diagonal, and without `->` the output has the letters that
    occur once, in alphabetical order. Raises ValueError for an equation that does not fit the operands, TypeError if it
    is not the first argument.

    The gradient with respect to an operand is again an einsum: the upstream gradient takes the operand's place, and
    the output gets its subscripts. Of a letter that is repeated within an operand, the diagonal is taken beforehand.

        a, b = tl.ones(2, 3), tl.ones(3, 4)
        tl.einsum("ik,kj->ij", a, b).shape      # (2, 4)
        tl.einsum("ij->j", a)                   # tensor([2., 2., 2.])
    """
    if not isinstance(equation, str):
        raise TypeError('the equation comes first, as in einsum("ij,jk->ik", a, b)')
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    inputs, output = _subscripts(equation, [operand.ndim for operand in operands])
    arrays = list(operands)
    for position, letters in enumerate(inputs):
        for letter in dict.fromkeys(letters):
            while letters.count(letter) > 1:
                array, first, second = arrays[position], letters.index(letter), letters.rindex(letter)
                if array.shape[first] != array.shape[second]:
                    raise ValueError(
                        f"{letter!r} stands twice for operand {position} of shape {operands[position].shape}, so its "
                        "axes must have the same size"
                    )
                arrays[position] = diagonal(array, 0, first, second)  # as a last axis, in place of the two
                letters = letters[:first] + letters[first + 1 : second] + letters[second + 1 :] + letter
        inputs[position] = letters
    return contract(*arrays, inputs=tuple(inputs), output=output)


def _subscripts(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """A letter for each axis of each operand, and those of the output, with letters in place of ellipses."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"{equation!r} names {len(terms)} operands, but {len(ranks)} were given")
    if not arrow:
        once = sorted(letter for letter in set(left) - set(",.") if left.count(letter) == 1)
        output = ("..." if "..." in left else "") + "".join(once)
    spare = "".join(letter for letter in ascii_letters if letter not in left)
    widest = ""
    for position, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        hidden = rank - len(term.replace("...", ""))
        if hidden < 0 or (hidden > 0 and "..." not in term):
            raise ValueError(f"{term!r} in {equation!r} does not name the {rank} axes of operand {position}")
        dots = spare[len(spare) - hidden :]  # the last axes of one broadcast with the last of the others
        terms[position] = term.replace("...", dots)
        widest = max(widest, dots, key=len)
    return terms, output.replace("...", widest)


# --- square matrices ----------------------------------------------------------------------------------------


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

    The gradient is det(a) times the transposed inverse, so it needs an invertible matrix. Raises ValueError for
    matrices that are not square.
    """
    return _nan_kept(a, xp(a).linalg.det(a))


@det.backward
def _(g: Value, a: Value, out: Value) -> Value:
    return (g * out)[..., None, None] * _transposed(inv(a))


@composite
def slogdet(a: Value) -> SignAndLog:
    """The determinant as a named pair (sign, logabsdet), with det = sign * exp(logabsdet): it cannot overflow.

    A singular matrix has sign 0 and logabsdet -inf. The gradient of logabsdet is the transposed inverse.
    """
    return SignAndLog(sign_of_det(a), log_of_det(a))


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
    not positive definite (on a GPU: nan).
    """
    return column_major(xp(a).linalg.cholesky(0.5 * (a + a.swapaxes(-1, -2))))


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
def solve_triangular(a: Value, b: Value, *, upper: bool) -> Value:
    """The x with a @ x = b for triangular matrices a, (..., n, n), of which the other triangle is not read.

    upper: whether a is upper triangular.  b: (..., n, k).
    Raises ValueError for a singular matrix (on a GPU: nan or inf) and for shapes that do not fit.
    """
    return solve_columns((triu if upper else tril)(a), b)


@composite
def cholesky_solve(b: Value, l: Value) -> Value:  # noqa: E741 - a lower triangle
    """The x with a @ x = b for a = L @ L.mT, given L, the Cholesky factor; b is (..., n, k).

    Raises ValueError for shapes that do not fit.
    """
    return solve_triangular(_transposed(l), solve_triangular(l, b, upper=False), upper=True)


@partial(composite, name="norm")
def any_norm(x: Value, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Value:
    """The norm over axes, as `torch.linalg.norm`: `vector_norm`, and of matrices the square root of the sum of squares.

    ord: that of `vector_norm`; None (the default) for the square root of the sum of squares.
    axis (also `dim`): an int, a pair or None for all.  keepdims (also `keepdim`): whether to keep them, with size 1.
    Raises ValueError for the ord of a matrix.
    """
    if ord is not None and len(normal_axes(x.ndim, axis)) == 2:
        raise ValueError("the norms of matrices are not here; write vector_norm, or for 1 abs(x).sum(-2).amax(-1)")
    return vector_norm(x, 2 if ord is None else ord, axis, keepdims)


norm = any_norm
