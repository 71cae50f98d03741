"""Functions that a thread wants called once `backward` has filled `.grad`."""

import threading

import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.modes import modes


@pytest.fixture
def calls():
    """The gradient of `x`, noted by each call."""
    x, noted = tl.tensor(3.0, requires_grad=True), []
    modes.after_backward = (lambda: noted.append(None if x.grad is None else x.grad.item()),)
    yield x, noted
    modes.after_backward = ()


def test_they_are_called_once_for_each_backward_when_grad_is_there(calls):
    x, noted = calls
    (x * x).backward()
    (x * x + x).backward()
    assert noted == [6.0, 13.0]


def test_derivatives_that_fill_no_grad_do_not_call_them(calls):
    x, noted = calls
    tl.grad(x * x, x)
    tl.func.grad(lambda x: x * x)(x)
    assert noted == []


def test_other_threads_do_not_call_them(calls):
    x, noted = calls
    thread = threading.Thread(target=(x * x).backward)
    thread.start()
    thread.join()
    assert (noted, x.grad.item()) == ([], 6.0)


def test_a_recomputed_part_calls_them_once(calls):
    x, noted = calls
    tl.checkpoint(lambda x: x * x, x).backward()
    assert noted == [6.0]
