"""NumPy's BLAS has one thread within `one_thread`, and afterwards as many as before."""

import threading

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.kernels import blas, threads
from tinygrad_lecture.kernels.product import product


@pytest.fixture
def used():
    """How many threads the BLAS uses now; before the test it has four."""
    functions = blas.openblas()
    if functions is None:
        pytest.skip("NumPy's BLAS is not OpenBLAS here")
    get, set_ = functions
    before = get()
    set_(4)
    yield get
    set_(before)


def test_one_thread_within_and_all_of_them_afterwards(used):
    with blas.one_thread:
        assert used() == 1
    assert used() == 4


def test_within_its_number_is_still_that_of_before(used):
    """Else a computation of another thread would be cut into other chunks for as long."""
    with blas.one_thread:
        assert blas.threads() == 4
    assert blas.threads() == 4


def test_blocks_may_overlap_in_any_order(used):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with blas.one_thread:
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with blas.one_thread:
        thread.start()
        entered.wait()
    assert used() == 1, "the other block is still open"
    leave.set()
    thread.join()
    assert used() == 4


def test_the_threads_come_back_after_an_error(used):
    with pytest.raises(ZeroDivisionError), blas.one_thread:
        _ = 1 / 0
    assert used() == 4


@pytest.mark.parametrize("name", ["inv", "svd", "qr"])
def test_linear_algebra_has_one_thread(used, monkeypatch, name):
    seen = []
    original = getattr(np.linalg, name)
    monkeypatch.setattr(np.linalg, name, lambda *args: (seen.append(used()), original(*args))[1])
    x = tl.eye(3)
    {"inv": tl.linalg.inv, "svd": tl.linalg.matrix_rank, "qr": tl.linalg.qr}[name](x)
    assert seen == [1]


def test_a_product_of_one_thread_does_not_use_those_of_the_blas(used, monkeypatch):
    get, set_ = blas.openblas()
    numbers = []
    monkeypatch.setattr(blas, "openblas", lambda: (get, lambda n: (numbers.append(n), set_(n))))
    monkeypatch.setattr(threads, "_chosen", 1)
    product(np.ones((100, 100)), np.ones((100, 100)))
    assert numbers == [1, 4]
