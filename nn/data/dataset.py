"""Datasets: rows of tensors, subsets, and random splits; samplers: the order in which a loader reads the rows.

Each `for` over a sampler is a new order. It depends on the random stream at that moment alone, not on what else is
drawn from the stream while the order is in use. So a loader can draw the same order again.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from tinygrad_lecture import Tensor, random as rng
from tinygrad_lecture.backend import to_host
from tinygrad_lecture.errors import brief

from ..errors import check_sizes, is_data

__all__ = [
    "BatchSampler", "ConcatDataset", "Dataset", "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler",
    "Subset", "TensorDataset", "WeightedRandomSampler", "random_split",
]  # fmt: skip

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Base class of datasets: a subclass defines `__len__` and `__getitem__`, the row of a number.

    A row is anything that a `collate_fn` can put into a batch, often a tuple of fields. A DataLoader reads any object
    with these two methods, such as a list; with `takes_many = True` in its class it reads a batch by one index,
    data[array of row numbers].
    """

    takes_many: bool = False

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__; define it in its class")

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Base class of datasets that are read from start to end, such as a file of text: a subclass defines `__iter__`."""


class ConcatDataset(Dataset[Any]):
    """The rows of several datasets, one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1] if self.datasets else 0

    def __getitem__(self, index: Any) -> Any:
        row = range(len(self))[index]  # from the end too; raises IndexError
        part = bisect_right(self.cumulative_sizes, row)
        return self.datasets[part][row - (self.cumulative_sizes[part - 1] if part else 0)]


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors with the same number of rows: data[index] is the tuple of tensor[index] for each of them.

    Raises TypeError for anything but tensors and arrays; ValueError without tensors, for a 0-d tensor, or if the
    numbers of rows differ.
    """

    takes_many = True

    def __init__(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            if not is_data(tensor):
                raise TypeError(f"TensorDataset: give Tensors, as in TensorDataset(x, y), not {brief(tensor)}")
        if not tensors or any(tensor.ndim == 0 for tensor in tensors):
            raise ValueError("TensorDataset: give at least one tensor, each with at least one axis")
        if len({len(tensor) for tensor in tensors}) > 1:
            shapes = ", ".join(str(tensor.shape) for tensor in tensors)
            raise ValueError(f"TensorDataset: all tensors must have the same number of rows, but have shapes {shapes}")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)


class Subset(Dataset[Any]):
    """The rows of a dataset at `indices`, a list, array or Tensor of integers, in that order.

    Raises TypeError if the indices are not integers.
    """

    def __init__(self, dataset: Any, indices: Any) -> None:
        numbers = np.asarray(to_host(indices.array) if isinstance(indices, Tensor) else indices)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise TypeError(f"Subset: indices must be a list of integers, not {numbers.dtype} of shape {numbers.shape}")
        self.dataset, self.takes_many = dataset, getattr(dataset, "takes_many", False)
        self._rows = numbers.astype(np.int64)
        self.indices: list[int] = self._rows.tolist()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        chosen = self._rows[index]
        return self.dataset[int(chosen) if chosen.ndim == 0 else chosen]


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Any = None, seed: int | None = None
) -> list[Subset]:
    """Random, disjoint parts of a dataset.

    - `lengths`: numbers of rows, or shares that sum to 1. Shares are rounded down; the remaining rows go to the first
      parts, one each.
    - `generator`: draws the order, as in PyTorch.
    - `seed`: for a random stream of its own, so that the split stays the same; None uses the stream that
      `tl.manual_seed` seeds.

    Raises ValueError if a length is negative, or the parts do not add up to the whole dataset.
    """
    rows = len(dataset)
    if any(not length >= 0 for length in lengths):
        raise ValueError(f"random_split: lengths must not be negative, not {list(lengths)}")
    if all(float(length).is_integer() for length in lengths) and sum(lengths) != 1:
        counts = [int(length) for length in lengths]
    else:
        if not math.isclose(sum(lengths), 1):
            raise ValueError(f"random_split: shares must sum to 1, but {list(lengths)} sum to {sum(lengths):g}")
        counts = [math.floor(rows * share + 1e-9) for share in lengths]
        for i in range(rows - sum(counts)):
            counts[i] += 1
    if sum(counts) != rows:
        raise ValueError(f"random_split: lengths {counts} add up to {sum(counts)} rows, but there are {rows}")
    stream = rng.generator(seed) if generator is None else generator.stream
    parts = np.split(stream.permutation(rows), np.cumsum(counts)[:-1])
    return [Subset(dataset, part) for part in parts]


# --- samplers -----------------------------------------------------------------------------------------------


class Sampler(Generic[T_co]):
    """Base class of samplers: `for i in sampler` yields row numbers. A subclass defines `__iter__` and `__len__`."""

    def __init__(self, data_source: Any = None) -> None: ...


class SequentialSampler(Sampler[int]):
    """The rows in the dataset's order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """The rows in a random order. generator: draws it; None is the stream that `tl.manual_seed` seeds.

    Raises ValueError if there are no rows.
    """

    def __init__(self, data_source: Any, *, generator: Any = None) -> None:
        check_sizes("RandomSampler", num_samples=len(data_source))
        self.data_source, self.generator = data_source, generator

    def __iter__(self) -> Iterator[int]:
        return iter(stream_of(self.generator).permutation(len(self.data_source)).tolist())

    def __len__(self) -> int:
        return len(self.data_source)


class WeightedRandomSampler(Sampler[int]):
    """Rows drawn with probabilities in proportion to weights, one for each row.

    replacement: draw each row independently, so that one may come twice.
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Any = None) -> None:
        check_sizes("WeightedRandomSampler", num_samples=num_samples)
        self.weights = np.asarray([float(w) for w in weights])
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        shares = self.weights / self.weights.sum()
        stream = stream_of(self.generator)
        return iter(stream.choice(len(shares), self.num_samples, self.replacement, shares).tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of batch_size row numbers from a sampler; the last one may be shorter, unless drop_last."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        check_sizes("BatchSampler", batch_size=batch_size)
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        begun = iter(self.sampler)  # now: a sampler draws its order here
        lists = iter(lambda: list(itertools.islice(begun, self.batch_size)), [])
        return itertools.takewhile(lambda one: len(one) == self.batch_size, lists) if self.drop_last else lists

    def __len__(self) -> int:
        rows = len(self.sampler)  # type: ignore[arg-type]
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)


def stream_of(generator: Any) -> np.random.Generator:
    """The random stream of a generator; without one, the stream that `tl.manual_seed` seeds."""
    return rng.generator() if generator is None else generator.stream
