"""NumPy's BLAS has one thread within `one_thread`, and afterwards as many as before."""

import threading

import pytest

from tinygrad_lecture.kernels import blas


@pytest.fixture
def four_threads():
    functions = blas.openblas()
    if functions is None:
        pytest.skip("NumPy's BLAS is not OpenBLAS here")
    get, set_ = functions
    before = get()
    set_(4)
    yield
    set_(before)


def test_one_thread_within_and_all_of_them_afterwards(four_threads):
    with blas.one_thread:
        assert blas.threads() == 1
    assert blas.threads() == 4


def test_blocks_may_overlap_in_any_order(four_threads):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with blas.one_thread:
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with blas.one_thread:
        thread.start()
        entered.wait()
    assert blas.threads() == 1, "the other block is still open"
    leave.set()
    thread.join()
    assert blas.threads() == 4


def test_the_threads_come_back_after_an_error(four_threads):
    with pytest.raises(ZeroDivisionError), blas.one_thread:
        _ = 1 / 0
    assert blas.threads() == 4
