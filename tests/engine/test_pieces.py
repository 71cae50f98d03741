"""Pieces of large arrays, and the memory that they are made in."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from numeric import assert_same_bits
from tinygrad_lecture.kernels.pieces import PIECE, pieces


@given(st.sampled_from([0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7]), st.booleans())
def test_pieces_are_all_of_it_and_what_is_written_arrives(n, in_order):
    x = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    x = x if in_order else x.T
    out = np.zeros_like(x)
    sizes = []
    for y, z in pieces(out, x):
        y[...] = z + 1
        sizes.append(z.size)
    assert_same_bits(out, x + 1, "written")
    assert sum(sizes) == 2 * n
    assert not in_order or max(sizes) <= PIECE


@pytest.mark.parametrize("function", [tl.gelu, tl.erf, lambda x: tl.gelu(x, "tanh")])
@pytest.mark.parametrize("layout", ["in order", "turned", "every other"])
def test_a_large_array_is_computed_as_its_parts(function, layout):
    """Value and gradient, in every order of memory."""
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is glibc that is taught to keep memory")
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
