"""Samplers: the order in which a loader reads the rows of a dataset. All are lazy: they draw when iterated over."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_lecture import random as rng

from ..errors.checks import check_sizes


class Sampler:
    """Base class of samplers: `for i in sampler` yields row numbers. A subclass defines `__iter__`."""

    def __init__(self, data_source: Any = None) -> None: ...

    def __class_getitem__(cls, item: Any) -> type[Sampler]:
        return cls

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__; define it in its class")


class SequentialSampler(Sampler):
    """The rows in the dataset's order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """The rows in a new random order each time.

    replacement: draw each row independently, so that one may come twice.  num_samples: how many rows to draw; all by
    default.  generator: a stream of its own.
    """

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None, generator: Any = None
    ) -> None:
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self.num_samples = len(data_source) if num_samples is None else num_samples
        check_sizes("RandomSampler", num_samples=self.num_samples)

    def __iter__(self) -> Iterator[int]:
        stream, rows = stream_of(self.generator), len(self.data_source)
        if self.replacement:
            return iter(stream.integers(rows, size=self.num_samples).tolist())
        orders = (stream.permutation(rows).tolist() for _ in itertools.count())
        return itertools.islice(itertools.chain.from_iterable(orders), self.num_samples)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """Some rows, in a new random order each time."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        return (self.indices[i] for i in stream_of(self.generator).permutation(len(self.indices)))

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Rows drawn with probabilities in proportion to weights, one for each row."""

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


class BatchSampler(Sampler):
    """Lists of batch_size row numbers from a sampler; the last one may be shorter, unless drop_last."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        check_sizes("BatchSampler", batch_size=batch_size)
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        rows = iter(self.sampler)
        while batch := list(itertools.islice(rows, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        rows = len(self.sampler)  # type: ignore[arg-type]
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)


def stream_of(generator: Any) -> np.random.Generator:
    """The random stream of a generator; without one, the stream that `tl.manual_seed` seeds."""
    return rng.generator() if generator is None else generator.stream


__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]
