"""Settings that name other ops: alpha, rounding_mode, dtype, and einsum with its operands in a list."""

import numpy as np
import pytest

import tinygrad_lecture as tl

X = tl.tensor([[1.5, -2.5], [3.0, 4.0]], requires_grad=True)


def test_alpha_multiplies_what_is_added():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    assert x.add(x, alpha=2).tolist() == tl.add(x, x, alpha=2).tolist() == [3, 6]
    assert x.sub(1, alpha=3).tolist() == [-2, -1]
    (gradient,) = tl.grad(tl.sub(x, x * x, alpha=0.5).sum(), x)
    assert gradient.tolist() == [0, -1]
    assert tl.add(tl.tensor([1]), 2, alpha=3).dtype == tl.int64


@pytest.mark.parametrize(("mode", "wanted"), [("floor", [3, -4, 9, -10]), ("trunc", [3, -3, 10, -10])])
def test_quotients_are_rounded_down_or_towards_zero(mode, wanted):
    a, b = tl.tensor([7.0, -7.0, 1.0, -1.0], requires_grad=True), tl.tensor([2.0, 2.0, 0.1, 0.1], dtype=tl.float64)
    quotient = tl.div(a, b, rounding_mode=mode)
    assert quotient.tolist() == wanted
    quotient.sum().backward()
    assert a.grad.tolist() == [0, 0, 0, 0]
    whole = tl.tensor([7, -7]).div(2, rounding_mode=mode)
    assert whole.dtype == tl.int64 and whole.tolist() == wanted[:2]
    assert tl.div(a, 2.0, rounding_mode=None).tolist() == (a / 2.0).tolist()


def test_other_rounding_modes_are_refused():
    with pytest.raises(ValueError, match='div: rounding_mode must be "floor", "trunc" or None, not \'up\''):
        X.div(2, rounding_mode="up")


@pytest.mark.parametrize(
    "call",
    [
        lambda dtype: X.sum(dtype=dtype),
        lambda dtype: tl.sum(X, 1, dtype=dtype),
        lambda dtype: X.mean(dim=0, keepdim=True, dtype=dtype),
        lambda dtype: X.prod(dtype=dtype),
        lambda dtype: X.cumsum(0, dtype=dtype),
        lambda dtype: X.cumprod(0, dtype=dtype),
        lambda dtype: X.norm(dtype=dtype),
        lambda dtype: tl.softmax(X, 1, dtype=dtype),
        lambda dtype: X.log_softmax(dim=-1, dtype=dtype),
    ],
)
def test_dtype_converts_first(call):
    assert call(None).dtype == tl.float32
    y = call(tl.float64)
    assert y.dtype == tl.float64
    np.testing.assert_allclose(y.detach().numpy(), call(None).detach().numpy(), rtol=1e-5)
    (gradient,) = tl.grad(y.sum(), X)
    assert gradient.dtype == tl.float32


def test_integers_take_a_float_dtype():
    x = tl.tensor([1, 2, 3])
    assert x.mean(dtype=tl.float64).item() == 2
    assert x.softmax(0, dtype=tl.float32).dtype == tl.float32
    assert tl.tensor([0.5, 1.7]).sum(dtype=tl.int64).item() == 1


def test_norm_knows_pytorchs_name_of_its_order():
    assert X.norm(p="fro").item() == X.norm(p=2).item() == X.norm().item()
    assert tl.norm(X, p=1, dim=0).tolist() == [4.5, 6.5]


def test_einsum_takes_its_operands_in_a_list():
    assert tl.einsum("ij,kj->ik", [X, X]).tolist() == (X @ X.T).tolist()


@pytest.mark.parametrize("dtypes", [(tl.float32, tl.float64), (tl.int32, tl.int64)])
def test_an_operand_of_einsum_that_is_summed_away_still_promotes(dtypes):
    for one, other in (dtypes, dtypes[::-1]):
        assert tl.einsum("ij,k->ij", tl.ones(2, 3, dtype=one), tl.ones(4, dtype=other)).dtype == dtypes[1]


def test_what_pytorch_computes_of_bools_of_nothing_and_of_none():
    mask, places = tl.tensor([True, False]), tl.tensor([0, 1])
    assert tl.sign(mask).equal(mask)
    assert tl.scatter_reduce(mask, 0, places, ~mask, "amin").tolist() == [False, False]
    assert tl.scatter_reduce(mask, 0, places, ~mask, "amax").tolist() == [True, True]
    assert tl.linalg.matrix_rank(tl.zeros(2, 0, 3)).tolist() == [0, 0]
    assert X.var(correction=None).equal(X.var()) and X.std(0, correction=None).equal(X.std(0))


def test_memory_format_changes_nothing():
    for copy in (X.to, X.float, X.double, X.half, X.long, X.int, X.bool, X.byte, X.char, X.short, X.clone):
        assert copy(memory_format=None).equal(copy())


def test_allclose_is_one_bool():
    assert tl.allclose(X, X + 1e-7) is True
    assert X.allclose(X + 1) is False
    assert tl.allclose(np.array([np.nan]), np.array([np.nan]), equal_nan=True) is True
    assert tl.allclose(tl.tensor([np.inf]), tl.tensor([1.0])) is False
