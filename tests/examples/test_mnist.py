"""The digits: what is bundled is right, what is damaged is refused with a message that helps."""

import gzip
import re
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from numpy.typing import NDArray

from helpers import mnist
from helpers.mnist import DataError, load_digits, read_idx

Bytes = NDArray[np.uint8]
HTML = b"\n<!DOCTYPE html><html><body>403 Forbidden</body></html>"
arrays = st_np.arrays(np.uint8, st_np.array_shapes(max_dims=3, max_side=5))


def idx(array: Bytes) -> bytes:
    """The idx file of an array, spelt out here so that the reader is not its own judge."""
    head = b"\0\0\x08" + bytes([array.ndim])
    return head + b"".join(struct.pack(">I", n) for n in array.shape) + array.tobytes()


def pictures(n: int) -> Bytes:
    return np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def labels(n: int) -> Bytes:
    return np.arange(n, dtype=np.uint8) % 10


IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = mnist.FULL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small MNIST: 12 pictures to train with, 5 to test with."""
    for name, array in zip(mnist.FULL, (pictures(12), labels(12), pictures(5), labels(5)), strict=True):
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for Hypothesis to write again and again."""
    return tmp_path_factory.mktemp("idx") / "file"


# --- the bundled digits ---------------------------------------------------------------------


def test_bundled_digits_are_those_of_mnist() -> None:
    digits = load_digits()
    assert (digits.train_images.shape, digits.train_images.dtype) == ((8500, 784), np.float32)
    assert (digits.test_images.shape, digits.test_labels.dtype) == ((1500, 784), np.int64)
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 1)
    assert digits.source == "10,000 bundled digits of MNIST"
    every = np.concatenate([digits.train_labels, digits.test_labels])  # the last 1,500 for testing
    assert np.array_equal(every, read_idx(mnist.BUNDLED / "digits-labels-idx1-ubyte.gz"))
    assert np.bincount(every).tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert set(digits.test_labels[:100]) == set(range(10))  # shuffled
    # A row of the best-known picture of all, MNIST's very first, a five.
    row = bytes([3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127])
    images = read_idx(mnist.BUNDLED / "digits-images-idx3-ubyte.gz")
    assert every[[i for i, image in enumerate(images) if row in image[5].tobytes()]].tolist() == [5]


# --- read_idx -------------------------------------------------------------------------------


@given(array=arrays, packed=st.booleans(), data=st.data())
def test_a_file_comes_back_and_a_shortened_lengthened_or_changed_one_does_not(scratch, array, packed, data) -> None:
    whole = gzip.compress(idx(array), mtime=0) if packed else idx(array)
    scratch.write_bytes(whole)
    back = read_idx(scratch)
    assert (back.dtype, back.shape, back.flags.writeable) == (np.uint8, array.shape, False)
    assert np.array_equal(back, array)
    end = data.draw(st.integers(0, len(whole) - 1))
    more = data.draw(st.binary(min_size=1, max_size=4).filter(lambda b: b.strip(b"\0") != b""))
    for damaged in (whole[:end], whole + more):
        scratch.write_bytes(damaged)
        with pytest.raises(DataError, match=re.escape(str(scratch))):
            read_idx(scratch)
    if packed:
        scratch.write_bytes(whole[:end] + data.draw(st.binary(min_size=1, max_size=1)) + whole[end + 1 :])
        with suppress(DataError):  # most changes are found; the rest do not matter, as that of the time
            assert np.array_equal(read_idx(scratch), array)


@given(content=st.binary() | st.binary().map(lambda b: b"\0\0\x08" + b) | st.binary().map(b"\x1f\x8b".__add__))
def test_any_bytes_are_an_array_or_a_data_error(scratch: Path, content: bytes) -> None:
    scratch.write_bytes(content)
    with suppress(DataError):
        assert read_idx(scratch).size > 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an idx file of bytes: it begins with b'', not with the bytes 00 00 08 and 01 to 03"),
        (gzip.compress(b"", mtime=0), "it begins with b''"),
        (HTML, "it begins with .*<!DOCTYPE html>.*; fetch the file itself"),
        (gzip.compress(HTML, mtime=0), "it begins with .*<!DOCTYPE html>"),
        (b"\x89PNG\r\n\x1a\n", r"it begins with b'\\x89PNG"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", r"it begins with b'\\x00\\x00\\r"),  # idx, but of floats
        (b"\x08\x03\0\0", r"it begins with b'\\x08\\x03"),  # the wrong byte order
        (b"\0\0\x08\x00\x05", r"it begins with b'\\x00\\x00\\x08\\x00"),  # no axis
        (b"\0\0\x08\xff" + bytes(2000), r"it begins with b'\\x00\\x00\\x08\\xff"),  # more axes than NumPy has
        (b"\0\0\x08", r"it begins with b'\\x00\\x00\\x08'"),
        (idx(pictures(2))[:9], r"is damaged: by its header it holds \(2,\), 2 bytes, but 0 follow"),
        (idx(pictures(2))[:-1], r"by its header it holds \(2, 28, 28\), 1,568 bytes, but 1,567 follow; fetch it again"),
        (idx(labels(3)) + b"\0", r"it holds \(3,\), 3 bytes, but 4 follow"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + b"ink", "but 3 follow"),  # sizes beyond 64 bits
        (b"\0\0\x08\x03\0\0\0\0" + b"\xff" * 8, "0 bytes, but 0 follow"),
        (gzip.compress(idx(labels(3)), mtime=0)[:-5], "cannot be unpacked"),
        (gzip.compress(idx(labels(3)), mtime=0) + b"more", "cannot be unpacked"),
        (gzip.compress(idx(labels(3)), mtime=0)[:10] + b"\xff\xff\xff", "cannot be unpacked"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "digits.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing_is_refused(tmp_path) -> None:
    for name, message in {"no": "no cannot be read: No such", ".": "be read"}.items():
        with pytest.raises(DataError, match=message):
            read_idx(tmp_path / name)


# --- the full MNIST in a folder -------------------------------------------------------------


def test_full_mnist(folder: Path) -> None:
    digits = load_digits(folder)
    # The float nearest to byte / 255, and so the exact byte again.
    expected = pictures(12).reshape(12, 784) / np.float32(255)
    assert np.array_equal(digits.train_images, expected)
    assert np.array_equal(np.rint(255 * digits.test_images), pictures(5).reshape(5, 784))
    assert digits.train_labels.tolist() == labels(12).tolist()
    assert digits.test_labels.tolist() == [0, 1, 2, 3, 4]
    assert digits.source == f"MNIST in {folder}"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("ending", ["", ".gz"], ids=["bare", "gz"])
@pytest.mark.parametrize("mark", ["-", "."], ids=["dash", "dot"])
def test_every_name_and_both_packings(folder: Path, mark: str, ending: str, packed: bool) -> None:
    """What a file holds decides, not its name: browsers unpack and keep the .gz, or the reverse."""
    for name in mnist.FULL:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        path = folder / (name.replace("-idx", mark + "idx") + ending)
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    assert len(load_digits(folder).train_labels) == 12


def test_a_missing_folder_or_file_is_named(folder: Path) -> None:
    for path in (folder / "nowhere", folder / IMAGES):
        with pytest.raises(DataError, match=r"is not a folder; name the one that holds train-"):
            load_digits(path)
    for name in reversed(mnist.FULL):
        (folder / name).unlink()
        with pytest.raises(DataError, match=f"has no {name} or {name}.gz; MNIST is train-images"):
            load_digits(folder)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (IMAGES, labels(12), r"should hold pictures, shape \(n, 28, 28\), but has shape \(12,\)"),
        (TEST_IMAGES, pictures(5)[:, :, :27], r"has shape \(5, 28, 27\)"),
        (TEST_IMAGES, pictures(1)[0], r"has shape \(28, 28\)"),
        (LABELS, pictures(12), r"should hold labels, shape \(n,\), but has shape \(12, 28, 28\)"),
        (LABELS, labels(11), "holds 12 pictures but .*train-labels-idx1-ubyte 11 labels"),
        (TEST_LABELS, labels(6), "holds 5 pictures but .*t10k-labels-idx1-ubyte 6 labels"),
        (TEST_LABELS, labels(5) + np.uint8(6), "t10k-.* holds the label 10, not 0 to 9"),
    ],
)
def test_a_file_in_the_place_of_another(folder: Path, name: str, array: Bytes, message: str) -> None:
    (folder / name).write_bytes(idx(array))
    with pytest.raises(DataError, match=message) as caught:
        load_digits(folder)
    assert str(folder / name) in str(caught.value)
