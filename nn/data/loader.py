"""DataLoader: yields a dataset in batches, and can be saved and resumed within an epoch; rows stacked to a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Generator, Tensor
from tinygrad_lecture.errors import brief, kind_of

from ..errors import ExplainsArguments, check_sizes, is_data
from .dataset import BatchSampler, IterableDataset, RandomSampler, SequentialSampler, stream_of


class DataLoader(ExplainsArguments):
    """Yields a dataset in batches; each `for` over it is one epoch. The signature is PyTorch's.

    - `dataset`: any object with rows, see `nn.data.Dataset`, or an `nn.data.IterableDataset`.
    - `batch_size`: rows in a batch. `drop_last`: skip the last batch if it is smaller.
    - `shuffle`: a new random order in every epoch; otherwise the dataset's order.
    - `sampler`: yields the row numbers of an epoch; `batch_sampler`: lists of them, one for each batch.
    - `collate_fn`: a function from a list of rows to a batch (default: `nn.data.default_collate`).
    - `generator`: draws the order; None is the stream that `tl.manual_seed` seeds. `seed`: for a generator of its own.
    - `num_workers`, `pin_memory`, `timeout`, `worker_init_fn`, `prefetch_factor`, `persistent_workers` and the like are
      accepted and change nothing: rows are read in this process, one batch at a time.

    `state_dict` is the position within an epoch, from which another loader continues.
    Raises TypeError for tensors without a dataset, ValueError if batch_size is below 1, if an epoch would have no
    batch, or for arguments that exclude each other.
    """

    _epoch: Epoch | None = None  # the latest one
    _loaded: Mapping[str, Any] | None = None  # a state within an epoch, from which the next `for` continues

    def __init__(
        self, dataset: Any, batch_size: int = 1, shuffle: bool | None = None, sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None, num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None, pin_memory: bool = False, drop_last: bool = False,
        timeout: float = 0, worker_init_fn: Any = None, multiprocessing_context: Any = None,
        generator: Generator | None = None, *, prefetch_factor: int | None = None, persistent_workers: bool = False,
        pin_memory_device: str = "", in_order: bool = True, seed: int | None = None,
    ) -> None:  # fmt: skip
        self._streamed = isinstance(dataset, IterableDataset)
        _check_rows(dataset, batch_size)
        if seed is not None and generator is not None:
            raise ValueError("DataLoader: give either seed or generator")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler decides the order, so shuffle must be False")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if self._streamed and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: an IterableDataset has its own order, so it takes no sampler and no shuffle")
        own = sampler is None and batch_sampler is None and not self._streamed
        if own and len(dataset) < (batch_size if drop_last else 1):
            remedy = "use a smaller batch_size" if len(dataset) else "the dataset is empty"
            raise ValueError(f"DataLoader: {len(dataset)} rows are too few for a batch of {batch_size}; {remedy}")
        self.dataset, self.shuffle, self.drop_last, self.seed = dataset, bool(shuffle), drop_last, seed
        self.batch_size = batch_size if batch_sampler is None else None
        self.generator = generator if seed is None else Generator().manual_seed(seed)
        if own:
            sampler = RandomSampler(dataset, generator=self.generator) if shuffle else SequentialSampler(dataset)
        self.sampler, source = sampler, dataset if self._streamed else sampler
        self.batch_sampler: Any = batch_sampler
        if batch_sampler is None:
            self.batch_sampler = BatchSampler(source, batch_size, drop_last)  # type: ignore[arg-type]
        drawing = getattr(getattr(self.batch_sampler, "sampler", self.batch_sampler), "generator", None)
        self._drawing = drawing if isinstance(drawing, Generator) else None
        self._takes_many = collate_fn is None and getattr(dataset, "takes_many", False)
        self.collate_fn = collate_fn or default_collate

    def __len__(self) -> int:
        """The number of batches in an epoch. Raises TypeError if dataset or sampler have no length."""
        return len(self.batch_sampler)

    def __iter__(self) -> Epoch:
        loaded, self._loaded = self._loaded or {}, None
        self._epoch = Epoch(self, loaded.get("order"), loaded.get("yielded", 0))
        return self._epoch

    # --- batches ----------------------------------------------------------------------------------------

    def batches(self, order: Any = None, yielded: int = 0) -> tuple[Any, Iterator[Any]]:
        """The random state of which an epoch's order is drawn, now, and its batches without the first ones.

        order: the state to draw from, while the stream itself stays where it is; None: the stream's own.  yielded: how
        many batches to leave out.
        """
        stream = stream_of(self._drawing).bit_generator
        now = dict(stream.state)
        try:
            stream.state = order or now
            numbers = iter(self.batch_sampler)  # or a stream's rows
            first = list(islice(numbers, yielded, yielded + 1))  # a sampler that is a generator draws its order now
        finally:
            stream.state = now if order else stream.state
        return order or now, map(self._batch, chain(first, numbers))

    def _batch(self, numbers: Any) -> Any:
        if self._takes_many:
            batch = self.dataset[np.asarray(list(map(int, numbers)))]
            return list(batch) if type(batch) is tuple else batch
        return self.collate_fn(numbers if self._streamed else [self.dataset[i] for i in numbers])

    # --- the position, saved and resumed --------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The position, as JSON-like values.

        - "yielded": how many batches the latest epoch has yielded.
        - "order": the random state from which its order was drawn.
        - "stream": the state of the loader's generator.
        - "epoch": the settings that must match to resume.
        """
        return {**self._loaded} if self._loaded is not None else self._state(self._epoch)

    def state_between(self) -> dict[str, Any]:
        """The state between two epochs: the next `for` starts a new one, even if the latest is unfinished."""
        return self._state(None)

    def _state(self, epoch: Epoch | None) -> dict[str, Any]:
        yielded = 0 if epoch is None or epoch.yielded == self._length() else epoch.yielded
        return {
            "epoch": self._settings_to_match(),
            "yielded": yielded,
            "order": epoch.drawn_from if epoch is not None and yielded else None,
            "stream": None if self._drawing is None else self._drawing.get_state(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`: the next `for` starts with the batch that was next when it was taken.

        The order is drawn again, from the random state at its beginning, and not from the stream that `tl.manual_seed`
        seeds; restore that stream itself with `tl.set_rng_state`. This is exact for a sampler that draws when iteration
        begins, from a tl stream, as those in `nn.data` do. An IterableDataset is read again from its start.
        Raises ValueError, before anything is changed, if the number of rows, batch_size, shuffle, drop_last, seed or
        the kind of sampler differs.
        """
        if differing := differences(state_dict["epoch"], self._settings_to_match()):
            raise ValueError(f"DataLoader.load_state_dict: the state of another loader: {differing}")
        if self._drawing is not None:
            self._drawing.set_state(state_dict["stream"])
        self._loaded = state_dict if state_dict["yielded"] else None
        self._epoch = None

    def _length(self) -> int | None:
        """The number of batches in an epoch; None if that shows only at its end."""
        try:
            return len(self)
        except TypeError:
            return None

    def _settings_to_match(self) -> dict[str, Any]:
        """Settings that must match to resume: they decide which rows the batch at a position has."""
        source = self.batch_sampler if self.sampler is None else self.sampler
        return {
            "rows": len(self.dataset) if hasattr(self.dataset, "__len__") else None,
            "sampler": None if self._streamed else type(source).__name__,
            **{name: getattr(self, name) for name in ("batch_size", "shuffle", "drop_last", "seed")},
        }


def _check_rows(dataset: Any, batch_size: Any) -> None:
    """Raises TypeError for what is no dataset, or no number of rows."""
    pair = isinstance(dataset, tuple) and len(dataset) == 2 and is_data(dataset[0])
    if pair or is_data(batch_size):
        raise TypeError("DataLoader: put the tensors in a dataset, as in DataLoader(nn.TensorDataset(x, y))")
    if isinstance(dataset, type) or not (isinstance(dataset, IterableDataset) or hasattr(dataset, "__getitem__")):
        raise TypeError(f"DataLoader: dataset must be one, such as nn.TensorDataset(x, y), not {brief(dataset)}")
    check_sizes("DataLoader", batch_size=batch_size)


class Epoch:
    """Iterator over one epoch of a loader; keeps its own position, so that several may run at once.

    The order is drawn for the first batch, as in PyTorch.
    """

    def __init__(self, loader: DataLoader, drawn_from: Mapping[str, Any] | None, yielded: int) -> None:
        self.loader, self.drawn_from, self.yielded = loader, drawn_from, yielded
        self._batches: Iterator[Any] | None = None

    def __iter__(self) -> Epoch:
        return self

    def __next__(self) -> Any:
        if self._batches is None:
            self.drawn_from, self._batches = self.loader.batches(self.drawn_from, self.yielded)
        batch = next(self._batches)
        self.yielded += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """The loader's state at this position, for `DataLoader.load_state_dict`."""
        return self.loader._state(self)


def differences(saved: Any, own: Mapping[str, Any]) -> str:
    """How settings differ from those saved, "lr was 0.1, is 0.2; ..."; empty if they do not."""
    if not isinstance(saved, Mapping):
        return f"the settings were {brief(saved)}"
    missing = object()
    pairs = {name: (saved.get(name, missing), own.get(name, missing)) for name in [*saved, *own]}
    told = {name: ["not given" if value is missing else repr(value) for value in pair] for name, pair in pairs.items()}
    return "; ".join(f"{name} was {told[name][0]}, is {told[name][1]}" for name, (a, b) in pairs.items() if a != b)


# --- rows as a batch ----------------------------------------------------------------------------------------


def default_collate(rows: Sequence[Any]) -> Any:
    """A batch of rows, as PyTorch's loader makes it: Tensors, arrays and numbers are stacked along a new first axis.

    Dicts are collated key by key, and give a dict; tuples and lists field by field, and give a list, but a named tuple
    gives one of its kind. Strings stay as they are. Python's floats become float64.
    Raises ValueError if shapes or numbers of fields differ, TypeError for anything else, such as None.
    """
    if not len(rows):
        raise ValueError("default_collate: a batch needs at least one row")
    first = rows[0]
    if isinstance(first, int | float | np.generic) or is_data(first):
        return _stack(rows)
    if isinstance(first, str | bytes):
        return rows
    if isinstance(first, Mapping):
        return {key: default_collate([row[key] for row in rows]) for key in first}
    if isinstance(first, tuple | list):
        lengths = sorted({len(row) for row in rows})
        if len(lengths) > 1:
            raise ValueError(f"rows of a batch must have the same number of fields, but have {lengths}")
        collated = [default_collate(field) for field in zip(*rows, strict=True)]
        return type(first)(*collated) if hasattr(first, "_fields") else collated
    raise TypeError(
        "default_collate: a batch may hold tensors, arrays, numbers, strings, and dicts, tuples and lists of them, not "
        f"{kind_of(first)}; give the DataLoader a collate_fn of your own"
    )


def _stack(values: Sequence[Any]) -> Tensor:
    """Numbers, arrays or Tensors of one shape, along a new first axis."""
    shapes = {np.shape(value) for value in values}
    if len(shapes) > 1:
        raise tl.TensorError(
            f"cannot stack rows of different shapes, {', '.join(sorted(map(str, shapes)))}; inputs and targets go into "
            "nn.TensorDataset(x, y); to pad sequences, give a collate_fn that calls nn.utils.rnn.pad_sequence"
        )
    if all(isinstance(value, int | float | np.ndarray | np.generic) for value in values):
        return tl.tensor(np.stack(values))
    return tl.stack([value if isinstance(value, Tensor) else tl.tensor(value) for value in values])  # type: ignore[no-any-return]
