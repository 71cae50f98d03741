"""tl.linalg: matrices alone and in batches, singular ones, what is refused, and float16."""

import math

import numpy as np
import pytest

import tinygrad_lecture as tl

A = np.array([[4.0, 1.0, -2.0], [1.0, 3.0, 0.5], [0.0, 1.0, 5.0]])
SPD = A @ A.T


@pytest.mark.parametrize(
    ("name", "x", "wanted"),
    [
        ("inv", A, np.linalg.inv(A)),
        ("det", A, np.linalg.det(A)),
        ("cholesky", SPD, np.linalg.cholesky(SPD)),
        ("norm", A, np.linalg.norm(A)),
    ],
)
def test_one_matrix(name, x, wanted):
    function = getattr(tl.linalg, name)
    x = tl.tensor(x)
    np.testing.assert_allclose(function(x).numpy(), wanted, rtol=1e-12)
    assert tl.gradcheck(function, x) and tl.gradgradcheck(function, x)
    assert function(x.float()).dtype == tl.float32
    assert function(x.half()).dtype == tl.float16


def test_solve_takes_a_vector_a_matrix_or_a_vector_for_each_matrix():
    a, batch = tl.tensor(A), tl.tensor(np.stack([A, SPD]))
    for matrix, b in (
        (a, tl.ones(3)),
        (a, tl.ones(3, 2)),
        (batch, tl.ones(2, 3)),
        (batch, tl.ones(3, 1)),
        (batch, tl.ones(3)),
    ):
        b = b.double()
        x = tl.linalg.solve(matrix, b)
        columns = b.ndim == 1 or b.shape == matrix.shape[:-1]
        back = (matrix @ x.unsqueeze(-1)).squeeze(-1) if columns else matrix @ x
        np.testing.assert_allclose(back.numpy(), np.broadcast_to(b.numpy(), back.shape), rtol=1e-12)
        assert tl.gradcheck(tl.linalg.solve, (matrix, b))


def test_slogdet_is_a_named_pair_that_does_not_overflow():
    sign, logabsdet = tl.linalg.slogdet(tl.eye(3, dtype=tl.float64) * -1e200)
    assert sign.item() == -1
    assert logabsdet.item() == pytest.approx(3 * math.log(1e200))
    assert tl.linalg.slogdet(tl.zeros(2, 2)).logabsdet.item() == -math.inf


@pytest.mark.parametrize(
    ("rows", "cofactors"),
    [
        ([[1, 2], [2, 4]], [[4, -2], [-2, 1]]),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        ([[0, 1], [0, 0]], [[0, 0], [-1, 0]]),
    ],
)
def test_the_gradient_of_det_is_exact_where_it_is_zero(rows, cofactors):
    x = tl.tensor(rows, dtype=tl.float64, requires_grad=True)
    (gradient,) = tl.grad(tl.linalg.det(x), x)
    np.testing.assert_allclose(gradient.numpy(), cofactors, atol=1e-12)


@pytest.mark.parametrize("ord", ["fro", 1, -1, math.inf, -math.inf])
def test_a_matrix_has_the_norms_of_numpy(ord):
    for found in (tl.linalg.norm(tl.tensor(A), ord), tl.linalg.matrix_norm(tl.tensor(A), ord)):
        np.testing.assert_allclose(found.numpy(), np.linalg.norm(A, ord), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tl.linalg.inv(tl.ones(2, 3)), r"inv: needs square matrices, \(..., n, n\), not shape \(2, 3\)"),
        (lambda: tl.linalg.det(tl.ones(2)), "det: needs square matrices"),
        (lambda: tl.linalg.slogdet(tl.ones(2, 3)), "slogdet: needs square matrices"),
        (lambda: tl.linalg.inv(tl.ones(2, 2)), "inv: Singular matrix"),
        (lambda: tl.linalg.solve(tl.ones(2, 2), tl.ones(2)), "solve: Singular matrix"),
        (
            lambda: tl.linalg.solve(tl.eye(2), tl.ones(3, 1)),
            r"solve: a of shape \(2, 2\) needs b of shape \(..., 2, k\)",
        ),
        (lambda: tl.linalg.cholesky(-tl.eye(2)), "cholesky: .*positive definite"),
        (lambda: tl.linalg.norm(tl.eye(2), "nuc"), 'norm: ord must be "fro", 1, -1, inf or -inf for a matrix'),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
