"""Pooling, padding and resizing: what they compute, by examples small enough to check by hand."""

import nn
import tinygrad_lecture as tl

F = nn.functional

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
    assert nn.AdaptiveMaxPool2d((2, 1), return_indices=True)(X[0])[1].tolist() == [[[2], [8]]]
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
