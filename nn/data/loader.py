"""DataLoader: yields a dataset in mini-batches, and can be saved and resumed within an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_lecture import random as rng
from tinygrad_lecture.errors.words import shown

from ..errors.checks import check_sizes, is_data
from .collate import stack_rows
from .dataset import Dataset


class DataLoader:
    """Yields a dataset in batches; each `for` over it is one epoch, which contains every row once.

    - `shuffle`: a new random order in every epoch; otherwise the dataset's order, and batches of tensors are views.
    - `drop_last`: skip the last batch if it is smaller than the others.
    - `seed`: for a random stream of its own; None draws the order from the stream that `tl.manual_seed` seeds.
    - `collate_fn`: a function from a list of rows, data[i], to a batch (default: `nn.data.stack_rows`). A dataset with
      `takes_many` needs none: see `nn.data.Dataset`.

    Raises TypeError for tensors without a dataset, ValueError if batch_size is below 1, or if an epoch would have no
    batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int | None = None,
        collate_fn: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:
        pair = isinstance(dataset, tuple) and len(dataset) == 2 and is_data(dataset[0])
        if pair or is_data(batch_size):
            raise TypeError("DataLoader: put the tensors in a dataset, as in DataLoader(nn.TensorDataset(x, y))")
        if isinstance(dataset, type) or not hasattr(dataset, "__len__"):
            raise TypeError(
                f"DataLoader: dataset must be a dataset, such as nn.TensorDataset(x, y), not {shown(dataset)}"
            )
        check_sizes("DataLoader", batch_size=batch_size)
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        takes_many = getattr(dataset, "takes_many", False)
        self.collate_fn = stack_rows if collate_fn is None and not takes_many else collate_fn
        self.seed = seed
        self._own_stream = None if seed is None else np.random.default_rng(seed)
        self._epoch: Epoch | None = None  # the latest one
        self._loaded: Mapping[str, Any] | None = None  # a state within an epoch, from which the next `for` continues
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {len(dataset)} rows are too few for a batch of {batch_size}; use a smaller batch_size"
            )

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        rows = len(self.dataset)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Epoch:
        loaded, self._loaded = self._loaded, None
        if loaded is not None:  # recompute the order without drawing from the loader's stream again
            order = _draw_order(np.random.default_rng(0), loaded["order"], len(self.dataset))
            self._epoch = Epoch(self, loaded["order"], order, loaded["dealt"])
        else:
            stream = self._own_stream or rng.generator()
            drawn_from = dict(stream.bit_generator.state) if self.shuffle else None
            self._epoch = Epoch(self, drawn_from, _draw_order(stream, drawn_from, len(self.dataset)))
        return self._epoch

    def batch(self, rows: Any) -> Any:
        """The batch of some rows, given as a slice or an array of row numbers."""
        if self.collate_fn is None:
            return self.dataset[rows]
        numbers = range(len(self.dataset))[rows] if isinstance(rows, slice) else rows.tolist()
        return self.collate_fn([self.dataset[i] for i in numbers])

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The position, as JSON-like values.

        - "dealt": batches yielded so far in the latest epoch.
        - "order": the random state from which its order was drawn.
        - "stream": the state of the loader's own stream.
        - "epoch": the settings that must match to resume.
        """
        return {**self._loaded} if self._loaded is not None else self._state(self._epoch)

    def state_between(self) -> dict[str, Any]:
        """The state between two epochs: the next `for` starts a new one, even if the latest is unfinished."""
        return self._state(None)

    def _state(self, epoch: Epoch | None) -> dict[str, Any]:
        within = epoch is not None and 0 < epoch.dealt < len(self)
        return {
            "epoch": self._settings_to_match(),
            "dealt": epoch.dealt if epoch is not None and within else 0,
            "order": epoch.drawn_from if epoch is not None and within else None,
            "stream": None if self._own_stream is None else dict(self._own_stream.bit_generator.state),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`: the next `for` starts with the batch that was next when it was taken.

        The order is recomputed without drawing from the stream that `tl.manual_seed` seeds; restore that stream itself
        with `tl.set_rng_state`.
        Raises ValueError, before anything is changed, if this is not a loader's state, or if the number of rows,
        batch_size, shuffle, drop_last or seed differs.
        """
        missing = {"epoch", "dealt", "order", "stream"} - state_dict.keys()
        if missing:
            raise ValueError(f"DataLoader.load_state_dict: not the state of a loader; it lacks {sorted(missing)}")
        saved, own = state_dict["epoch"], self._settings_to_match()
        differing = [f"{name} was {saved.get(name)}, is {v}" for name, v in own.items() if saved.get(name) != v]
        if differing:
            raise ValueError(f"DataLoader.load_state_dict: the state of another loader: {', '.join(differing)}")
        if not 0 <= state_dict["dealt"] < len(self):
            raise ValueError(
                f'DataLoader.load_state_dict: "dealt" is {state_dict["dealt"]}, but an epoch has {len(self)} batches'
            )
        if self._own_stream is not None:
            self._own_stream.bit_generator.state = state_dict["stream"]
        self._loaded = state_dict if state_dict["dealt"] else None
        self._epoch = None

    def _settings_to_match(self) -> dict[str, Any]:
        """Settings that must match to resume: they decide which rows the batch at a position has."""
        return {
            "rows": len(self.dataset),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "seed": self.seed,
        }


class Epoch:
    """Iterator over one epoch of a loader; keeps its own position, so that several may run at once."""

    def __init__(self, loader: DataLoader, drawn_from: Mapping[str, Any] | None, order: Any, dealt: int = 0) -> None:
        self.loader, self.drawn_from, self.order, self.dealt = loader, drawn_from, order, dealt

    def __iter__(self) -> Epoch:
        return self

    def __next__(self) -> Any:
        if self.dealt == len(self.loader):
            raise StopIteration
        size = self.loader.batch_size
        rows = slice(self.dealt * size, (self.dealt + 1) * size)
        self.dealt += 1
        return self.loader.batch(rows if self.order is None else self.order[rows])

    def state_dict(self) -> dict[str, Any]:
        """The loader's state at this position, for `DataLoader.load_state_dict`."""
        return self.loader._state(self)


def _draw_order(stream: np.random.Generator, state: Mapping[str, Any] | None, rows: int) -> Any:
    """A permutation of the rows drawn from the stream in this state; None (dataset order) without a state."""
    if state is None:
        return None
    stream.bit_generator.state = dict(state)
    return stream.permutation(rows)
