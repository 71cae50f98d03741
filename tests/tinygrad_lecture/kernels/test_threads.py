"""Threads that share chunks; large products in chunks; the threads of NumPy's BLAS."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_lecture as tl
from process import at_once
from tinygrad_lecture.kernels import arrays, threads

# --- sharing --------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def restore(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", None)


def test_another_thread_helps():
    both = threading.Barrier(2, timeout=10)  # passes only if two threads are in it at once
    threads.share(lambda chunk: both.wait(), [0, 1], 2)


def test_callers_at_once_start_no_more_threads_than_one_would():
    before, done = len(threads._threads), []
    at_once(4, lambda i: threads.share(done.append, list(range(10)), 3))
    assert sorted(done) == sorted([*range(10)] * 4)
    assert len(threads._threads) <= max(before, 2)


def test_an_error_in_a_chunk_is_raised_whoever_computes_it():
    for bad in range(4):
        with pytest.raises(ZeroDivisionError):
            threads.share(lambda chunk, bad=bad: 1 / (chunk - bad), [0, 1, 2, 3], 2)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system sends no signal to a thread")
def test_ctrl_c_while_waiting_for_another_thread_waits_all_the_same():
    begun, returned, ended, here = threading.Event(), threading.Event(), [], threading.current_thread()

    def compute(chunk):
        if threading.current_thread() is here:
            begun.wait(10)
            returned.set()
        else:
            begun.set()
            returned.wait(10)
            time.sleep(0.05)  # until the main thread waits
            signal.pthread_kill(here.ident, signal.SIGINT)
            time.sleep(0.2)
            ended.append(chunk)

    with pytest.raises(KeyboardInterrupt):
        threads.share(compute, [0, 1], 2)
    assert len(ended) == 1


def test_a_worker_keeps_no_array_alive():
    chunks = [np.ones(3), np.ones(3)]
    alive = sys.getrefcount(chunks[0])
    threads.share(lambda chunk: None, [chunks[0], chunks[0]], 2)
    threads.share(lambda chunk: None, [1, 2], 2)
    assert sys.getrefcount(chunks[0]) <= alive + 1  # a worker may still be about to let go


def _meet(_):
    tl.set_num_threads(2)
    both = threading.Barrier(2, timeout=10)
    threads.share(lambda chunk: both.wait(), [0, 1], 2)
    return "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of a fork beside threads
def test_a_forked_child_has_threads_of_its_own():
    threads.share(lambda chunk: None, [0, 1], 2)
    with multiprocessing.get_context("fork").Pool(1) as children:
        assert children.map_async(_meet, [0]).get(20) == ["done"]


# --- products: NumPy's result, the same bits each time --------------------------------------------------------


@pytest.fixture
def every_product_is_shared(monkeypatch):
    monkeypatch.setattr(arrays, "_BLAS_ALONE", 0)
    monkeypatch.setattr(arrays, "_SHARED", 0)
    monkeypatch.setattr(threads, "_chosen", 3)


sizes = st.integers(0, 70)


@pytest.mark.usefixtures("every_product_is_shared")
@given(n=sizes, k=sizes, m=sizes, dtype=st.sampled_from(["float32", "float64"]), layout=st.sampled_from(["C", "F"]))
def test_a_shared_product_is_numpys(n, k, m, dtype, layout):
    draw = np.random.default_rng(n + 71 * k + 71 * 71 * m)
    a, b = (np.asarray(draw.integers(-4, 5, shape), dtype, order=layout) for shape in [(n, k), (k, m)])
    shared = arrays.product(a, b)
    assert shared.dtype == dtype
    np.testing.assert_array_equal(shared, a @ b)  # whole numbers: exact in any order


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shapes", [((200, 90), (90, 130)), ((90, 200), (200, 300))], ids=["by rows", "by columns"])
def test_a_product_has_the_same_pieces_and_bits_for_any_number_of_threads(monkeypatch, shapes, dtype):
    monkeypatch.setattr(arrays, "_SHARED", 0)
    monkeypatch.setattr(arrays, "multiplied", lambda a, b: None)  # without Numba
    pieces, original = [], arrays.share
    monkeypatch.setattr(arrays, "share", lambda f, p: (pieces.append(p), original(f, p)))
    draw = np.random.default_rng(0)
    a, b = (draw.standard_normal(shape).astype(dtype) for shape in shapes)
    results = []
    for number in [1, 2, 3, *[2] * 10]:
        monkeypatch.setattr(threads, "_chosen", number)
        results.append(arrays.product(a, b))
    assert len(pieces) == len(results), "a product by one thread is computed in pieces too"
    assert all(p == pieces[0] for p in pieces)
    assert all(np.array_equal(r, results[0]) for r in results)


def test_products_for_which_openblas_would_start_threads_are_computed_by_one(monkeypatch):
    """OpenBLAS's threads spin for some milliseconds after a product, and take their cores from everything else."""
    monkeypatch.setattr(threads, "_chosen", 2)
    monkeypatch.setattr(arrays, "multiplied", lambda a, b: None)  # without Numba
    entered = []
    for n in (64, 80, 81, 128):
        entered.clear()
        monkeypatch.setattr(arrays, "one_thread", ExitStack())
        arrays.one_thread.callback(entered.append, True)
        arrays.product(np.ones((n, n), "float32"), np.ones((n, n), "float32"))
        assert bool(entered) == (n**3 >= 2 * 262_144), n  # gemm.c of OpenBLAS: one thread per 4 * 65,536


# --- NumPy's BLAS has one thread within one_thread, and afterwards as many as before --------------------------


@pytest.fixture
def used():
    """How many threads the BLAS uses now; before the test it has four."""
    functions = threads.openblas()
    if functions is None:
        pytest.skip("NumPy's BLAS is not OpenBLAS here")
    get, set_ = functions
    before = get()
    set_(4)
    yield get
    set_(before)


def test_one_thread_within_and_all_of_them_afterwards(used):
    with suppress(ZeroDivisionError), threads.one_thread:
        assert used() == 1
        assert (
            threads.blas_threads() == 4
        )  # else a computation of another thread would be cut into other chunks for as long
        _ = 1 / 0
    assert used() == threads.blas_threads() == 4


def test_blocks_may_overlap_in_any_order(used):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with threads.one_thread:
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with threads.one_thread:
        thread.start()
        entered.wait()
    assert used() == 1, "the other block is still open"
    leave.set()
    thread.join()
    assert used() == 4


@pytest.mark.parametrize("name", ["inv", "cholesky"])
def test_linear_algebra_has_one_thread(used, monkeypatch, name):
    seen = []
    original = getattr(np.linalg, name)
    monkeypatch.setattr(np.linalg, name, lambda *args: (seen.append(used()), original(*args))[1])
    x = tl.eye(3)
    getattr(tl.linalg, name)(x @ x.T)
    assert seen == [1]
