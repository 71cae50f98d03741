"""The handwritten digits: 10,000 are bundled, and the full MNIST can be read from a folder.

    digits = load_digits()                 # 8,500 to train with, 1,500 to test with
    digits = load_digits(Path("mnist"))    # 60,000 and 10,000

MNIST is a set of idx files, plain or packed with gzip. An idx file is a header of big-endian numbers, then the elements
of one array, last axis fastest:

    00 00 08 03                                 two zeros, 08 for uint8, the number of axes
    00 00 ea 60    00 00 00 1c    00 00 00 1c   the length of each axis: (60000, 28, 28)
    00 00 00 ...                                the elements: 0 is paper, 255 is ink
"""

import gzip
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from helpers.program import DataError

BUNDLED = Path(__file__).parents[1] / "data"
MOST = 2**26  # bytes of a file; 60,000 pictures have 47,040,016
N_TEST = 1_500  # the last ones of the bundled file
FULL = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures of digits, a row of 28 * 28 = 784 brightnesses each, and which digits they are."""

    train_images: NDArray[np.float32]  # (n, 784), 0 to 1
    train_labels: NDArray[np.int64]  # (n,), 0 to 9
    test_images: NDArray[np.float32]  # (m, 784)
    test_labels: NDArray[np.int64]  # (m,)
    source: str  # where they come from, for printing


def load_digits(folder: Path | None = None) -> Digits:
    """Read the bundled digits, or the full MNIST from the four files in `folder`.

    The files may have their usual names or a dot for the second dash
    (`train-images.idx3-ubyte`), and each may end in `.gz`.

    Raises DataError if a file is missing, damaged or not what its name says.
    """
    if folder is None:
        images, labels = _read_pair(BUNDLED / "digits-images-idx3-ubyte.gz", BUNDLED / "digits-labels-idx1-ubyte.gz")
        train, test = slice(None, -N_TEST), slice(-N_TEST, None)
        source = f"{len(labels):,} bundled digits of MNIST"
        return Digits(images[train], labels[train], images[test], labels[test], source)
    paths = [_find(folder, name) for name in FULL]
    return Digits(*_read_pair(*paths[:2]), *_read_pair(*paths[2:]), source=f"MNIST in {folder}")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of bytes, packed or not, as a read-only uint8 array.

    Its first bytes, not its name, say whether it is packed.

    Raises DataError if the file cannot be read, is damaged or is not an idx file.
    """
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):  # from a few bytes it can unpack to as many as a disk holds
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST + 1)
        if len(data) > MOST:
            raise ValueError(f"MNIST has at most {MOST:,} bytes in a file")
        axes = data[3] if data[:3] == b"\x00\x00\x08" else 0
        shape = struct.unpack_from(f">{axes}I", data, 4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise DataError(f"{path} cannot be read as an idx file of bytes: {error}; fetch it again") from error


def _read_pair(images_path: Path, labels_path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return pictures (n, 784) as float32 from 0 to 1 and their labels (n,) as int64."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.shape != (len(labels), 28, 28) or labels.shape != (len(labels),) or labels.max() > 9:
        wanted = "should hold pictures, shape (n, 28, 28), and their labels, shape (n,), 0 to 9"
        raise DataError(f"{images_path} and {labels_path} {wanted}, and not {images.shape} and {labels.shape}")
    pixels = images.reshape(-1, 784).astype(np.float32)
    pixels /= 255
    return pixels, labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    """Return the path of a file in `folder` under its usual or its dotted name, with or without `.gz`."""
    if found := sorted(folder.glob(name.replace("-idx", "[-.]idx") + "*")):
        return found[0]
    raise DataError(f"{folder} has no {name} or {name}.gz; MNIST is {', '.join(FULL)}")


def coarser(images: Any, side: int) -> Any:
    """Pictures, an array or Tensor, with fewer pixels, each the mean of a square: (n, 784) -> (n, side * side)."""
    square = 28 // side
    return images.reshape(len(images), side, square, side, square).mean(axis=(2, 4)).reshape(len(images), side * side)


def resized(images: tl.Tensor, factor: float) -> tl.Tensor:
    """What is drawn in pictures (n, 784) is made larger, or smaller, about the middle, by linear interpolation."""
    from_where = 13.5 + (np.arange(28) - 13.5) / factor
    weights = np.clip(1 - np.abs(from_where[:, None] - np.arange(28)), 0, 1)  # (28, 28): of the pixels in between
    by = tl.tensor(weights.astype(np.float32))
    return (by @ images.reshape(len(images), 28, 28) @ by.T).reshape(len(images), 784)


def hidden_layers(model: nn.MLP, pictures: np.ndarray) -> list[np.ndarray]:
    """The pictures (n, inputs), and what each hidden layer makes of them: (n, neurons)."""
    found, x = [pictures], tl.tensor(pictures)
    with tl.no_grad():
        for module in list(model)[:-1]:
            x = module(x)
            if not isinstance(module, nn.Linear):
                found.append(x.numpy())
    return found
