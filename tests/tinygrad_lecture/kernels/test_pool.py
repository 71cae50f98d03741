"""Compiled work that threads share: every chunk once, the same bits, whatever else the process does."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tinygrad_lecture as tl
from process import at_once
from tinygrad_lecture.kernels import arrays, attention, compiled, fused, threads

pytestmark = pytest.mark.skipif(not compiled.available(), reason="needs Numba: pip install '.[fast]'")

if compiled.available():
    from tinygrad_lecture.kernels.compiled import loops, pool
    from tinygrad_lecture.kernels.compiled.compiling import Task

    @Task
    def count(job, chunk):
        """Adds 1 to the chunk's number."""
        pool.row(job, 0, chunk)[0] += 1

    @Task
    def allocate(job, chunk):
        """Marks the sizes whose new arrays lie where the job's arguments are."""
        found = pool.whole(job, 0)
        for n in range(found.size):
            new = np.empty(n, np.int64)
            new[:] = -1
            found[n] = abs(new.ctypes.data - job) < 32

    @Task
    def meet(job, chunk):
        """Ends when the other chunk has begun, or after a while: then the number of those that have begun is 1."""
        begun = pool.whole(job, 0).ctypes.data
        pool.add(begun, 1)
        for _ in range(200_000_000):
            if pool.load(begun) == 2:
                break


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 2)


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_every_chunk_is_computed_once(monkeypatch, number):
    monkeypatch.setattr(threads, "_chosen", number)
    counts = np.zeros((100, 1), np.float32)
    for _ in range(500):
        pool.run(count, 100, 1, counts)
    assert (counts == 500).all()


def test_a_task_that_allocates_leaves_its_arguments_alone():
    found = np.ones(20, np.float32)
    pool.run(allocate, 1, 1, found, alone=True)
    assert not found.any()


def test_another_thread_helps():
    """Its thread may be slow to wake, but not 20 times in turn."""
    begun = np.zeros(2, np.float32)  # the bytes of one integer
    for _ in range(20):
        begun[:] = 0
        pool.run(meet, 2, 1, begun)
        if begun.view(np.int64)[0] == 2:
            break
        time.sleep(0.01)
    assert begun.view(np.int64)[0] == 2


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def everything():
    """Results of all kinds of jobs, as bytes."""
    x, w, target = normal(300, 200), normal(500, 200, seed=1), np.arange(300) % 200
    q = normal(3, 90, 2, 16).swapaxes(1, 2)  # (texts, heads, tokens, head_dim)
    found = [compiled.multiplied(x, w.T), compiled.multiplied(w.T, w), compiled.multiplied(x[:1], w.T)]
    matrix = np.arange(900 * 96, dtype=np.uint8).reshape(900, 96), normal(900, 6), normal(900, 6, seed=2)
    found.append(fused.quantized_rows(x[:1, :192], matrix, [part[:500] for part in matrix]))
    tensors = [tl.tensor(array).requires_grad_() for array in (x, q)]
    outputs = [tl.gelu(tensors[0]), tl.layer_norm(tensors[0]), tl.softmax(tensors[0])]
    outputs += [tl.cross_entropy(tensors[0], target), tl.attention(tensors[1], tensors[1], tensors[1], causal=True)]
    sum((out * out).sum() for out in outputs).backward()
    found += [out.detach().numpy() for out in outputs] + [tensor.grad.numpy() for tensor in tensors]
    return [np.ascontiguousarray(array).tobytes() for array in found]


@pytest.mark.parametrize("number", [1, 3])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, number):
    expected = everything()
    monkeypatch.setattr(threads, "_chosen", number)
    assert everything() == expected


def test_callers_at_once_have_the_same_bits():
    expected, wrong = everything(), []
    at_once(8, lambda i: wrong.append(i) if everything() != expected else None)
    assert not wrong


def test_helpers_sleep_when_no_work_comes():
    pool.run(count, 100, 1, np.zeros((100, 1), np.float32))
    time.sleep(0.1)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def _in_child(connection):
    connection.send(everything())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of a fork beside threads
def test_a_child_forked_while_another_thread_has_a_job_computes():
    expected, done = everything(), threading.Event()

    def work():
        while not done.is_set():
            pool.run(count, 100, 1, np.zeros((100, 1), np.float32))

    thread = threading.Thread(target=work)
    thread.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(5):
            ours, theirs = context.Pipe()
            child = context.Process(target=_in_child, args=(theirs,))
            child.start()
            assert ours.poll(30), "the child hangs"
            assert ours.recv() == expected
            child.join()
    finally:
        done.set()
        thread.join()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer that interrupts")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python drops it in a weak reference
def test_after_ctrl_c_at_any_moment_results_are_the_same():
    expected, draw, interrupts = everything(), np.random.default_rng(0), 0
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(100):
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-4, 0.01))
                for _ in range(20):
                    everything()
            except KeyboardInterrupt:
                interrupts += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupts > 50
    assert everything() == expected


# --- what compiled code computes: NumPy's results -----------------------------------------------------------------


@pytest.mark.parametrize("a_layout", "CF")
@pytest.mark.parametrize("b_layout", "CF")
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (1, 70, 130), (130, 3, 5), (5, 3, 130), (33, 40, 33), (1, 5, 1), (64, 1, 64)]
)
def test_a_product_is_numpys(a_layout, b_layout, sizes):
    n, k, m = sizes
    draw = np.random.default_rng(0)
    a, b = (
        np.asarray(draw.integers(-4, 5, s), np.float32, order=o) for s, o in [((n, k), a_layout), ((k, m), b_layout)]
    )
    np.testing.assert_array_equal(compiled.multiplied(a, b), a @ b)  # whole numbers: exact in any order
    wide = np.zeros((n, 2 * k), np.float32)[:, :k]  # rows that lie apart
    wide[...] = a
    np.testing.assert_array_equal(compiled.multiplied(wide, b), a @ b)


def test_a_product_reads_rows_where_they_are():
    """A row that is a column elsewhere, an axis of size 1 with any stride, rows a number of bytes apart that is odd."""
    a, b = normal(300, 50), normal(300, 200, seed=1)
    records = np.zeros(300, [("x", "f4", 64), ("flag", "u1")])
    records["x"] = normal(300, 64)
    lone = np.lib.stride_tricks.as_strided(a[:1], (1, 50), (-4, 4))
    for left, right in [(a[:, :1].T, b), (records["x"].T, b), (records["x"], b[:64]), (lone, normal(50, 2000))]:
        np.testing.assert_allclose(arrays.product(left, right), left.copy() @ right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["keys for all heads", "one query", "one key", "a mask from behind"])
def test_attention_reads_rows_where_they_are(kind):
    q, k = normal(3, 4, 70, 16), normal(3, 4, 70, 16, seed=1)
    mask = None
    if kind == "keys for all heads":
        k = np.broadcast_to(k[:, :1], k.shape)
    elif kind == "one query":
        q = q[:, :, 0][:, :, None]
    elif kind == "one key":
        k = k[:, :, 0][:, :, None]
    else:
        mask = (np.random.default_rng(0).random((70, 70)) < 0.7)[:, ::-1]
    found = []
    for copied in (False, True):
        given = [x.copy() if copied and x is not None else x for x in (q, k, mask)]
        out, kept = attention.attention(given[0], given[1], given[1], given[2], keep=True)
        g = normal(*out.shape, seed=2)
        gradients = attention.attention_backward(g, [True] * 3, *given[:2], given[1], given[2], out=out, kept=kept)
        found.append([out, *gradients[:3]])
    for ours, of_copies in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, of_copies)


def test_more_chunks_than_the_pool_can_count():
    x = np.ones((2**20, 1, 1, 1), np.float32)
    assert (attention.attention(x, x, x) == 1).all()


def test_work_at_the_end_of_the_program():
    code = """
import atexit, threading, time
import numpy as np
import tinygrad_lecture as tl
tl.set_num_threads(2)
from tinygrad_lecture.kernels.arrays import product
x = np.ones((400, 400), np.float32)
product(x, x)
atexit.register(lambda: print(product(x, x)[0, 0]))
threading.Thread(target=lambda: [(product(x, x), time.sleep(0.01)) for _ in range(10)]).start()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "400.0\n", "")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [None, "some", "a row"])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (3, 5), (5, 3), (64, 64), (70, 70), (130, 100), (1, 90)])
def test_attention_is_what_numpy_computes(monkeypatch, queries, keys, masked, causal):
    """Output and gradients, with queries, keys and values as a model makes them: views of (texts, tokens, width)."""
    draw = np.random.default_rng(0)
    arrays = [draw.normal(size=(2, n, 3, 8)).astype(np.float32) for n in (queries, keys, keys)]
    upstream = normal(2, 3, queries, 8, seed=5)
    mask = None
    if masked:
        mask = draw.random((2, 1, queries, keys)) < 0.7
        mask[:, :, 0] &= masked == "some"
        mask = tl.tensor(mask)
    found = []
    for on in (True, False):
        monkeypatch.setattr(attention, "_compiles", lambda *arrays, on=on: on)
        given = [tl.tensor(array).requires_grad_() for array in arrays]
        out = tl.attention(*(x.transpose(1, 2) for x in given), mask, causal=causal)
        out.backward(tl.tensor(upstream))
        found.append([out.detach().numpy(), *(x.grad.numpy() for x in given)])
    for ours, numpys in zip(*found, strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_attention_passes_on_what_is_no_number(monkeypatch, bad):
    q = normal(1, 1, 70, 4)
    q[0, 0, 3, 0] = bad
    found = []
    for on in (True, False):
        monkeypatch.setattr(attention, "_compiles", lambda *arrays, on=on: on)
        with np.errstate(invalid="ignore"):
            found.append(tl.attention(tl.tensor(q), tl.tensor(normal(1, 1, 70, 4)), tl.tensor(q)).numpy())
    np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(found[1]))


def test_rows_are_added_as_numpy_adds_them():
    draw = np.random.default_rng(0)
    total, rows, values = normal(9, 5), draw.integers(0, 9, 400), normal(400, 5)
    expected = total.copy()
    np.add.at(expected, rows, values)
    loops.add_rows(total, rows, values)
    np.testing.assert_array_equal(total, expected)
