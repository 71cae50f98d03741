"""Statistics at the edges: nothing to count, only nan, equal elements; and what is refused."""

import math

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.ops.elementary import derivative_of_digamma

nan, inf = math.nan, math.inf


def test_counts_without_weights_are_integers():
    counts = tl.bincount(tl.tensor([1, 3, 1]), minlength=6)
    assert (counts.tolist(), counts.dtype) == ([0, 2, 0, 1, 0, 0], tl.int64)
    assert tl.bincount(tl.zeros(0, dtype=tl.int64)).shape == (0,)
    assert tl.bincount(np.array([0, 2])).tolist() == [1, 0, 1]
    assert tl.tensor([2, 0]).bincount(tl.tensor([0.5, 2.0])).tolist() == [2, 0, 0.5]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tl.bincount(tl.tensor([1.0])), TypeError, "needs integers, not float32"),
        (lambda: tl.bincount(tl.tensor([-1])), ValueError, "there is -1"),
        (lambda: tl.bincount(tl.zeros(1, 1, dtype=tl.int64)), ValueError, r"needs a vector.*not \(1, 1\)"),
        (lambda: tl.bincount(tl.tensor([1, 2]), tl.ones(3)), ValueError, "weights of its shape"),
        (lambda: tl.quantile(tl.ones(2), 1.5), ValueError, "q must be a number from 0 to 1"),
        (lambda: tl.quantile(tl.ones(2), 0.5, interpolation="cubic"), ValueError, "interpolation must be"),
        (lambda: tl.quantile(tl.ones(0), 0.5), ValueError, "has no elements"),
        (lambda: tl.searchsorted(tl.ones(2, 3), tl.ones(3, 1)), ValueError, "do not fit"),
        (lambda: tl.searchsorted(tl.ones(2), tl.ones(1), side="middle"), ValueError, "side must be"),
        (lambda: tl.cov(tl.ones(1, 1, 1)), ValueError, "needs a matrix"),
        (lambda: tl.cdist(tl.ones(2, 3), tl.ones(2, 2)), ValueError, r"shapes \(2, 3\) and \(2, 2\)"),
        (lambda: tl.rot90(tl.ones(2, 2), 1, (0,)), ValueError, "two axes"),
        (lambda: tl.linalg.qr(tl.ones(2, 2), mode="complete"), ValueError, 'mode must be "reduced"'),
        (lambda: tl.matrix_power(tl.ones(2, 3), 2), ValueError, "needs square matrices"),
    ],
)
def test_what_has_no_answer_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_runs_of_equal_elements_and_of_equal_rows():
    values, inverse, counts = tl.unique_consecutive(tl.tensor([1, 1, 2, 1]), return_inverse=True, return_counts=True)
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([1, 2, 1], [0, 0, 1, 2], [2, 1, 1])
    rows = tl.tensor([[1, 2], [1, 2], [0, 2]])
    assert tl.unique_consecutive(rows, dim=0).tolist() == [[1, 2], [0, 2]]
    assert tl.unique_consecutive(rows, dim=1).tolist() == rows.tolist()
    assert tl.unique_consecutive(tl.zeros(0)).shape == (0,)


def test_where_all_is_nan_so_is_the_result():
    x = tl.tensor([[nan, nan], [1.0, nan]])
    assert str(tl.nanmean(x, 1).tolist()) == "[nan, 1.0]"
    assert tl.nansum(x, 1).tolist() == [0, 1]
    assert str(tl.quantile(x, 0.5, dim=1).tolist()) == "[nan, nan]"


def test_quantiles_of_integers_lie_between_them():
    assert tl.quantile(tl.tensor([1, 2]), 0.5).item() == 1.5
    assert tl.quantile(tl.tensor([12, -3, 0, 100, -128]), 0.3).item() == pytest.approx(-2.4)


def test_quantiles_of_infinities_are_not_nan():
    assert tl.quantile(tl.tensor([-inf, 1.0, inf]), tl.tensor([0.0, 0.5, 1.0])).tolist() == [-inf, 1, inf]


def test_nan_and_inf_become_numbers():
    x = tl.tensor([nan, inf, -inf, 1.0], requires_grad=True)
    largest = float(np.finfo("float32").max)
    assert tl.nan_to_num(x).tolist() == [0, largest, -largest, 1]
    y = x.nan_to_num(nan=2.0, posinf=3.0, neginf=4.0)
    assert y.tolist() == [2, 3, 4, 1]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1]
    assert tl.nan_to_num(tl.tensor([1, 2])).tolist() == [1, 2]


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_entropies_at_zero():
    x, y = tl.zeros(2, requires_grad=True), tl.tensor([0.0, 3.0], requires_grad=True)
    z = tl.xlogy(x, y)
    assert z.tolist() == [0, 0]
    z.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, math.log(3)], rtol=1e-6)
    assert y.grad.tolist() == [0, 0]
    assert tl.xlogy(tl.tensor([0.0, 2.0]), 2.0).tolist() == pytest.approx([0, 2 * math.log(2)])
    assert tl.xlogy(tl.tensor(2.0), tl.tensor(0.0)).item() == -inf


def test_the_error_function_in_its_tails():
    x = tl.tensor([0.0, 5.0, 10.0, 20.0, -10.0], dtype=tl.float64)
    np.testing.assert_allclose(tl.erfc(x).numpy(), [math.erfc(v) for v in x.tolist()], rtol=1e-12)
    y = tl.tensor([0.0, 1e-20, 1 - 1e-12, -1.0, 1.0], dtype=tl.float64)
    np.testing.assert_allclose(tl.erf(tl.erfinv(y)).numpy(), y.numpy(), rtol=1e-15)
    assert tl.erfinv(y)[3:].tolist() == [-inf, inf]
    assert math.isnan(tl.erfinv(tl.tensor(1.5)).item())


def test_gamma_at_its_poles_and_far_out():
    x = tl.tensor([0.0, -1.0, -2.5, 171.0, 1e10, inf], dtype=tl.float64)
    expected = [inf, inf, math.lgamma(-2.5), math.lgamma(171), math.lgamma(1e10), inf]
    np.testing.assert_allclose(tl.lgamma(x).numpy(), expected, rtol=1e-12)
    assert tl.digamma(x)[0].item() == -inf
    assert tl.digamma(x)[1].isnan()
    below = tl.tensor(-2.5, dtype=tl.float64)
    assert tl.digamma(below).item() == pytest.approx(1.1031566406452432)
    assert [derivative_of_digamma(below, n).item() for n in (1, 2, 3)] == pytest.approx(
        [9.5392, -0.1082, 194.7479], rel=1e-4
    )


def test_least_squares_tell_residuals_and_rank():
    a, b = tl.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), tl.tensor([1.0, 2.0, 4.0])
    found = tl.linalg.lstsq(a, b)
    np.testing.assert_allclose(found.solution.numpy(), [5 / 6, 1.5], rtol=1e-5)
    assert found.residuals.tolist() == pytest.approx([1 / 6])
    assert found.rank.item() == 2
    assert tl.linalg.lstsq(a[:2], b[:2]).residuals.shape == (0,)


def test_poisson_draws_counts_with_the_given_means():
    tl.manual_seed(0)
    drawn = tl.poisson(tl.full((4000,), 3.0))
    assert drawn.dtype == tl.float32
    assert abs(drawn.mean().item() - 3) < 0.15
    assert abs(drawn.var().item() - 3) < 0.4
    with pytest.raises(ValueError, match="means must be 0 or more"):
        tl.poisson(tl.tensor([-1.0]))


def test_places_of_triangles():
    assert tl.tril_indices(2, 3).tolist() == [[0, 1, 1], [0, 0, 1]]
    assert tl.triu_indices(2, 3, 1).tolist() == [[0, 0, 1], [1, 2, 2]]
    assert tl.tril_indices(2, 2, -1, dtype=tl.int32).dtype == tl.int32


def test_distances_of_many_points_come_from_a_product_and_are_those_of_few():
    tl.manual_seed(0)
    x, y = (tl.randn(2, 30, 3, dtype=tl.float64).requires_grad_() for _ in range(2))
    direct = tl.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    by_product = tl.cdist(x, y)
    assert tl.allclose(by_product, direct)
    for wanted, found in zip(tl.grad(direct.sum(), [x, y]), tl.grad(by_product.sum(), [x, y]), strict=True):
        assert tl.allclose(wanted, found)
    same = tl.cdist(x, x, compute_mode="use_mm_for_euclid_dist")
    same.sum().backward()
    assert x.grad.isfinite().all()
