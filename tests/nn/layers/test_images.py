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


@pytest.mark.parametrize(
    ("layer", "shape", "error", "message"),
    [
        (nn.Unflatten(1, (2, 3)), (2, 4), ValueError, "in Unflatten: reshape: "),
        (nn.Unflatten(1, (-1, -1)), (2, 4), ValueError, "in Unflatten: reshape: "),
        (nn.Flatten(), (3,), IndexError, "latten: .*axis -?. is out of range for"),
        (nn.Unflatten(2, (2, 2)), (2, 4), IndexError, "latten: .*axis -?. is out of range for"),
    ],
)
def test_sizes_and_axes_that_do_not_fit_are_refused(layer, shape, error, message):
    with pytest.raises(error, match=message):
        layer(tl.ones(*shape))
