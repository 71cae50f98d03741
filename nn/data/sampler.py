"""Samplers: the order in which a loader reads the rows of a dataset.

Each `for` over a sampler is a new order. It depends on the random stream at that moment alone, not on what else is
drawn from the stream while the order is in use. So a loader can draw the same order again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from tinygrad_lecture import random as rng

from ..errors import check_sizes

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base class of samplers: `for i in sampler` yields row numbers. A subclass defines `__iter__` and `__len__`."""

    def __init__(self, data_source: Any = None) -> None: ...

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__; define it in its class")


class SequentialSampler(Sampler[int]):
    """The rows in the dataset's order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """The rows in a random order.

    - `replacement`: draw each row independently, so that one may come twice.
    - `num_samples`: how many rows to draw, by default as many as there are. Without replacement, one order follows the
      other.
    - `generator`: draws the order; None is the stream that `tl.manual_seed` seeds.
    """

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None, generator: Any = None
    ) -> None:
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self._num_samples = num_samples
        check_sizes("RandomSampler", num_samples=self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many rows are drawn."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        stream, rows, wanted = stream_of(self.generator), len(self.data_source), self.num_samples
        if wanted <= rows and not self.replacement:
            return iter(stream.permutation(rows)[:wanted].tolist())
        own = np.random.default_rng(int(stream.integers(2**63)))  # drawn from as needed: num_samples may be 10**10
        parts = (
            own.integers(rows, size=min(wanted, 1024)) if self.replacement else own.permutation(rows)
            for _ in itertools.count()
        )
        return itertools.islice(itertools.chain.from_iterable(part.tolist() for part in parts), wanted)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Some rows, given by their numbers, in a random order."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = stream_of(self.generator).permutation(len(self.indices))
        return iter([int(self.indices[i]) for i in order.tolist()])

    def __len__(self) -> int:
        return len(self.indices)


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
        return in_lists(self.sampler, self.batch_size, self.drop_last)

    def __len__(self) -> int:
        rows = len(self.sampler)  # type: ignore[arg-type]
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)


def in_lists(values: Iterable[Any], size: int, drop_last: bool) -> Iterator[list[Any]]:
    """Lists of `size` values each; the last one may be shorter, unless drop_last."""
    begun = iter(values)  # now: a sampler draws its order here
    lists = iter(lambda: list(itertools.islice(begun, size)), [])
    return itertools.takewhile(lambda one: len(one) == size, lists) if drop_last else lists


def stream_of(generator: Any) -> np.random.Generator:
    """The random stream of a generator; without one, the stream that `tl.manual_seed` seeds."""
    return rng.generator() if generator is None else generator.stream
