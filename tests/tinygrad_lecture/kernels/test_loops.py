"""The loops that Numba compiles compute what the NumPy code beside them does, for any size, and where floats end."""

import math
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from nn.torch.layers import pack_padded_sequence
from numeric import assert_close
from tinygrad_lecture.kernels import compiled, threads
from tinygrad_lecture.kernels.gelu import gelu
from tinygrad_lecture.ops.fused import quantized_rows

pytestmark = pytest.mark.skipif(not compiled.available(), reason="needs Numba: pip install '.[fast]'")
SPECIAL = [0.0, -0.0, 1e-30, 9.5, -9.5, 87.2, -87.2, 88.5, -88.5, 1e6, -1e6, 1e25, -1e25, math.inf, -math.inf, math.nan]


def both(compute):
    """What `compute` returns with loops for arrays of every size, and without any."""
    found = []
    for loops in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(compiled.compiles.__kwdefaults__, "least", 1)  # a default is read once
            patch.setattr(compiled, "_loaded", loops)
            found.append(compute())
    return found


def assert_both_same(compute, rtol=3e-6, atol=3e-6):
    for i, (a, b) in enumerate(zip(*both(compute), strict=True)):
        assert a.dtype == b.dtype == np.float32
        assert_close(a, b, f"array {i}", rtol, atol)


def with_gradients(function, *arrays):
    """The output and the gradient by each array, for an upstream gradient of any values."""

    def compute():
        tensors = [tl.tensor(x).requires_grad_() for x in arrays]
        out = function(*tensors)
        out.backward(tl.tensor(normal(*out.shape, seed=9)))
        return [out.detach().numpy(), *(x.grad.numpy() for x in tensors)]

    return compute


def normal(*shape, seed=0, scale=1.0):
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype("float32")


def test_exp_is_exact_to_a_rounding():
    from tinygrad_lecture.kernels.compiled import loops

    @loops.loop
    def exp(x, out):
        for i in range(x.size):
            out[i] = loops.exp(x[i])

    x = np.linspace(-87.3, 88.3, 400_001, dtype="float32")
    out = np.empty_like(x)
    exp(x, out)
    assert np.abs(out / np.exp(x.astype(float)) - 1).max() < 1.2e-7
    exp(np.float32([-87.4, -math.inf, 88.4, math.inf, math.nan]), out)
    np.testing.assert_array_equal(out[:5], [0, 0, math.inf, math.inf, math.nan])


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@given(size=st.integers(1, 70), scale=st.sampled_from([0.1, 1, 10, 1e4]), seed=st.integers(0, 99))
def test_gelu(approximate, size, scale, seed):
    x = normal(size, seed=seed, scale=scale)
    assert_both_same(with_gradients(lambda x: tl.gelu(x, approximate), x))
    x.flags.writeable = False
    assert_both_same(lambda: [gelu(x, approximate)])  # without the derivative


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_where_floats_end(approximate):
    assert_both_same(with_gradients(lambda x: tl.gelu(x, approximate), np.float32(SPECIAL)))


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
    random = np.random.default_rng(seed)
    bytes_ = blocks * (32 if kind == "int8" else 16)
    numbers = tl.tensor(random.integers(0, 256, (rows, bytes_)).astype(kind))
    scale, offset = (tl.tensor(normal(rows, blocks, seed=seed + i)) for i in (1, 2))
    quantized = lambda x: tl.quantized_linear(x, numbers, scale, offset)  # noqa: E731
    x, matrix = normal(x_rows, 32 * blocks, seed=seed), (numbers, scale, offset)
    assert_both_same(with_gradients(quantized, x), rtol=1e-4, atol=1e-2)
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


def test_softmax_of_a_row_with_nan_or_inf_is_nan():
    for x in ([1, math.nan, 2], [1, math.inf, 2]):
        with np.errstate(invalid="ignore"):
            assert_both_same(lambda x=x: [tl.softmax(tl.tensor(x)).numpy()])


@given(rows=st.integers(1, 9), n=st.integers(1, 40), seed=st.integers(0, 99), scale=st.sampled_from([1, 30]))
def test_cross_entropy(rows, n, seed, scale):
    targets = tl.tensor(np.random.default_rng(seed).integers(0, n, rows))
    x = normal(rows, n, seed=seed, scale=scale)
    x[:, 0][targets.numpy() != 0] = -math.inf  # a class that is not the target may be impossible
    assert_both_same(with_gradients(lambda x: tl.cross_entropy(x, targets), x))


def test_targets_of_any_integer_dtype():
    x = normal(30, 4)
    for dtype in ("uint8", "int32", ">i4"):
        targets = (np.arange(30) % 4).astype(dtype)
        assert_both_same(with_gradients(lambda x, t=targets: tl.cross_entropy(x, t), x))


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


POOLS = [{}, {"stride": 2}, {"stride": (2, 1), "dilation": (1, 2)}, {"stride": 2, "padding": 1}]


@pytest.mark.parametrize("settings", POOLS, ids=str)
@given(seed=st.integers(0, 99), values=st.sampled_from([[1.0, 2.0, 3.0], [1.0, math.nan, -math.inf, math.inf]]))
def test_max_pool(settings, seed, values):
    x = np.random.default_rng(seed).choice(np.float32(values), (2, 3, 6, 5))
    with_loops, plain = both(with_gradients(lambda x: tl.max_pool(x, (2, 3), **settings), x))
    np.testing.assert_array_equal(with_loops[0], plain[0])
    assert_close(with_loops[1], plain[1], "gradient", 1e-6, 1e-6)  # a sum of several may be rounded otherwise


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@given(
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=3), scale=st.sampled_from([0.1, 1, 1e3]),
    seed=st.integers(0, 99), hidden=st.integers(1, 20),
)  # fmt: skip
def test_recurrent(kind, bias, lengths, scale, seed, hidden):
    lengths.sort(reverse=True)
    layer = kind(3, hidden, bias=bias, bidirectional=True)
    weights = [normal(*p.shape, seed=seed) for p in layer.parameters()]

    def compute():
        layer.load_state_dict(dict(zip(layer.state_dict(), weights, strict=True)))
        layer.zero_grad()
        x = tl.tensor(normal(max(lengths), len(lengths), 3, seed=seed, scale=scale), requires_grad=True)
        output, state = layer(pack_padded_sequence(x, tl.tensor(lengths)))
        states = state if kind is nn.LSTM else [state]
        sum((s * s).sum() for s in [output.data, *states]).backward()
        return [output.data.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for p in layer.parameters())]

    assert_both_same(compute, 1e-4, 1e-4 * max(scale, 1))


def test_an_lstm_has_the_same_bits_for_any_number_of_threads(monkeypatch):
    layer, lengths = nn.LSTM(3, 20), tl.tensor(sorted([1 + i % 5 for i in range(40)], reverse=True))

    def compute():
        layer.zero_grad()
        output, _ = layer(pack_padded_sequence(tl.tensor(normal(5, 40, 3)), lengths))
        (output.data * output.data).sum().backward()
        return [output.data.detach().numpy(), *(p.grad.numpy() for p in layer.parameters())]

    results = []
    for number in (1, 2, 3):
        monkeypatch.setattr(threads, "_chosen", number)
        results.append(compute())
    assert all(np.array_equal(a, b) for found in results for a, b in zip(found, results[0], strict=True))
    assert_both_same(compute, 1e-4, 1e-4)


@pytest.mark.parametrize(
    "settings",
    [{}, {"weight_decay": 0.1}, {"betas": (0, 0)}, {"maximize": True}, {"eps": 0.1, "lr": 0.5}],
    ids=str,
)
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


def test_reference_computes_without_loops(monkeypatch):
    from tinygrad_lecture.kernels.compiled import loops

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
    assert compiled.compiles(pickle.loads(pickle.dumps(x)))  # whose dtype is another object
    assert not compiled.compiles(x[:10])  # small
    assert not compiled.compiles(x.T)
    assert not compiled.compiles(x.astype("float64"))
    assert not compiled.compiles(x.astype(">f4"))


LARGE_AND_SMALL = """
import sys, numpy as np, tinygrad_lecture as tl
tl.gelu(tl.zeros(100))
print("numba" in sys.modules)
print(round(tl.gelu(tl.ones(200_000))[-1].item(), 5))
print("numba" in sys.modules)
"""


@pytest.mark.parametrize("off", [False, True])
def test_numba_is_imported_by_the_first_large_array_unless_it_is_turned_off(off):
    env = {"NUMBA_DISABLE_JIT": "1"} if off else {}
    out = subprocess.run(
        [sys.executable, "-c", LARGE_AND_SMALL], capture_output=True, text=True, check=True, env={**os.environ, **env}
    ).stdout
    assert out.split() == ["False", "0.84134", str(not off)]


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


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process there")
def test_after_ctrl_c_in_the_first_use_all_works():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["interrupted", "(2000,)"], done.stderr


FORKED = """
import os, threading, time, warnings, tinygrad_lecture as tl
warnings.simplefilter("ignore")  # of a fork with threads
threading.Thread(target=lambda: tl.gelu(tl.ones(2000))).start()
time.sleep(0.1)
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    print(tl.gelu(tl.ones(2000)).shape, flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_forked_while_numba_is_loaded_computes():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60)
    assert done.stdout == "(2000,)\n", done.stderr


def assert_doubles_twice(loop):
    def double(x):
        for i in range(x.size):
            x[i] *= 2

    x, compiled_double = np.ones(3, "float32"), loop(double)
    compiled_double(x)
    compiled_double(x)
    assert x.tolist() == [4, 4, 4]


def test_machine_code_that_cannot_be_kept_is_used_all_the_same(monkeypatch):
    from tinygrad_lecture.kernels.compiled import compiling

    def full(x):
        raise OSError("no space left on device")

    njit = compiling.numba.njit
    replaced = SimpleNamespace(njit=lambda cache=False, **how: (lambda f: full) if cache else njit(**how))
    monkeypatch.setattr(compiling, "numba", replaced)

    assert_doubles_twice(compiling.loop)


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
    from numba.core import caching

    from tinygrad_lecture.kernels.compiled import compiling

    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])

    assert_doubles_twice(compiling.loop)
