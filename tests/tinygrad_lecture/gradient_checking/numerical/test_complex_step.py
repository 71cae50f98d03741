"""The complex step: used for analytic functions only, and never fooled by a lost imaginary part."""

import threading
import warnings

import numpy as np
import pytest

import tinygrad_lecture as tl
from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture


@pytest.mark.parametrize(
    ("fn", "x"),
    [
        (tl.abs, [1.0, -2.0]),
        (lambda x: x.max() * x, [1.0, -2.0]),
        (lambda x: tl.where(x > 0, x * x, x), [1.0, -2.0]),
        (lambda x: x.double() + x.argmax().to(dtype=tl.float64), [1.0, -2.0]),
        (lambda x: x[x.argmax()] * x, [1.0, -2.0]),
        (make(lambda x, /: x * x, x=lambda g, x: 2 * g * x), [1.0, -2.0]),
    ],
)
def test_functions_that_are_not_analytic_fall_back_to_central_differences(fn, x):
    assert tl.gradcheck(fn, tensor(x)).method == "central differences"


@pytest.mark.parametrize(
    ("fn", "x", "kinks"),
    [
        (tl.sqrt, [0.0, 2.0], 1),
        (lambda x: x**0.5, [0.0, 2.0], 1),
        (lambda x: x[:2].std() + x[2], [1.0, 1.0, 5.0], 2),
    ],
)
def test_analytic_ops_fall_back_at_their_kinks(fn, x, kinks):
    report = tl.gradcheck(fn, tensor(x))
    assert (report.method, report.kinks) == ("central differences", kinks)


@pytest.mark.parametrize(
    "lossy",
    [
        lambda x: x.detach().numpy().real.copy(),
        lambda x: np.abs(x.detach().numpy()),
        lambda x: np.conj(x.detach().numpy()),
        lambda x: np.array(x.tolist()).imag + np.array(x.tolist()).real,
    ],
    ids=["real part", "abs", "conjugate", "sum of parts"],
)
def test_imaginary_parts_lost_or_distorted_outside_the_tape_are_noticed(lossy):
    assert failure(lambda x: x * x + tl.tensor(lossy(x)) * tensor(3.0), tensor([1.0, 2.0])).hint == "outside-the-tape"


def test_an_op_wrongly_marked_analytic_is_noticed():
    liar = make(lambda x, /: x * abs(x), x=lambda g, x: g * abs(x))  # this "derivative" is what the complex step sees
    liar.analytic = True
    assert failure(liar, tensor([1.0, -2.0])).method == "central differences"


def test_threads_that_check_at_once_leave_the_filters_of_warnings_as_they_were():
    before, x = list(warnings.filters), tensor([1.0, 2.0])
    begun, over = threading.Event(), threading.Event()

    def outlasting(x):
        if x.dtype == np.complex128 and not begun.is_set():
            begun.set()
            over.wait(10)
        return x * x

    def meanwhile(x):
        if x.dtype == np.complex128 and not thread.ident:
            thread.start()
            begun.wait(0.1)  # unless the other check waits for this one
        return x * x

    thread = threading.Thread(target=lambda: tl.gradcheck(outlasting, x))
    assert tl.gradcheck(meanwhile, x).method == "complex step"
    over.set()
    thread.join()
    assert list(warnings.filters) == before
