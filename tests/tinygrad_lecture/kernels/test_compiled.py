"""Compiled code: every loop computes what the NumPy code beside it does, for any size, and where floats end; threads
share its work, every chunk once and with the same bits, whatever else the process does."""

import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from nn.torch.layers import pack_padded_sequence
from numeric import assert_close
from process import at_once
from tinygrad_lecture.kernels import arrays, attention, compiled, fused, threads
from tinygrad_lecture.kernels.gelu import gelu
from tinygrad_lecture.ops.fused import quantized_rows

pytestmark = pytest.mark.skipif(not compiled.available(), reason="needs Numba: pip install '.[fast]'")

if compiled.available():
    from numba.core import caching

    from tinygrad_lecture.kernels.compiled import loops, pool

    @pool.Task
    def count(job, chunk):
        """Adds 1 to the chunk's number."""
        pool.row(job, 0, chunk)[0] += 1

    @pool.Task
    def meet(job, chunk):
        """Ends when the other chunk has begun, or after a while: then the number of those that have begun is 1."""
        begun = pool.whole(job, 0).ctypes.data
        pool.add(begun, 1)
        for _ in range(200_000_000):
            if pool.load(begun) == 2:
                break

    @loops.loop
    def exp(x, out):
        for i in range(x.size):
            out[i] = loops.exp(x[i])


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 2)


def normal(*shape, seed=0, scale=1.0):
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype("float32")


# --- loops: NumPy's results -----------------------------------------------------------------------------------


def both(compute):
    """What `compute` returns with loops for arrays of every size, and without any."""
    found = []
    for on in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(compiled.compiles.__kwdefaults__, "least", 1)  # a default is read once
            patch.setattr(compiled, "_loaded", on)
            patch.setattr(attention, "COMPILED", 1)
            found.append(compute())
    return found


def assert_both_same(compute, rtol=3e-6, atol=3e-6):
    for i, (a, b) in enumerate(zip(*both(compute), strict=True)):
        assert a.dtype == b.dtype == np.float32
        assert_close(a, b, f"array {i}", rtol, atol)


def with_gradients(function, *given):
    """The output and the gradient by each array, for an upstream gradient of any values."""

    def compute():
        tensors = [tl.tensor(x).requires_grad_() for x in given]
        out = function(*tensors)
        out.backward(tl.tensor(normal(*out.shape, seed=9)))
        return [out.detach().numpy(), *(x.grad.numpy() for x in tensors)]

    return compute


def test_exp_is_exact_to_a_rounding():
    x = np.linspace(-87.3, 88.3, 400_001, dtype="float32")
    out = np.empty_like(x)
    exp(x, out)
    assert np.abs(out / np.exp(x.astype(float)) - 1).max() < 1.2e-7
    exp(np.float32([-87.4, -math.inf, 88.4, math.inf, math.nan]), out)
    np.testing.assert_array_equal(out[:5], [0, 0, math.inf, math.inf, math.nan])


SPECIAL = [0.0, -0.0, 1e-30, 9.5, -9.5, 87.2, -87.2, 88.5, -88.5, 1e6, -1e6, 1e25, -1e25, math.inf, -math.inf, math.nan]


@given(size=st.integers(1, 70), scale=st.sampled_from([0.1, 1, 10, 1e4]), seed=st.integers(0, 99))
def test_gelu(size, scale, seed):
    x = np.append(normal(size, seed=seed, scale=scale), np.float32(SPECIAL))
    assert_both_same(with_gradients(tl.gelu, x))
    assert_both_same(lambda: [gelu(x)])  # without the derivative


@given(rows=st.integers(1, 9), n=st.integers(1, 40), weighted=st.sampled_from([0, 1, 2]), seed=st.integers(0, 99))
def test_layer_norm(rows, n, weighted, seed):
    inputs = [normal(rows, n, seed=seed), normal(n, seed=seed + 1), normal(n, seed=seed + 2)][: 1 + weighted]
    assert_both_same(with_gradients(tl.layer_norm, *inputs), atol=5e-5)  # of one element, x - mean is 0 and scale 316
    assert_both_same(with_gradients(tl.rms_norm, *inputs[:2]))


@given(n=st.integers(2, 40), level=st.sampled_from([0.1, 1234.567, -1e6]), seed=st.integers(0, 99))
def test_layer_norm_of_nearly_constant_rows(n, level, seed):
    x = np.float32(level) + np.spacing(np.float32(level)) * np.random.default_rng(seed).integers(0, 4, (3, n))
    assert_both_same(with_gradients(lambda x: tl.layer_norm(x, eps=1e-12), x.astype("float32")), rtol=1e-4, atol=1e-2)


@given(
    rows=st.integers(1, 9), blocks=st.integers(1, 5), x_rows=st.integers(1, 2), kind=st.sampled_from(["int8", "uint8"]),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_quantized_linear(rows, blocks, x_rows, kind, seed):
    """The product with a row, the matrix as float32, and the gradient."""
    bytes_ = blocks * (32 if kind == "int8" else 16)
    numbers = tl.tensor(np.random.default_rng(seed).integers(0, 256, (rows, bytes_)).astype(kind))
    x, scale, offset = normal(x_rows, 32 * blocks, seed=seed), normal(rows, blocks), normal(rows, blocks, seed=1)
    matrix = numbers, tl.tensor(scale), tl.tensor(offset)
    assert_both_same(with_gradients(lambda x: tl.quantized_linear(x, *matrix), x), rtol=1e-4, atol=1e-2)
    parts = [tuple(tl.tensor(part.numpy()[own]) for part in matrix) for own in (slice(1), slice(1, None))]
    together = lambda: [quantized_rows(tl.tensor(x), *matrix, *parts[0], *parts[1]).numpy()]  # noqa: E731
    assert_both_same(together, rtol=1e-4, atol=1e-2)
    whole, halves = np.split(both(together)[0][0], 2, -1)
    if x_rows == 1:  # in one job, a matrix has the bits that it has alone
        np.testing.assert_array_equal(whole, halves)


@given(rows=st.integers(1, 9), n=st.integers(1, 40), seed=st.integers(0, 99), hidden=st.sampled_from([0, 0.4, 1]))
def test_softmax(rows, n, seed, hidden):
    x = normal(rows, n, seed=seed, scale=5)
    x[np.random.default_rng(seed).random(x.shape) < hidden] = -math.inf  # with all hidden, zeros
    assert_both_same(with_gradients(tl.softmax, x))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_softmax_and_attention_pass_on_what_is_no_number(bad):
    q = normal(1, 1, 70, 4)
    q[0, 0, 3, 0] = bad
    k = tl.tensor(normal(1, 1, 70, 4))
    with np.errstate(invalid="ignore"):
        assert_both_same(lambda: [tl.softmax(tl.tensor([1, bad, 2])).numpy()])
        loop, plain = both(lambda: tl.attention(tl.tensor(q), k, tl.tensor(q)).numpy())
    np.testing.assert_array_equal(np.isnan(loop), np.isnan(plain))


@given(
    rows=st.integers(1, 9), n=st.integers(1, 40), scale=st.sampled_from([1, 30]), seed=st.integers(0, 99),
    dtype=st.sampled_from(["uint8", "int32", ">i4", "int64"]),
)  # fmt: skip
def test_cross_entropy(rows, n, scale, seed, dtype):
    targets = tl.tensor(np.random.default_rng(seed).integers(0, n, rows).astype(dtype))
    x = normal(rows, n, seed=seed, scale=scale)
    x[:, 0][targets.numpy() != 0] = -math.inf  # a class that is not the target may be impossible
    assert_both_same(with_gradients(lambda x: tl.cross_entropy(x, targets), x))


CONVOLUTIONS = [
    {},
    {"groups": 2, "padding": 1},
    {"stride": (2, 3), "padding": ((3, 0), (0, 4)), "dilation": (1, 2)},  # some windows are of padding alone
    {"stride": 2, "padding": -1},
]


@pytest.mark.parametrize("settings", CONVOLUTIONS, ids=str)
@given(batch=st.integers(1, 9), axes=st.integers(1, 2), seed=st.integers(0, 99))
def test_convolution(settings, batch, axes, seed):
    settings = {name: value[-axes:] if type(value) is tuple else value for name, value in settings.items()}
    x, bias = normal(batch, 4, *(6, 7)[-axes:], seed=seed), normal(6)
    weight = normal(6, 4 // settings.get("groups", 1), *(3, 2)[-axes:], seed=seed)
    assert_both_same(with_gradients(lambda *inputs: tl.convolution(*inputs, **settings), x, weight, bias), 1e-5, 2e-5)


@pytest.mark.parametrize("settings", [{}, {"stride": (2, 1), "dilation": (1, 2)}, {"stride": 2, "padding": 1}], ids=str)
@given(seed=st.integers(0, 99), values=st.sampled_from([[1.0, 2.0, 3.0], [1.0, math.nan, -math.inf, math.inf]]))
def test_max_pool(settings, seed, values):
    x = np.random.default_rng(seed).choice(np.float32(values), (2, 3, 6, 5))
    with_loops, plain = both(with_gradients(lambda x: tl.max_pool(x, (2, 3), **settings), x))
    np.testing.assert_array_equal(with_loops[0], plain[0])
    assert_close(with_loops[1], plain[1], "gradient", 1e-6, 1e-6)  # a sum of several may be rounded otherwise


@pytest.mark.parametrize("masked", [None, "some", "a row"])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (5, 3), (64, 64), (130, 100), (1, 90)])
def test_attention(queries, keys, masked):
    """Output and gradients, with queries, keys and values as a model makes them: views of (texts, tokens, width)."""
    given = [normal(2, n, 3, 8, seed=i) for i, n in enumerate((queries, keys, keys))]
    mask = np.random.default_rng(0).random((2, 1, queries, keys)) < 0.7
    mask[:, :, 0] &= masked == "some"
    for causal in (False, True):
        settings = {"mask": tl.tensor(mask)} if masked else {}
        attend = lambda *x: tl.attention(*(y.transpose(1, 2) for y in x), *settings.values(), causal=causal)  # noqa: E731, B023
        assert_both_same(with_gradients(attend, *given), 1e-4, 1e-5)


@pytest.mark.parametrize("lengths", [[1], [4, 4, 2, 1], sorted([1 + i % 5 for i in range(40)], reverse=True)], ids=len)
def test_an_lstm_for_any_number_of_threads(lengths, monkeypatch):
    layer, results = nn.LSTM(3, 20, bidirectional=True), []

    def compute():
        layer.zero_grad()
        x = tl.tensor(normal(max(lengths), len(lengths), 3), requires_grad=True)
        output, states = layer(pack_padded_sequence(x, tl.tensor(lengths)))
        sum((s * s).sum() for s in [output.data, *states]).backward()
        return [output.data.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for p in layer.parameters())]

    for number in (1, 2, 3):
        monkeypatch.setattr(threads, "_chosen", number)
        assert_both_same(compute, 1e-4, 1e-4)
        results.append(both(compute)[0])
        assert all(np.array_equal(a, b) for a, b in zip(results[-1], results[0], strict=True))


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.1}, {"betas": (0, 0)}, {"maximize": True}], ids=str)
@pytest.mark.parametrize("optimizer", [nn.optim.Adam, nn.optim.AdamW])
def test_adam(optimizer, settings):
    def train():
        p = tl.tensor(normal(7, 5), requires_grad=True)
        steps = optimizer([p], **{"lr": 0.1, **settings})
        for i in range(4):
            p.grad = tl.tensor(normal(7, 5, seed=i))
            steps.step()
        return [p.detach().numpy(), *(state.numpy() for name, state in steps.state[p].items() if name != "step")]

    assert_both_same(train)


def test_rows_are_added_as_numpy_adds_them():
    total, rows, values = normal(9, 5), np.random.default_rng(0).integers(0, 9, 400), normal(400, 5)
    expected = total.copy()
    np.add.at(expected, rows, values)
    loops.add_rows(total, rows, values)
    np.testing.assert_array_equal(total, expected)


@pytest.mark.parametrize("layouts", ["CC", "CF", "FC", "FF"])
@pytest.mark.parametrize("sizes", [(1, 70, 130), (130, 3, 5), (5, 3, 130), (33, 40, 33), (64, 1, 64)])
def test_a_product_is_numpys(layouts, sizes):
    (n, k, m), draw = sizes, np.random.default_rng(0)
    a, b = (
        np.asarray(draw.integers(-4, 5, s), np.float32, order=o) for s, o in zip([(n, k), (k, m)], layouts, strict=True)
    )
    np.testing.assert_array_equal(compiled.multiplied(a, b), a @ b)  # whole numbers: exact in any order


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
        own_q, own_k, own_mask = (x.copy() if copied and x is not None else x for x in (q, k, mask))
        out, kept = attention.attention(own_q, own_k, own_k, own_mask, keep=True)
        g = normal(*out.shape, seed=2)
        gradients = attention.attention_backward(g, [True] * 3, own_q, own_k, own_k, own_mask, out=out, kept=kept)
        found.append([out, *gradients[:3]])
    for ours, of_copies in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, of_copies)


def test_reference_computes_without_loops(monkeypatch):
    monkeypatch.setitem(compiled.compiles.__kwdefaults__, "least", 1)
    for name in ("gelu", "layer_norm", "softmax", "adam"):
        monkeypatch.setattr(loops, name, None)
    p = tl.tensor(normal(7, 5), requires_grad=True)
    with tl.reference():
        (tl.gelu(p) + tl.layer_norm(p) + tl.softmax(p)).sum().backward()
        nn.optim.Adam([p]).step()


def test_what_loops_cannot_read_is_left_to_numpy():
    x = np.zeros((200, 100), "float32")
    assert compiled.compiles(x, x)
    for other in (x[:10], x.T, x.astype("float64"), x.astype(">f4")):  # the first is small
        assert not compiled.compiles(other)


# --- threads: every chunk once, the same bits -----------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3])
def test_every_chunk_is_computed_once(monkeypatch, number):
    monkeypatch.setattr(threads, "_chosen", number)
    counts = np.zeros((100, 1), np.float32)
    for _ in range(500):
        pool.run(count, 100, 1, counts)
    assert (counts == 500).all()


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


def test_any_number_of_threads_and_of_callers_at_once_gives_the_same_bits(monkeypatch):
    expected, wrong = everything(), []
    at_once(8, lambda i: wrong.append(i) if everything() != expected else None)
    assert not wrong
    for number in (1, 3):
        monkeypatch.setattr(threads, "_chosen", number)
        assert everything() == expected


def test_more_chunks_than_the_pool_can_count():
    x = np.ones((2**20, 1, 1, 1), np.float32)
    assert (attention.attention(x, x, x) == 1).all()


def test_helpers_sleep_when_no_work_comes():
    pool.run(count, 100, 1, np.zeros((100, 1), np.float32))
    time.sleep(0.1)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def _in_child(_):
    return everything()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of a fork beside threads
def test_a_forked_child_computes_without_the_threads_of_its_parent():
    expected = everything()
    with multiprocessing.get_context("fork").Pool(1) as children:
        assert children.map_async(_in_child, [0]).get(30) == [expected]


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


# --- Numba: loaded late, interrupted, at the end of the program; its machine code on disk ------------------------

LARGE_AND_SMALL = """
import sys, numpy as np, tinygrad_lecture as tl
tl.gelu(tl.zeros(100))
print("numba" in sys.modules)
print(round(tl.gelu(tl.ones(200_000))[-1].item(), 5))
print("numba" in sys.modules)
"""
INTERRUPTED = """
import os, signal, threading, time, tinygrad_lecture as tl
x = tl.randn(2000)
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    tl.gelu(x)
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
print(tl.gelu(x).shape)
"""
AT_THE_END = """
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


@pytest.mark.parametrize(
    ("program", "variables", "printed"),
    [
        pytest.param(LARGE_AND_SMALL, {}, "False\n0.84134\nTrue\n", id="loaded by the first large array"),
        pytest.param(LARGE_AND_SMALL, {"NUMBA_DISABLE_JIT": "1"}, "False\n0.84134\nFalse\n", id="turned off"),
        pytest.param(
            INTERRUPTED, {}, "interrupted\n(2000,)\n", id="Ctrl-C in the first use",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process there"),
        ),
        pytest.param(AT_THE_END, {}, "400.0\n", id="work at the end of the program"),
    ],
)  # fmt: skip
def test_a_program(program, variables, printed):
    command, environment = [sys.executable, "-c", program], {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


def test_kept_machine_code_is_not_used_after_a_change_of_another_file(tmp_path):
    """A loop's machine code holds functions of other files, which say where a job's arguments are."""
    folder = tmp_path / "tinygrad_lecture"
    shutil.copytree(Path(tl.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_DEBUG_CACHE": "1"}
    code = "import tinygrad_lecture as tl; tl.softmax(tl.zeros(2, 600))"
    loaded = []
    for changed in (False, False, True):
        if changed:
            with (folder / "kernels" / "compiled" / "pool.py").open("a") as file:
                file.write("# changed\n")
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        loaded.append("data loaded" in done.stdout)
    assert loaded == [False, True, False]


def test_without_a_folder_for_its_machine_code_a_loop_compiles_all_the_same(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])

    def double(x):
        for i in range(x.size):
            x[i] *= 2

    x, compiled_double = np.ones(3, "float32"), pool.loop(double)
    compiled_double(x)
    compiled_double(x)
    assert x.tolist() == [4, 4, 4]
