"""torch.utils.data: the DataLoader with PyTorch's signature, and a Dataset to derive from.

`nn.DataLoader` is the house's own, which resumes within an epoch. This one reads what samplers yield.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ..data.collate import default_collate
from ..data.dataset import IterableDataset
from ..data.sampler import BatchSampler, RandomSampler, SequentialSampler


class Dataset:
    """Base class of datasets: a subclass defines `__getitem__`, a row, and `__len__`."""

    def __class_getitem__(cls, item: Any) -> type[Dataset]:
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__; define it in its class")


class DataLoader:
    """Yields a dataset in batches; each `for` over it is one epoch.

    - `sampler`: yields row numbers, `batch_sampler` lists of them; by default in order, or with `shuffle` at random.
    - `batch_size`: None yields single rows.  `drop_last`: skip the last batch if it is smaller.
    - `collate_fn`: from a list of rows to a batch, by default `default_collate`.  `generator`: draws the order.
    - `num_workers`, `pin_memory`, `timeout`, `worker_init_fn` and the like are accepted: rows are read in this process.

    Raises ValueError for arguments that exclude each other.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
    ) -> None:
        streamed = isinstance(dataset, IterableDataset)
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler decides the order, so shuffle must be False")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if streamed and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: an IterableDataset has its own order, so it takes no sampler and no shuffle")
        if sampler is None and not streamed:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_sampler is None and batch_size is not None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.num_workers, self.pin_memory = num_workers, pin_memory
        self.collate_fn = collate_fn
        self._collate = default_collate if collate_fn is None else collate_fn

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        if isinstance(self.dataset, IterableDataset):
            rows = len(self.dataset)  # type: ignore[arg-type]
            size = self.batch_size or 1
            return rows // size if self.drop_last else -(-rows // size)
        order: Any = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(order)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._streamed()
        if self.batch_sampler is None:
            assert self.sampler is not None
            return (self._row(self.dataset[i]) for i in self.sampler)
        return map(self._batch, self.batch_sampler)

    def _batch(self, numbers: Any) -> Any:
        numbers = list(numbers)
        if self.collate_fn is None and getattr(self.dataset, "takes_many", False):
            batch = self.dataset[np.asarray(numbers)]
            return list(batch) if isinstance(batch, tuple) else batch
        if hasattr(self.dataset, "__getitems__"):
            return self._collate(self.dataset.__getitems__(numbers))
        return self._collate([self.dataset[i] for i in numbers])

    def _row(self, row: Any) -> Any:
        return row if self.collate_fn is None else self.collate_fn(row)

    def _streamed(self) -> Iterator[Any]:
        rows = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self._row, rows)
            return
        while batch := list(islice(rows, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self._collate(batch)
