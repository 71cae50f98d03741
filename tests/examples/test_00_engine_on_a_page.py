"""The engine on a page: its gradients are the real engine's, and a network learns with it."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from helpers.page import REAL
from programs import ROOT, load, numbers_after, output_of

program = load("00_engine_on_a_page")
SHAPES = [(), (3,), (2, 3), (1, 3), (2, 1), (3, 3)]  # any two of them broadcast, but for (2, ...) with (3, 3)
BINARY = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "matmul": operator.matmul}


@given(data=st.data(), seed=st.integers(0, 1000), steps=st.integers(1, 12))
def test_gradients_on_random_graphs_are_those_of_the_real_engine(data, seed, steps):
    values = [np.random.default_rng(seed).uniform(-1, 1, shape) for shape in SHAPES]
    page = [program.Tensor(value, requires_grad=True) for value in values]
    real = [tl.tensor(value, requires_grad=True) for value in values]
    for _ in range(steps):
        name = data.draw(st.sampled_from([*BINARY, "exp", "sigmoid"]))
        i, j = (data.draw(st.integers(0, len(page) - 1)) for _ in range(2))
        if name in BINARY:
            if not fits(name, real[i].shape, real[j].shape):
                continue
            page.append(BINARY[name](page[i], page[j]))
            real.append(BINARY[name](real[i], real[j]))
        else:
            page.append(getattr(program, name)(program.sigmoid(page[i])))  # exp of exp of exp would overflow
            real.append(getattr(tl, name)(tl.sigmoid(real[i])))
    program.sum(page[-1]).backward()
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
        program.sum(x * x).backward()
    assert x.grad.tolist() == [4, 8]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return output_of(program, steps=400, out=tmp_path_factory.mktemp("page"))


def test_the_network_learns_xor_and_without_an_activation_it_cannot(text):
    learnt, without = text.split("Without the activation")
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        assert numbers_after(learnt, f"{a} XOR {b} =")[-1] == pytest.approx(float(a != b), abs=0.1)
        assert numbers_after(without, f"{a} XOR {b} =")[-1] == pytest.approx(0.5, abs=0.05)


def test_what_it_has_not_learnt_is_not_said_to_be_learnt(text, tmp_path):
    assert "4 of 4 answers are right" in text.split("Without the activation")[0]
    with np.errstate(over="ignore"):
        assert "2 of 4 answers are right" in output_of(program, rate=1e6, steps=20, out=tmp_path)


def test_it_names_files_of_the_real_engine_that_exist(text):
    for here, _, path in REAL:
        assert (ROOT / path).is_file()
        assert f"{here:24} {path}" in text
