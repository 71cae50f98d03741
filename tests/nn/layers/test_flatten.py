"""Flatten and Unflatten."""

import pytest

import nn
import tinygrad_lecture as tl


def test_images_to_rows_and_back():
    images = tl.rand(32, 28, 28)
    rows = nn.Flatten()(images)
    assert rows.shape == (32, 784)
    assert nn.Unflatten(1, (28, 28))(rows).tolist() == images.tolist()
    assert nn.Unflatten(-1, (-1, 7))(rows).shape == (32, 112, 7)


def test_some_axes():
    x = tl.zeros(2, 3, 4, 5)
    assert nn.Flatten(0, 1)(x).shape == (6, 4, 5)
    assert nn.Flatten(-2)(x).shape == (2, 3, 20)
    assert nn.Unflatten(0, (2, 1))(x).shape == (2, 1, 3, 4, 5)
    assert nn.Unflatten(1, (1, 3, 1))(tl.zeros(0, 3)).shape == (0, 1, 3, 1)


@pytest.mark.parametrize("sizes", [(2, 3), (-1, -1), (-1, 3), (0, -1)])
def test_sizes_that_do_not_fit_are_refused(sizes):
    with pytest.raises(ValueError, match=r"in Unflatten: cannot split axis 1 of size 4 into .* got \(2, 4\)"):
        nn.Unflatten(1, sizes)(tl.zeros(2, 4))
    with pytest.raises(IndexError, match=r"axis 2 is out of range for shape \(2, 4\)"):
        nn.Unflatten(2, (2, 2))(tl.zeros(2, 4))


def test_repr():
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
    assert repr(nn.Unflatten(1, [2, 3])) == "Unflatten(dim=1, unflattened_size=(2, 3))"


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Flatten(), (3,)), (nn.Flatten(5), (2, 3)), (nn.Flatten(0, 2), (2, 3))]
)
def test_axes_out_of_range_are_refused(layer, shape):
    with pytest.raises(IndexError, match=r"Flatten: axis -?. is out of range for shape"):
        layer(tl.ones(*shape))


def test_flatten_of_a_0d_tensor():
    assert nn.Flatten(0)(tl.tensor(2.0)).shape == (1,)
