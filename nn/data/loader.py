"""DataLoader: deals out a data set in mini-batches, and knows where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_lecture import random as rng

from .collate import stack_rows
from .dataset import Dataset


class DataLoader:
    """Deals out a data set in batches; each `for` over it is an epoch, which sees every row once.

    shuffle: a new random order each epoch, else the data's own, in which batches of tensors are views.
    drop_last: leave out the last batch if it is smaller than the others.
    seed: of an own random stream for the order; by default it comes from the one that `tl.manual_seed` seeds.
    collate_fn: makes a batch of a list of rows, data[i] each; without it they are stacked (`nn.data.stack_rows`), or a
    data set that can is asked for many rows at once (`nn.data.Dataset`).
    Raises ValueError for a batch size below 1, or if there would be no batch at all.
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
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be at least 1, not {batch_size}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        takes_many = getattr(dataset, "takes_many", False)
        self.collate_fn = stack_rows if collate_fn is None and not takes_many else collate_fn
        self.seed = seed
        self._own_stream = None if seed is None else np.random.default_rng(seed)
        self._epoch: Epoch | None = None  # the one that was begun last
        self._begun: Mapping[str, Any] | None = None  # the state of one that is to be gone on with
        if len(self) == 0:
            raise ValueError(f"DataLoader: {len(dataset)} rows make no batch of {batch_size}; use a smaller batch_size")

    def __len__(self) -> int:
        """How many batches an epoch has."""
        rows = len(self.dataset)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Epoch:
        begun, self._begun = self._begun, None
        if begun is not None:  # nothing is drawn a second time
            order = _drawn(np.random.default_rng(0), begun["order"], len(self.dataset))
            self._epoch = Epoch(self, begun["order"], order, begun["dealt"])
        else:
            stream = self._own_stream or rng.generator()
            drawn_from = dict(stream.bit_generator.state) if self.shuffle else None
            self._epoch = Epoch(self, drawn_from, _drawn(stream, drawn_from, len(self.dataset)))
        return self._epoch

    def batch(self, rows: Any) -> Any:
        """The batch of these rows, a slice or an array of their numbers."""
        if self.collate_fn is None:
            return self.dataset[rows]
        numbers = range(len(self.dataset))[rows] if isinstance(rows, slice) else rows.tolist()
        return self.collate_fn([self.dataset[i] for i in numbers])

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Where it is, in plain numbers and words: how many batches of the epoch begun last it has dealt out, the
        random state that their order came from, and where an own stream is."""
        return {**self._begun} if self._begun is not None else self._state(self._epoch)

    def state_between(self) -> dict[str, Any]:
        """The state from which the next epoch begins with its first batch, whatever has been dealt out of another."""
        return self._state(None)

    def _state(self, epoch: Epoch | None) -> dict[str, Any]:
        within = epoch is not None and 0 < epoch.dealt < len(self)
        return {
            "epoch": self._layout(),
            "dealt": epoch.dealt if epoch is not None and within else 0,
            "order": epoch.drawn_from if epoch is not None and within else None,
            "stream": None if self._own_stream is None else dict(self._own_stream.bit_generator.state),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Be where `state_dict` was taken: the next `for` goes on with the batch after the last one dealt out then.

        An order from the shared stream is found again without drawing from it, since its state is not the loader's to
        set: see `tl.set_rng_state`.  Raises ValueError for what is no such state, or that of a loader with another
        number of rows, batch size or kind of order, and then nothing has been changed.
        """
        missing = {"epoch", "dealt", "order", "stream"} - state_dict.keys()
        if missing:
            raise ValueError(f"DataLoader.load_state_dict: this is no state of a loader; it lacks {sorted(missing)}")
        if state_dict["epoch"] != self._layout():
            raise ValueError(
                f"DataLoader.load_state_dict: the state is of a loader with {_in_words(state_dict['epoch'])}, and this "
                f"one has {_in_words(self._layout())}"
            )
        if not 0 <= state_dict["dealt"] < len(self):
            raise ValueError(
                f"DataLoader.load_state_dict: {state_dict['dealt']} batches dealt out of {len(self)} is no place to be"
            )
        if self._own_stream is not None:
            self._own_stream.bit_generator.state = state_dict["stream"]
        self._begun = state_dict if state_dict["dealt"] else None
        self._epoch = None

    def _layout(self) -> dict[str, Any]:
        """What an epoch is made of; a position means the same in epochs that are alike."""
        return {
            "rows": len(self.dataset),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "seed": self.seed,
        }


class Epoch:
    """One pass over a loader's data: its batches one by one, and where it is. Others may be under way beside it."""

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
        """The state of the loader within this epoch, for its `load_state_dict`."""
        return self.loader._state(self)


def _drawn(stream: np.random.Generator, state: Mapping[str, Any] | None, rows: int) -> Any:
    """The order that a stream in this state gives, which moves it on; the data's own order, None, without a state."""
    if state is None:
        return None
    stream.bit_generator.state = dict(state)
    return stream.permutation(rows)


def _in_words(layout: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in layout.items())
