"""Threads that share chunks."""

import multiprocessing
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import tinygrad_lecture as tl
from at_once import at_once
from tinygrad_lecture.kernels import threads


@pytest.fixture(autouse=True)
def restore(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", None)


def test_every_chunk_is_computed_once():
    done = []
    threads.share(done.append, list(range(100)), 4)
    assert sorted(done) == list(range(100))


def test_another_thread_helps():
    both = threading.Barrier(2, timeout=10)  # passes only if two threads are in it at once
    threads.share(lambda chunk: both.wait(), [0, 1], 2)


def test_callers_at_once_start_no_more_threads_than_one_would():
    at_once(4, lambda i: threads.share(lambda chunk: time.sleep(0.001), list(range(10)), 3))
    assert len(threads._pool(2)._threads) <= 2


def test_an_error_in_a_chunk_is_raised_whoever_computes_it():
    for bad in range(4):
        with pytest.raises(ZeroDivisionError):
            threads.share(lambda chunk, bad=bad: 1 / (chunk - bad), [0, 1, 2, 3], 2)


def test_after_an_error_nothing_goes_on():
    """Else a thread would still write to a parameter after Ctrl-C."""
    begun, ended, here = threading.Event(), [], threading.current_thread()

    def compute(chunk):
        if threading.current_thread() is here:
            begun.wait(10)
            raise KeyboardInterrupt
        begun.set()
        time.sleep(0.05)
        ended.append(chunk)

    with pytest.raises(KeyboardInterrupt):
        threads.share(compute, list(range(10)), 2)
    at_once = len(ended)
    time.sleep(0.1)
    assert len(ended) == at_once == 1


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


def test_the_number_of_threads_can_be_chosen():
    tl.set_num_threads(3)
    assert tl.get_num_threads() == 3


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_a_number_of_threads_below_one_is_refused(n):
    with pytest.raises(ValueError, match="set_num_threads: needs a number of threads from 1"):
        tl.set_num_threads(n)


def _product_in_child(connection):
    tl.set_num_threads(2)
    both = threading.Barrier(2, timeout=10)
    threads.share(lambda chunk: both.wait(), [0, 1], 2)
    connection.send("done")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of a fork beside threads
def test_a_forked_child_has_threads_of_its_own():
    threads.share(lambda chunk: None, [0, 1], 2)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_product_in_child, args=(theirs,))
    child.start()
    assert ours.poll(20)
    assert ours.recv() == "done"
    child.join()
