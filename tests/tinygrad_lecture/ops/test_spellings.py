"""Calls as PyTorch's programs write them, by position, by `dim` or by `axis`, give what PyTorch gives."""

import numpy as np
import pytest

import tinygrad_lecture as tl

X = tl.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 2.0]])


@pytest.mark.parametrize("name", ["max", "min", "median", "mode", "sort"])
def test_values_and_indices_under_every_spelling(name):
    free, method = getattr(tl, name), getattr(X, name)
    expected = free(X, 1)
    values, indices = expected
    assert (expected.values is values, expected.indices is indices) == (True, True)
    assert values.equal(X.gather(1, indices.view(2, -1)).view(values.shape))
    for result in (free(X, dim=1), free(X, axis=-1), method(1), method(dim=-1), method(axis=1)):
        assert result.values.equal(values)
        assert result[1].equal(indices)
    if name != "sort":
        for result in (free(X, 1, True), method(1, keepdim=True), method(dim=1, keepdims=True)):
            assert result[0].equal(values[:, None])
            assert result[1].equal(indices[:, None])


def test_inputs_may_have_pytorchs_names():
    y = X * 2
    assert tl.add(input=X, other=y).equal(tl.add(X, other=y)) is X.add(other=y).equal(X + y) is True
    assert tl.sub(input=X, other=y, alpha=2).equal(X - 2 * y)
    assert tl.sum(input=X, dim=1).equal(X.sum(1))
    assert tl.softmax(input=X, dim=1).equal(tl.softmax(X, 1))
    assert tl.unsqueeze(input=X, dim=0).equal(X[None])
    assert tl.matmul(input=X, other=y.T).equal(X @ y.T)


def test_max_and_min_of_two_tensors_are_elementwise():
    y = X.flip(1)
    assert tl.max(X, y).equal(X.max(y)) is tl.max(X, y).equal(tl.maximum(X, y)) is True
    assert tl.min(X, y).equal(X.min(y)) is tl.min(X, y).equal(tl.minimum(X, y)) is True
    assert tl.max(X, X.numpy() * 2).equal(X * 2)


def test_amax_and_amin_return_values_alone():
    assert X.amax(1).equal(tl.amax(X, dim=1)) is X.amax((0, 1)).equal(X.max()) is True
    assert X.amin(0, keepdims=True).tolist() == [[1, 2, 2]]
    with pytest.raises(TypeError, match="for the values alone there is amax"):
        X.max((0, 1))


def test_a_bool_after_the_axis_of_std_and_var_is_unbiased():
    x = X.numpy()
    for name in ("std", "var"):
        ours, reference = getattr(X, name), getattr(np, name)
        np.testing.assert_allclose(ours(0, False).numpy(), reference(x, 0))
        np.testing.assert_allclose(ours(0, True).numpy(), reference(x, 0, ddof=1))
        np.testing.assert_allclose(ours(False).numpy(), reference(x), rtol=1e-6)
        np.testing.assert_allclose(ours(1, keepdim=True).numpy(), reference(x, 1, ddof=1, keepdims=True))
        np.testing.assert_allclose(ours(dim=1, correction=0).numpy(), reference(x, 1))
        np.testing.assert_allclose(ours(0, False, True).numpy(), reference(x, 0, keepdims=True))


def test_unique_along_an_axis_returns_slices():
    x = tl.tensor([[1, 2], [3, 4], [1, 2]])
    rows, inverse, counts = tl.unique(x, dim=0, return_inverse=True, return_counts=True)
    assert (rows.tolist(), inverse.tolist(), counts.tolist()) == ([[1, 2], [3, 4]], [0, 1, 0], [2, 1])
    assert x.unique(return_inverse=True)[1].tolist() == [[0, 1], [2, 3], [0, 1]]
