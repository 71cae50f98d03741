"""Conv1d, Conv2d and their transposes: what they compute, by examples small enough to check by hand."""

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


def test_outputs_are_in_row_major_order():
    for layer in (nn.Conv2d(3, 5, 3), nn.Conv2d(3, 5, 3, bias=False), nn.ConvTranspose2d(3, 5, 3)):
        assert layer(tl.randn(2, 3, 6, 6)).is_contiguous()


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
