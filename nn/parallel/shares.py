"""shares: of each batch, the rows of this worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from tinygrad_lecture import get_rng_state
from tinygrad_lecture.errors.words import shown
from tinygrad_lecture.func.trees import leaves, map_leaves
from tinygrad_lecture.random import Generator, drawing_from

from ..errors import is_data
from .group import Group, Loop, group


class shares:
    """Yields of each batch the rows of this worker; the workers together have the whole batch, whatever their number.

        for x, y in nn.parallel.shares(loader): ...

    - `batches`: a DataLoader, a list of batches or the like. A batch is a tensor, or a tuple, list or dict of them,
      with the rows on axis 0. All workers take the batches in worker 0's order, and
      what these draw comes from its random stream. What another library draws must be the same in all workers.

    Rows may differ by one in number, and `backward` takes the mean over all rows of the loss's mean over each worker's.
    Where a batch has fewer rows than there are workers, one without any gets the first row, and its gradient does not
    count.

    Take a backward for each batch before the next. Rows that do not divide evenly can be weighed for one batch only: a
    backward of several raises RuntimeError, as of two loaders at once or a list of batches.
    """

    def __init__(self, batches: Iterable[Any]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        assert isinstance(self.batches, Sized)
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        workers = group()
        if workers.size == 1:
            yield from self.batches
            return
        loop = Loop((1,) * workers.size)
        workers.loops = [*workers.loops, loop]
        try:
            for batch in in_one_order(self.batches, workers):
                bounds = row_bounds(batch, workers)
                loop.give([end - first for first, end in pairwise(bounds)])
                first, end = bounds[workers.rank : workers.rank + 2]
                yield take_rows(batch, slice(first, end) if first < end else slice(0, 1))
        finally:
            workers.loops = [other for other in workers.loops if other is not loop]
            workers.ended = None if loop.seen else loop


def in_one_order(batches: Iterable[Any], workers: Group) -> Iterator[Any]:
    """An iterator over batches that draws from worker 0's random stream, in all workers."""
    return iter(batches) if workers.size == 1 else OneOrder(batches, workers)


class OneOrder:
    """Iterator over the same batches in all workers: what they draw comes from worker 0's random stream.

    Most draw when iteration begins. For others, from the first batch on for which numbers were drawn, worker 0 tells
    the state of its stream before each, since dropout may have drawn from it in between.
    """

    def __init__(self, batches: Iterable[Any], workers: Group) -> None:
        self.workers, self._stream, self._draws = workers, Generator(), False
        self._hear()
        with self._drawing():
            self.batches = iter(batches)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._draws:
            self._hear()
        before = self._stream.get_state()
        with self._drawing():
            batch = next(self.batches)
        self._draws = self._draws or self._stream.get_state() != before
        return batch

    def _hear(self) -> None:
        self._stream.set_state(self.workers.broadcast(get_rng_state(), "the order of the batches"))

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        """Context manager: numbers come from the stream that all workers know, which is worker 0's own if it can be."""
        known = self.workers.rank == 0 and get_rng_state() == self._stream.get_state()
        with drawing_from(None if known else self._stream):
            yield
        if known:
            self._stream.set_state(get_rng_state())


def of_own_rows(batches: Iterable[Any], workers: Group) -> Iterator[Any]:
    """Of each batch the rows of this worker, without batches of which it has none."""
    for batch in batches:
        if workers.size == 1:
            yield batch
        elif (rows := own_rows(batch, workers)).start < rows.stop:
            yield take_rows(batch, rows)


def own_rows(batch: Any, workers: Group) -> slice:
    """The rows of a batch that are this worker's."""
    return slice(*row_bounds(batch, workers)[workers.rank :][:2])


def row_bounds(batch: Any, workers: Group) -> list[int]:
    """The row of a batch with which each worker begins, and the number of rows."""
    n = count_rows(batch)
    return [-(-n * rank // workers.size) for rank in range(workers.size + 1)]


def take_rows(batch: Any, rows: slice) -> Any:
    """Some rows of a batch, in the same structure."""
    return map_leaves(lambda part: part[rows], batch)


def count_rows(batch: Any) -> int:
    """The rows of a batch. Raises TypeError for what has none, ValueError if its parts have different numbers."""
    for part in leaves(batch):
        if not (is_data(part) and part.ndim):
            raise TypeError(f"nn.parallel: a batch has {shown(part)}, which has no rows to share among workers")
    counts = {len(part) for part in leaves(batch)}
    if len(counts) != 1:
        raise ValueError(
            f"nn.parallel: the parts of a batch have {sorted(counts)} rows, so it cannot be shared among workers: each "
            "needs the rows on axis 0"
        )
    return counts.pop()
