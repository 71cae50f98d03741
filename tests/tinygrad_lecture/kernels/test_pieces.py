"""Kernels of NumPy alone: large arrays in pieces, freed memory that is kept, GELU, scatter_add."""

import math
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_lecture as tl
from strategies import LAYOUTS
from strict_cupy import strict
from tinygrad_lecture.kernels import compiled, threads
from tinygrad_lecture.kernels.arrays import scatter_add
from tinygrad_lecture.kernels.gelu import gelu
from tinygrad_lecture.kernels.threads import PIECE, SHARED, in_pieces

WRITABLE = [lambda x: x, LAYOUTS["transposed"], LAYOUTS["negative strides"], LAYOUTS["every other element"]]


SHAPES = [(0, 2), (1, 1), (1, PIECE), (1, PIECE + 1), (PIECE + 1, 1), (300, 301), (7, PIECE), (7 * SHARED + 3, 1)]


@pytest.mark.parametrize("shape", SHAPES)  # two threads share the last two
@pytest.mark.parametrize("layout", WRITABLE)
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    "layout_of_g", [lambda g: g, lambda g: np.asfortranarray(g), lambda g: np.broadcast_to(1.0, g.shape)]
)
def test_pieces_are_all_of_it_and_what_is_written_arrives(shape, layout, layout_of_g):
    p, m = layout(np.zeros(shape)), layout(np.zeros(shape))
    g = layout_of_g(np.arange(p.size, dtype=float).reshape(p.shape))
    g.flags.writeable = False

    def kernel(p, g, m):
        assert p.shape == g.shape == m.shape
        assert p.size <= 1.5 * SHARED
        p += g
        m -= g

    in_pieces(kernel, p, g, m, read=(1,))
    np.testing.assert_array_equal(p, g)
    np.testing.assert_array_equal(m, -g)


@pytest.fixture(autouse=True)
def without_loops(monkeypatch):
    """These are about NumPy's passes; a compiled loop may round a large array otherwise than NumPy a small one."""
    monkeypatch.setattr(compiled, "_loaded", False)


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 2)


def test_two_threads_compute_the_bits_of_one(monkeypatch):
    x = np.random.default_rng(0).normal(size=3 * SHARED + 5).astype(np.float32)
    computed = []
    for n in (1, 2):
        monkeypatch.setattr(threads, "_chosen", n)
        computed.append(tl.gelu(tl.tensor(x)).numpy().tobytes())
    assert computed[0] == computed[1]


def test_the_callers_error_state_holds_in_all_threads(two_threads):
    x = np.full(4 * SHARED, 1e38, np.float32)

    def kernel(x):
        x *= 10

    with np.errstate(over="ignore"):
        in_pieces(kernel, x)
    assert np.isinf(x).all()
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        in_pieces(kernel, np.full(4 * SHARED, 1e38, np.float32))


def test_other_devices_arrays_are_not_cut():
    large = strict.zeros(2 * PIECE)
    seen = []
    in_pieces(lambda *arrays: seen.append(arrays), large, large)
    assert len(seen) == 1 and all(array is large for array in seen[0])


@pytest.mark.parametrize("function", [tl.gelu, tl.erf, lambda x: tl.gelu(x, "tanh")])
@pytest.mark.parametrize("layout", ["in order", "turned", "every other"])
def test_a_large_array_is_computed_as_its_parts(function, layout):
    """Value and gradient, in every memory layout."""
    x = np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32)
    x = {"in order": x, "turned": x.T, "every other": x[:, ::2]}[layout]
    whole = tl.tensor(x.copy(), requires_grad=True) if layout == "in order" else tl.tensor(x).requires_grad_()
    rows = [tl.tensor(np.ascontiguousarray(row), requires_grad=True) for row in x[::50]]
    out = function(whole)
    out.sum().backward()
    for i, row in enumerate(rows):
        part = function(row)
        part.sum().backward()
        np.testing.assert_allclose(out.detach().numpy()[50 * i], part.detach().numpy(), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(whole.grad.numpy()[50 * i], row.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc keeps freed memory")
def test_freed_memory_is_kept_for_the_next_step():
    code = """
import platform, resource
import numpy as np
import tinygrad_lecture
def step():
    return [np.ones(2**18) for _ in range(8)]                      # 2 MB each, 512 pages
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(platform.libc_ver()[0], resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    library, _, faults = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.partition(" ")
    if library != "glibc":
        pytest.skip("another C library")
    assert int(faults) < 1000, "pages were cleared again: 10 steps of 4096 pages each"


# --- sums at repeated indices, along any axis -----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (5, 3), (70_000, 2), (2, 5, 3), (2, 3, 5)])
@pytest.mark.parametrize("repeats", [0, 1, 4, 200])
def test_it_adds_what_a_loop_adds(shape, repeats):
    random = np.random.default_rng(0)
    for axis, n in enumerate(shape):
        count = min(repeats * n, 5000, 10**6 * n // math.prod(shape))
        places = random.integers(-n, n, count)
        values = random.normal(size=(*shape[:axis], count, *shape[axis + 1 :])).astype("float32")
        total = random.normal(size=shape).astype("float32")
        index = (*[slice(None)] * axis, places)
        wanted = total.astype("float64")
        np.add.at(wanted, index, values)
        scatter_add(total, index, values)
        np.testing.assert_allclose(total, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("index", [(np.array([0, 3]),), (slice(None), np.array([0, -4]))])
def test_a_row_that_is_not_there_is_refused(index):
    with pytest.raises(IndexError, match=f"axis {len(index) - 1} with size 3"):
        scatter_add(np.zeros((3, 3)), index, np.ones((2, 3) if len(index) == 1 else (3, 2)))


# --- GELU: how far it and its derivative are from the exact values --------------------------------------------


GRID = np.linspace(-9, 9, 40_001, dtype=np.float32)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_value_and_derivative_are_as_exact_as_float32_allows(approximate):
    """PyTorch's error is up to 1.2e-6."""
    x = tl.tensor(GRID.astype(float), requires_grad=True)
    with tl.reference():
        exact = tl.gelu(x, approximate)
        exact.sum().backward()
    value, slope = gelu(GRID, approximate, keep=True)
    assert value.dtype == slope.dtype == np.float32
    assert np.abs(value - exact.detach().numpy()).max() < 1e-6
    assert np.abs(slope - x.grad.numpy()).max() < 5e-7


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_far_from_0_gelu_is_x_or_0(approximate, dtype):
    largest = np.finfo(dtype).max
    x = np.array([-largest, -math.sqrt(largest), -1e6, -40, 40, 1e6, math.sqrt(largest), largest], dtype)
    value, slope = gelu(x, approximate, keep=True)
    np.testing.assert_allclose(value, np.maximum(x, 0), atol=1e-100)
    np.testing.assert_allclose(slope, x > 0, atol=1e-100)


# --- without Numba ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ImportError("needs NumPy 2.1"), OSError("libllvmlite.so"), AttributeError("njit")], ids=repr
)
def test_numba_that_cannot_be_imported_is_left_out_with_a_warning(monkeypatch, error):
    def fails(name, package):
        raise error

    monkeypatch.setattr(compiled, "find_spec", lambda name: "found")
    monkeypatch.setattr(compiled, "import_module", fails)
    with pytest.warns(UserWarning, match=f"NumPy computes alone.*{error}"):
        assert not compiled._load()
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    assert not compiled._load()
