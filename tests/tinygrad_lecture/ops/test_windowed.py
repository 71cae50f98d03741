"""Windows, convolutions and pooling: what they refuse, ties and nan, and what a convolution keeps in memory."""

import re

import numpy as np
import pytest

import tinygrad_lecture as tl

X = tl.arange(24.0).reshape(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tl.windows(X, (4, 4)),
            "windows: a window of (4, 4) does not fit into (3, 4); make it smaller, or pad (called",
        ),
        (lambda: tl.windows(X, (5, 5), padding=((1, 0), (0, 0))), "does not fit into (3, 4), (4, 4) with its padding"),
        (lambda: tl.windows(X, (3, 2), dilation=2), "of (3, 2), (5, 3) with its dilation does not fit into (3, 4)"),
        (lambda: tl.windows(X, (2, 2), stride=0), "stride and dilation must be at least 1, not (0, 0) and (1, 1)"),
        (lambda: tl.windows(X, (2, 2), (1, 1, 1)), "stride (1, 1, 1) must be one number, or one for each of 2 axes"),
        (lambda: tl.windows(X, (2, 2), 1, (1,)), "padding (1,) must be one number, or a number or pair for each of 2"),
        (lambda: tl.windows(X[0, 0, 0], (2, 2)), "windows of 2 axes do not fit shape (4,)"),
        (lambda: tl.overlap_add(tl.ones(2, 2), (4,)), "windows of (2,) lie at (3,) places of (4,), not at (2,)"),
        (
            lambda: tl.convolution(X, tl.ones(5, 3, 2, 2)),
            "needs an input of 3 channels on axis 1, not of shape (1, 2, ",
        ),
        (
            lambda: tl.convolution(X, tl.ones(5, 2, 2)),
            "needs an input (batch, channels, *axes) and a weight (out, in /",
        ),
        (lambda: tl.convolution(X, tl.ones(5, 1, 2, 2), groups=2), "2 groups do not divide the 5 filters"),
        (lambda: tl.convolution(X, tl.ones(5, 2, 2, 2), tl.ones(4)), "the bias must have shape (5,)"),
        (
            lambda: tl.convolution(X, tl.ones(5, 2, 4, 4)),
            "convolution: a window of (4, 4) does not fit into (3, 4); make",
        ),
        (lambda: tl.transposed_convolution(X, tl.ones(5, 2, 2, 2)), "needs an input of 5 channels on axis 1, not of"),
        (lambda: tl.max_pool(X, (4, 4)), "max_pool: a window of (4, 4) does not fit into (3, 4)"),
        (lambda: tl.max_pool(tl.ones(3), (2, 2)), "a window of (2, 2) needs an input of 2 axes or more, not of shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call, message):
    with pytest.raises(tl.TensorError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("plainly", [False, True], ids=["kernel", "definition"])
def test_of_equal_elements_the_first_gets_the_whole_gradient(plainly):
    x = tl.tensor([2.0, 2.0, 1.0, -np.inf, -np.inf], requires_grad=True)
    with tl.reference() if plainly else tl.enable_grad():
        y = tl.max_pool(x, (2,))
        y.backward(tl.tensor([1.0, 10.0, 100.0, 1000.0]))
    assert y.tolist() == [2, 2, 1, -np.inf]
    assert x.grad.tolist() == [1, 10, 100, 1000, 0]


@pytest.mark.parametrize("plainly", [False, True], ids=["kernel", "definition"])
def test_the_largest_of_a_window_with_nan_is_nan(plainly):
    x = tl.tensor([1.0, np.nan, 3.0, 2.0], requires_grad=True)
    with tl.reference() if plainly else tl.enable_grad():
        y = tl.max_pool(x, (2,))
        y.backward(tl.tensor([1.0, 10.0, 100.0]))
    assert str(y.tolist()) == "[nan, nan, 3.0]"
    assert x.grad.tolist() == [0, 11, 100, 0]


def test_padding_is_never_the_largest_and_may_be_all_that_a_window_sees():
    assert tl.max_pool(tl.tensor([-1.0, -2.0]), (2,), padding=1).tolist() == [-1, -1, -2]
    assert tl.max_pool(tl.tensor([-1.0]), (1,), padding=1).tolist() == [-np.inf, -1, -np.inf]


def test_a_convolution_keeps_no_windows_for_backward():
    x, weight = tl.ones(1, 1, 8, 8, requires_grad=True), tl.ones(1, 1, 3, 3, requires_grad=True)
    kept = [a for part in tl.convolution(x, weight)._node.saved for a in part if isinstance(a, np.ndarray)]
    assert {id(a) for a in kept} == {id(x._array), id(weight._array)}


def test_negative_padding_cuts_off():
    x = tl.arange(6.0, requires_grad=True)
    y = tl.windows(x, (2,), padding=((-1, -2),))
    assert y.tolist() == [[1, 2], [2, 3]]
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 2, 1, 0, 0]
