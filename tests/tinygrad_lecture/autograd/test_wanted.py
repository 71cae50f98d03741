"""Gradients that share memory become gradients with memory of their own, and nothing else is copied."""

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.wanted import unshare


def test_a_gradient_returned_twice_and_a_view_of_it_are_copied():
    first, other = np.ones((2, 3)), np.ones(2)
    same, again, view, none, own = unshare([first, first, first.T, None, other])
    assert (same is first, own is other, none) == (True, True, None)
    assert not np.shares_memory(again, first)
    assert not np.shares_memory(view, first)
    np.testing.assert_array_equal(view, first.T)


def test_what_is_taken_is_copied_and_so_is_a_view_of_it():
    upstream = np.ones(4)
    for gradient in unshare([upstream, upstream.reshape(2, 2)], [upstream]):
        assert not np.shares_memory(gradient, upstream)


def test_a_view_of_memory_that_nobody_else_has_is_copied_on_request():
    view = np.ones((2, 3)).T
    assert unshare([view])[0] is view
    assert unshare([view], views=True)[0].base is None


def test_a_tensors_copy_is_recorded():
    x = tl.ones(2, requires_grad=True)
    y = x * 2
    with tl.no_grad():
        same, copy = unshare([y, y])
    assert same is y
    assert copy.array is not y.array
    copy.sum().backward()
    assert x.grad.tolist() == [2, 2]
