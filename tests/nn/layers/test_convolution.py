"""Convolutions, padding and Flatten: the transpose, memory order, sizes that do not fit; values: test_parity_layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_a_filter_of_ones_sums_each_window():
    x = tl.arange(9.0).reshape(1, 1, 3, 3)
    assert F.conv2d(x, tl.ones(1, 1, 2, 2)).tolist() == [[[[8, 12], [20, 24]]]]
    assert F.conv2d(x, tl.ones(1, 1, 2, 2), tl.tensor([0.5]), stride=2).tolist() == [[[[8.5]]]]
    assert F.conv2d(x, tl.ones(1, 1, 3, 3), padding="same")[0, 0, 1].tolist() == [21, 36, 27]


@given(st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(4, 7))
def test_a_transposed_convolution_is_the_transpose(stride, padding, dilation, n):
    """The dot product of y with conv(x) is that of conv_transpose(y) with x."""
    tl.manual_seed(n)
    x, weight = tl.randn(1, 2, n, dtype=tl.float64), tl.randn(3, 2, 2, dtype=tl.float64)
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    out = F.conv1d(x, weight, **settings)
    y = tl.randn(out.shape, dtype=tl.float64)
    more = (n + 2 * padding - dilation - 1) % stride
    back = F.conv_transpose1d(y, weight, output_padding=more, **settings)
    assert back.shape == x.shape
    assert (out * y).sum().item() == pytest.approx((x * back).sum().item(), rel=1e-12)


def test_a_batch_of_no_images_gives_no_outputs():
    x = tl.zeros(0, 3, 6, 6, requires_grad=True)
    y = nn.Sequential(nn.Conv2d(3, 5, 3), nn.MaxPool2d(2), nn.ConvTranspose2d(5, 1, 2))(x)
    y.sum().backward()
    assert y.shape == (0, 1, 3, 3) and x.grad.shape == x.shape


def test_float64_images_in_a_float32_layer_are_warned_of():
    with pytest.warns(UserWarning, match="Conv2d: the input is float64 and the weights are float32"):
        nn.Conv2d(1, 1, 1)(tl.ones(1, 1, 2, 2, dtype=tl.float64))


@pytest.mark.parametrize(
    ("widths", "mode", "message"),
    [
        ((1,), "constant", r"\(1,\) must be \(before, after\) pairs"),
        ((1, 1, 1, 1), "constant", "at most one per axis of an input of shape"),
        ((-2, -1), "constant", "cuts off more"),
        ((1, 1), "mirror", "'mirror'"),
        ((1, 2), "reflect", 'mode "reflect" can add at most 1 on each side of an axis of size 2'),
    ],
)
def test_bad_widths_and_modes_are_refused(widths, mode, message):
    with pytest.raises(ValueError, match=message):
        F.pad(tl.ones(2), widths, mode)


@pytest.mark.parametrize(("widths", "wanted"), [((-1, 2), [1, 2, 1, 2]), ((1, -1), [1, 0, 1]), ((-1, -1), [1])])
def test_circular_padding_crops_first(widths, wanted):
    assert F.pad(tl.arange(3), widths, "circular").tolist() == wanted


def test_images_to_rows_and_back():
    images = tl.rand(32, 28, 28)
    rows = nn.Flatten()(images)
    assert rows.shape == (32, 784)
    assert nn.Unflatten(1, (28, 28))(rows).tolist() == images.tolist()
    assert nn.Unflatten(-1, (-1, 7))(rows).shape == (32, 112, 7)
    x = tl.zeros(2, 3, 4, 5)
    assert nn.Flatten(0, 1)(x).shape == (6, 4, 5)
    assert nn.Flatten(-2)(x).shape == (2, 3, 20)
    assert nn.Unflatten(0, (2, 1))(x).shape == (2, 1, 3, 4, 5)
    assert nn.Unflatten(1, (1, 3, 1))(tl.zeros(0, 3)).shape == (0, 1, 3, 1)
    assert nn.Flatten(0)(tl.tensor(2.0)).shape == (1,)


@pytest.mark.parametrize("sizes", [(2, 3), (-1, -1), (-1, 3), (0, -1)])
def test_sizes_that_do_not_fit_are_refused(sizes):
    with pytest.raises(ValueError, match=r"in Unflatten: reshape: "):
        nn.Unflatten(1, sizes)(tl.zeros(2, 4))


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Flatten(), (3,)), (nn.Flatten(5), (2, 3)), (nn.Unflatten(2, (2, 2)), (2, 4))]
)
def test_axes_out_of_range_are_refused(layer, shape):
    with pytest.raises(IndexError, match=r"latten: .*axis -?. is out of range for"):
        layer(tl.ones(*shape))
