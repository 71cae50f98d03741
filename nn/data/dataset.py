"""Sets of examples: of tensors, and parts of a set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import to_host


class Dataset(Protocol):
    """What a loader deals out: data[i] is a row, a tuple of its fields.

    A data set whose class says `takes_many = True` is asked for many rows at once, data[i:j] and data[array of row
    numbers], which are then the batch.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


class TensorDataset:
    """Tensors of as many rows each: data[index] is a tuple of tensor[index] for each of them.

    Raises ValueError if they have different numbers of rows, or there are none.
    """

    takes_many = True

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors or any(tensor.ndim == 0 for tensor in tensors):
            raise ValueError("TensorDataset: give at least one tensor, and each of them rows to deal out")
        if len({len(tensor) for tensor in tensors}) > 1:
            shapes = ", ".join(str(tensor.shape) for tensor in tensors)
            raise ValueError(f"TensorDataset: the tensors must have as many rows each, but their shapes are {shapes}")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)


class Subset:
    """Some rows of a data set, in the order of `indices`, which may come from NumPy, a Tensor or a list.

    Raises TypeError if they are no integers, IndexError if there is no such row.
    """

    def __init__(self, dataset: Any, indices: Any) -> None:
        numbers = np.asarray(to_host(indices.array) if isinstance(indices, Tensor) else indices)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise TypeError(f"Subset: rows are chosen by a list of integers, not by {numbers.dtype} {numbers.shape}")
        rows = len(dataset)
        if numbers.size and not (-rows <= numbers.min() and numbers.max() < rows):
            raise IndexError(
                f"Subset: indices run from {numbers.min()} to {numbers.max()}, and there are rows 0 to {rows - 1}"
            )
        self.dataset = dataset
        self.indices = numbers.astype(np.int64)

    @property
    def takes_many(self) -> bool:
        """Whether the data set that it is of can be asked for many rows at once."""
        return getattr(self.dataset, "takes_many", False)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        chosen = self.indices[index]
        return self.dataset[int(chosen) if chosen.ndim == 0 else chosen]


def random_split(dataset: Any, lengths: Sequence[int | float], seed: int | None = None) -> list[Subset]:
    """Deal a data set out by chance into parts of these lengths: numbers of rows, or shares that sum to 1.

    Shares are rounded down, and the rows that are left go to the first parts, one each.
    seed: of a random stream for this alone, so that the test set stays what it is; by default it is drawn from the one
    that `tl.manual_seed` seeds.  Raises ValueError unless the parts are all of it.
    """
    rows = len(dataset)
    if any(not length >= 0 for length in lengths):
        raise ValueError(f"random_split: lengths must not be negative, but are {list(lengths)}")
    if all(float(length).is_integer() for length in lengths) and sum(lengths) != 1:
        counts = [int(length) for length in lengths]
    else:
        if not math.isclose(sum(lengths), 1):
            raise ValueError(f"random_split: shares must sum to 1, but {list(lengths)} sum to {sum(lengths):g}")
        counts = [math.floor(rows * share + 1e-9) for share in lengths]
        for i in range(rows - sum(counts)):
            counts[i] += 1
    if sum(counts) != rows:
        raise ValueError(f"random_split: parts of {counts} rows are {sum(counts)}, and there are {rows}")
    stream = rng.generator() if seed is None else np.random.default_rng(seed)
    parts = np.split(stream.permutation(rows), np.cumsum(counts)[:-1])
    return [Subset(dataset, part) for part in parts]
