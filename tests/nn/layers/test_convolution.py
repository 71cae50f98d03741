"""Convolutions, pooling, padding, other sizes and Flatten, by examples small enough to check by hand."""

import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


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
        ((1, 1, 1, 1), "constant", "pairs, one per axis at most"),
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
