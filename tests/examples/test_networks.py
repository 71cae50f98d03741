"""The engine on a page, MNIST, networks and their descent: what claims alone do not show of 00 to 04, 21 and 22."""

import gzip
import operator
import re
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import tinygrad_lecture as tl
from helpers import mnist
from helpers.program import DataError
from programs import EXAMPLES, load
from show import digits, valleys

# --- 00 engine on a page: it runs anywhere with NumPy alone, and its gradients are the real engine's --------------

FILE = EXAMPLES / "00_engine_on_a_page.py"
p00 = load(FILE.stem)
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
    page = [p00.Tensor(value, requires_grad=True) for value in values]
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
    x = p00.Tensor([1.0, 2.0], requires_grad=True)
    for _ in range(2):
        (x * x).sum().backward()
    assert x.grad.tolist() == [4, 8]
    assert repr(x) == "Tensor([1. 2.], grad=[4. 8.])"


def test_a_long_chain_needs_no_recursion_and_a_weight_may_change_before_backward():
    x = p00.Tensor(1.0, requires_grad=True)
    out = x * x
    x.data = np.array(7.0)  # out was computed from 1
    for _ in range(20_000):
        out = out + 0
    out.backward()
    assert x.grad == 2


def test_products_of_other_than_matrices_are_refused():
    with pytest.raises(ValueError, match=r"\(n, k\) @ \(k, m\), and not \(2, 2\) @ \(2,\)"):
        p00.Tensor(np.ones((2, 2)), requires_grad=True) @ np.ones(2)


def test_it_is_one_page_that_needs_numpy_alone(tmp_path):
    """A copy in an empty folder, where no file of the project is found, says the gradient that it measures too."""
    command = [sys.executable, "-I", "-W", "error", shutil.copy(FILE, tmp_path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    gradient = re.search(r"weights Tensor\(\[ 0.5 -1.5\], grad=(\[.*?\])\)", text).group(1)
    assert f"finite differences: {gradient}\n" in text
    source = FILE.read_text(encoding="utf-8")
    assert set(re.findall(r"^ *(?:from|import) (\w+)", source, re.MULTILINE)) == {"heapq", "itertools", "numpy"}
    assert len(source.splitlines()) <= 165


# --- 02 digits --------------------------------------------------------------------------------------------------------

p02 = load("02_digits")


@pytest.mark.parametrize(("patience", "ends"), [(1, (3, 0.7)), (3, (7, 0.79)), (5, (8, 0.79))])
def test_a_plateau_is_where_the_accuracy_has_not_risen(patience, ends):
    assert digits.plateau([0.5, 0.7, 0.7, 0.8, 0.8, 0.75, 0.79], patience) == ends


def test_a_picture_made_smaller_keeps_its_middle_and_its_shape():
    square = np.zeros((1, 28, 28), np.float32)
    square[:, 6:22, 6:22] = 1  # 16 pixels wide, about the middle
    small = mnist.resized(tl.tensor(square.reshape(1, 784)), 0.5).numpy().reshape(28, 28)
    assert small.sum() == pytest.approx(8 * 8)
    np.testing.assert_array_equal(small, small[::-1, ::-1])


def test_other_networks_and_another_way_downhill():
    for settings in (p02.Settings(hidden=(8,), activation="leaky-relu"), p02.Settings(hidden=(), batch_size=40)):
        x, y = tl.rand(40, 784), tl.arange(40) % 10
        (costs, *_) = p02.learn(p02.build(settings), x, y, settings)
        assert len(costs) == (1 if settings.batch_size == 40 else 2)


# --- 04 backprop ------------------------------------------------------------------------------------------------------

p04 = load("04_backprop")


@pytest.mark.parametrize("activation", p04.ACTIVATIONS)
def test_the_gradients_of_other_networks_agree_too(activation, tmp_path, monkeypatch):
    monkeypatch.setattr(p04.show, "measure_times", lambda *_: (1.0, 1.0))  # the price is that of another network
    monkeypatch.setattr(p04.show, "gradient_noise", lambda *_: [1.0, 1.0])
    monkeypatch.setattr(p04.show, "memory", lambda *_: 1)
    m = p04.measure(p04.Settings(layers=(3, 4, 2), activation=activation, out=tmp_path))
    assert len(m.gradients) == 3 * 4 + 4 + 4 * 2 + 2
    assert max(m.by_formula, m.by_nudging) < 1e-5


# --- 21 valleys -------------------------------------------------------------------------------------------------------

p21 = load("21_valleys")


def test_a_descent_that_still_moves_is_not_called_stuck():
    moving, still = np.linspace(1, 0.6, 10), np.full(10, 0.5)
    assert valleys.are_stuck(np.stack([moving, still, np.zeros(10)], axis=1)).tolist() == [False, True, False]


def test_a_probe_reads_what_is_there_and_no_more():
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 500, 3))
    assert p21.show.explained(a, b, a[:, :1] + 2, b[:, :1] + 2) == pytest.approx(1)
    assert abs(p21.show.explained(a, b, draw.normal(size=(500, 1)), draw.normal(size=(500, 1)))) < 0.05


# --- MNIST ------------------------------------------------------------------------------------------------------------


def idx(array):
    """The idx file of an array, spelt out here so that the reader is not its own judge."""
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape) + array.tobytes()


def pictures(n):
    return np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def labels(n):
    return np.arange(n, dtype=np.uint8) % 10


@pytest.fixture
def folder(tmp_path):
    """A small MNIST: 12 pictures to train with, 5 to test with."""
    for name, array in zip(mnist.FULL, (pictures(12), labels(12), pictures(5), labels(5)), strict=True):
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path


def test_bundled_digits_are_those_of_mnist():
    digits = mnist.load_digits()
    assert (digits.train_images.shape, digits.train_images.dtype) == ((8500, 784), np.float32)
    assert (digits.test_images.shape, digits.test_labels.dtype) == ((1500, 784), np.int64)
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 1)
    every = np.concatenate([digits.train_labels, digits.test_labels])  # the last 1,500 for testing
    assert np.bincount(every).tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert set(digits.test_labels[:100]) == set(range(10))  # shuffled
    # A row of the best-known picture of all, MNIST's very first, a five.
    row = bytes([3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127])
    images = mnist.read_idx(mnist.BUNDLED / "digits-images-idx3-ubyte.gz")
    assert every[[i for i, image in enumerate(images) if row in image[5].tobytes()]].tolist() == [5]


@given(array=arrays(np.uint8, array_shapes(max_dims=3, max_side=5)), packed=st.booleans(), data=st.data())
def test_a_file_comes_back_and_a_shortened_or_lengthened_one_does_not(tmp_path_factory, array, packed, data):
    path, whole = tmp_path_factory.getbasetemp() / "file", gzip.compress(idx(array)) if packed else idx(array)
    path.write_bytes(whole)
    np.testing.assert_array_equal(mnist.read_idx(path), array)
    more = data.draw(st.binary(min_size=1, max_size=4).filter(lambda b: b.strip(b"\0") != b""))
    for damaged in (whole[: data.draw(st.integers(0, len(whole) - 1))], whole + more):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=re.escape(str(path))):
            mnist.read_idx(path)


def test_a_packed_file_of_more_than_mnist_is_not_unpacked(tmp_path):
    (tmp_path / "many.gz").write_bytes(gzip.compress(bytes(mnist.MOST + 1)))
    with pytest.raises(DataError, match=r"many\.gz .* MNIST has at most 67,108,864 bytes in a file"):
        mnist.read_idx(tmp_path / "many.gz")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_the_full_mnist_in_a_folder_by_every_name_and_both_packings(folder, mark, ending, packed):
    """What a file holds decides, not its name: browsers unpack and keep the .gz, or the reverse."""
    for name in mnist.FULL:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / (name.replace("-idx", mark + "idx") + ending)).write_bytes(
            gzip.compress(content) if packed else content
        )
    digits = mnist.load_digits(folder)
    np.testing.assert_array_equal(np.rint(255 * digits.train_images), pictures(12).reshape(12, 784))
    assert digits.test_labels.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("place", "array"), [(0, labels(12)), (2, pictures(5)[:, :, :27]), (1, labels(11)),
                                              (3, labels(5) + np.uint8(6))])  # fmt: skip
def test_a_file_in_the_place_of_another_or_missing_is_named(folder, place, array):
    (folder / mnist.FULL[place]).write_bytes(idx(array))
    with pytest.raises(DataError, match=f"{mnist.FULL[place]}.* should hold pictures, |should hold pictures.*and not"):
        mnist.load_digits(folder)
    (folder / mnist.FULL[place]).unlink()
    with pytest.raises(DataError, match=f"has no {mnist.FULL[place]} or {mnist.FULL[place]}.gz; MNIST is train-images"):
        mnist.load_digits(folder)
