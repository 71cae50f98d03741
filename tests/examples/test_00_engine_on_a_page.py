"""The engine on a page: it runs anywhere with NumPy alone, and its gradients are the real engine's."""

import operator
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_lecture as tl
from programs import EXAMPLES, load

FILE = EXAMPLES / "00_engine_on_a_page.py"
program = load(FILE.stem)
SHAPES = [(), (3,), (2, 3), (1, 3), (2, 1), (3, 3)]  # any two of them broadcast, but for (2, ...) with (3, 3)
BINARY = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "matmul": operator.matmul}
UNARY = {
    "exp": lambda x: x.sigmoid().exp(),  # exp of exp of exp would overflow
    "relu": lambda x: x.relu(),
    "sigmoid": lambda x: x.sigmoid(),
    "neg": operator.neg,
    "number on the left": lambda x: 1 - 3 * x + 2,
    "division": lambda x: x / 4 + 1 / (1 + x.exp() / np.array(2.0)),
    "power": lambda x: (x**2 + 1) ** -0.5,
}


@given(data=st.data(), seed=st.integers(0, 1000), steps=st.integers(1, 12))
def test_gradients_on_random_graphs_are_those_of_the_real_engine(data, seed, steps):
    values = [np.random.default_rng(seed).uniform(-1, 1, shape) for shape in SHAPES]
    page = [program.Tensor(value, requires_grad=True) for value in values]
    real = [tl.tensor(value, requires_grad=True) for value in values]
    for _ in range(steps):
        name = data.draw(st.sampled_from([*BINARY, *UNARY]))
        i, j = (data.draw(st.integers(0, len(page) - 1)) for _ in range(2))
        if name in BINARY and not fits(name, real[i].shape, real[j].shape):
            continue
        for made in page, real:
            made.append(BINARY[name](made[i], made[j]) if name in BINARY else UNARY[name](made[i].sigmoid()))
    page[-1].sum().backward()
    real[-1].sum().backward()
    for ours, theirs in zip(page[: len(SHAPES)], real, strict=False):
        if theirs.grad is None:
            assert ours.grad is None
        else:
            np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-9, atol=1e-12)
            assert ours.grad.shape == theirs.shape


def fits(name, a, b):
    """Whether shapes can be multiplied as matrices, or broadcast."""
    if name == "matmul":
        return len(a) == len(b) == 2 and a[1] == b[0]
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def test_gradients_of_a_second_backward_add_up():
    x = program.Tensor([1.0, 2.0], requires_grad=True)
    for _ in range(2):
        (x * x).sum().backward()
    assert x.grad.tolist() == [4, 8]
    assert repr(x) == "Tensor([1. 2.], grad=[4. 8.])"


def test_a_long_chain_needs_no_recursion_and_a_weight_may_change_before_backward():
    x = program.Tensor(1.0, requires_grad=True)
    out = x * x
    x.data = np.array(7.0)  # out was computed from 1
    for _ in range(20_000):
        out = out + 0
    out.backward()
    assert x.grad == 2


def test_products_of_other_than_matrices_are_refused():
    with pytest.raises(ValueError, match=r"\(n, k\) @ \(k, m\), and not \(2, 2\) @ \(2,\)"):
        program.Tensor(np.ones((2, 2)), requires_grad=True) @ np.ones(2)


def test_it_is_one_page_that_needs_numpy_alone(tmp_path):
    """A copy in an empty folder, where no file of the project is found, says the gradient that it measures too."""
    command = [sys.executable, "-I", "-W", "error", shutil.copy(FILE, tmp_path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    gradient = re.search(r"weights Tensor\(\[ 0.5 -1.5\], grad=(\[.*?\])\)", text).group(1)
    assert f"finite differences: {gradient}\n" in text
    source = FILE.read_text(encoding="utf-8")
    assert set(re.findall(r"^ *(?:from|import) (\w+)", source, re.MULTILINE)) == {"heapq", "itertools", "numpy"}
    assert len(source.splitlines()) <= 165
