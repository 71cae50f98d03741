"""Convolutions, pooling, padding, other sizes and Flatten, by examples small enough to check by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_a_filter_finds_where_a_sequence_rises():
    x = tl.tensor([[[0.0, 0.0, 1.0, 1.0, 3.0]]])
    assert F.conv1d(x, tl.tensor([[[-1.0, 1.0]]])).tolist() == [[[0, 1, 0, 2]]]


def test_a_filter_of_ones_sums_each_window():
    x = tl.arange(9.0).reshape(1, 1, 3, 3)
    assert F.conv2d(x, tl.ones(1, 1, 2, 2)).tolist() == [[[[8, 12], [20, 24]]]]
    assert F.conv2d(x, tl.ones(1, 1, 2, 2), tl.tensor([0.5]), stride=2).tolist() == [[[[8.5]]]]
    assert F.conv2d(x, tl.ones(1, 1, 3, 3), padding="same")[0, 0, 1].tolist() == [21, 36, 27]


def test_a_transposed_convolution_lays_filters_down():
    x, weight = tl.tensor([[[1.0, 10.0]]]), tl.tensor([[[1.0, 2.0, 3.0]]])
    assert F.conv_transpose1d(x, weight).tolist() == [[[1, 12, 23, 30]]]
    assert F.conv_transpose1d(x, weight, stride=2).tolist() == [[[1, 2, 13, 20, 30]]]


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


def test_neurons_of_a_group_see_the_channels_of_their_group():
    layer = nn.Conv1d(4, 2, 1, groups=2)
    assert layer.weight.shape == (2, 2, 1)
    x = tl.randn(1, 4, 3, requires_grad=True)
    layer(x)[0, 1].sum().backward()
    assert [bool(row.any()) for row in x.grad[0]] == [False, False, True, True]


def test_a_single_image_gives_a_single_output():
    layer, x = nn.Conv2d(3, 5, 3), tl.randn(2, 3, 6, 6)
    np.testing.assert_allclose(layer(x[0]).detach().numpy(), layer(x)[0].detach().numpy(), rtol=1e-5, atol=1e-6)
    assert nn.ConvTranspose2d(3, 5, 3)(x[0]).shape == (5, 8, 8)


def test_a_batch_of_no_images_gives_no_outputs():
    x = tl.zeros(0, 3, 6, 6, requires_grad=True)
    y = nn.Sequential(nn.Conv2d(3, 5, 3), nn.MaxPool2d(2), nn.ConvTranspose2d(5, 1, 2))(x)
    y.sum().backward()
    assert y.shape == (0, 1, 3, 3) and x.grad.shape == x.shape


def test_float64_images_in_a_float32_layer_are_warned_of():
    with pytest.warns(UserWarning, match="Conv2d: the input is float64 and the weights are float32"):
        nn.Conv2d(1, 1, 1)(tl.ones(1, 1, 2, 2, dtype=tl.float64))


@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
def test_weights_start_within_the_bound_of_their_fan_in(layer):
    tl.manual_seed(0)
    made = layer(8, 4, 5)
    bound = 1 / (made.weight.shape[1] * 25) ** 0.5
    for parameter in (made.weight, made.bias):
        largest = abs(parameter.detach().numpy()).max()
        assert 0.5 * bound < largest <= bound


def test_unfold_has_a_column_for_each_window():
    x = tl.arange(9.0).reshape(1, 1, 3, 3)
    columns = F.unfold(x, 2)
    assert columns[0].T.tolist() == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    times = F.fold(F.unfold(tl.ones(1, 1, 3, 3), 2), 3, 2)
    assert times.tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]


X = tl.tensor([[[[1.0, 2.0, 5.0], [4.0, 3.0, 0.0], [7.0, 8.0, 9.0]]]])


def test_windows_do_not_overlap_unless_a_stride_is_given():
    assert nn.MaxPool2d(2)(X).tolist() == [[[[4]]]]
    assert nn.MaxPool2d(2, stride=1)(X).tolist() == [[[[4, 5], [8, 9]]]]
    assert nn.MaxPool2d(2, ceil_mode=True)(X).tolist() == [[[[4, 5], [8, 9]]]]
    assert nn.AvgPool2d(2, 1)(X).tolist() == [[[[2.5, 2.5], [5.5, 5]]]]


def test_the_places_of_the_largest_are_counted_row_by_row():
    values, indices = nn.MaxPool2d(2, 1, return_indices=True)(X)
    assert indices.tolist() == [[[[3, 2], [7, 8]]]] and indices.dtype == tl.int64
    assert X.flatten(2).gather(2, indices.flatten(2)).tolist() == values.flatten(2).tolist()
    assert F.max_pool2d(X.long(), 3, padding=1).tolist() == [[[[4]]]]  # of integers too


def test_zeros_of_the_padding_count_unless_told_otherwise():
    x = tl.ones(1, 1, 4)
    assert nn.AvgPool1d(2, 2, 1)(x).tolist() == [[[0.5, 1, 0.5]]]
    assert nn.AvgPool1d(2, 2, 1, count_include_pad=False)(x).tolist() == [[[1, 1, 1]]]


def test_pooling_to_a_size_splits_an_axis_into_parts():
    x = tl.arange(5.0).reshape(1, 1, 5)
    assert nn.AdaptiveAvgPool1d(5)(x).equal(x)
    assert nn.AdaptiveAvgPool1d(1)(x).tolist() == [[[2]]]
    assert nn.AdaptiveAvgPool1d(2)(x).tolist() == [[[1, 3]]]  # 0 1 2 and 2 3 4
    assert nn.AdaptiveMaxPool1d(2)(x).tolist() == [[[2, 4]]]
    assert nn.AdaptiveAvgPool2d((None, 1))(X).shape == (1, 1, 3, 1)


def test_padding_goes_around():
    x = tl.tensor([[[1.0, 2.0, 3.0]]])
    assert nn.ZeroPad1d((1, 0))(x).tolist() == [[[0, 1, 2, 3]]]
    assert nn.ConstantPad1d(1, 9)(x).tolist() == [[[9, 1, 2, 3, 9]]]
    assert nn.ReflectionPad1d(1)(x).tolist() == [[[2, 1, 2, 3, 2]]]
    assert nn.ReplicationPad1d(1)(x).tolist() == [[[1, 1, 2, 3, 3]]]
    assert nn.CircularPad1d(1)(x).tolist() == [[[3, 1, 2, 3, 1]]]


def test_images_become_larger():
    x = tl.tensor([[[[1.0, 2.0]]]])
    assert nn.Upsample(scale_factor=2)(x).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]
    assert F.interpolate(x, (1, 3)).tolist() == [[[[1, 1, 2]]]]
    assert F.interpolate(x, (1, 4), mode="bilinear").tolist() == [[[[1, 1.25, 1.75, 2]]]]
    assert F.interpolate(x, (2, 3), mode="bilinear", align_corners=True).tolist() == [[[[1, 1.5, 2]] * 2]]
    pixels = tl.arange(4.0).reshape(1, 4, 1, 1)
    assert nn.PixelShuffle(2)(pixels).tolist() == [[[[0, 1], [2, 3]]]]
    assert nn.PixelUnshuffle(2)(nn.PixelShuffle(2)(pixels)).equal(pixels)


def test_the_gradient_is_right():
    x = tl.tensor(np.random.default_rng(1).normal(size=(3, 4)))
    assert tl.gradcheck(lambda x: F.pad(x, (1, -1, 0, 2), value=3), [x])


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


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("reflect", [2, 1, 0, 1, 2, 1]), ("replicate", [0, 0, 0, 1, 2, 2]), ("circular", [1, 2, 0, 1, 2, 0])],
)
def test_modes_repeat_elements_and_gradients_add_up(mode, wanted):
    x = tl.arange(3.0, requires_grad=True)
    y = F.pad(x, (2, 1), mode)
    assert y.tolist() == wanted
    y.sum().backward()
    assert x.grad.tolist() == [wanted.count(i) for i in range(3)]
    assert F.pad(tl.ones(2, 3), (1, 1, 1, 0), mode).shape == (3, 5)


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


def test_repr():
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
    assert repr(nn.Unflatten(1, (2, 3))) == "Unflatten(dim=1, unflattened_size=(2, 3))"


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Flatten(), (3,)), (nn.Flatten(5), (2, 3)), (nn.Unflatten(2, (2, 2)), (2, 4))]
)
def test_axes_out_of_range_are_refused(layer, shape):
    with pytest.raises(IndexError, match=r"latten: .*axis -?. is out of range for"):
        layer(tl.ones(*shape))
