"""DataLoader: deals out a data set in mini-batches, and knows where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_lecture import rng

from .collate import stack_rows
from .dataset import Dataset


class DataLoader:
    """Deals out a data set in batches; each `for` over it is an epoch, which sees every row once.

    shuffle: a new random order each epoch, else the data's own, in which batches of tensors are views.
    drop_last: leave out the last batch if it is smaller than the others.
    seed: of an own random stream for the order; by default it comes from the one that `tl.manual_seed` seeds.
    collate_fn: makes a batch of a list of rows, data[i] each; without it data[array of row numbers] is the batch, and
    the rows of a plain list are stacked.
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
        self.collate_fn = stack_rows if collate_fn is None and isinstance(dataset, list | tuple) else collate_fn
        self._own_stream = None if seed is None else np.random.default_rng(seed)
        self._drawn_from: Mapping[str, Any] | None = None  # the random state that the running epoch's order came from
        self._dealt = 0  # how many batches of the running epoch have been dealt out
        self._loaded = False  # whether the next epoch is one that was begun before, and goes on
        if len(self) == 0:
            raise ValueError(f"DataLoader: {len(dataset)} rows make no batch of {batch_size}; use a smaller batch_size")

    def __len__(self) -> int:
        """How many batches an epoch has."""
        rows = len(self.dataset)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if not self._loaded:
            self._drawn_from, self._dealt = self._stream_state(), 0
        order = self._order()
        self._loaded = False
        for i in range(self._dealt, len(self)):
            rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
            self._dealt = i + 1
            yield self._batch(rows if order is None else order[rows])

    def _order(self) -> Any:
        """The order of this epoch's rows; None for the data's own."""
        if not self.shuffle:
            return None
        stream = self._own_stream or rng.generator()
        if self._loaded and self._own_stream is None:  # the shared stream is not drawn from a second time
            stream = np.random.default_rng(0)
        if self._loaded:
            stream.bit_generator.state = dict(self._drawn_from or {})
        return stream.permutation(len(self.dataset))

    def _batch(self, rows: Any) -> Any:
        if self.collate_fn is None:
            return self.dataset[rows]
        numbers = range(len(self.dataset))[rows] if isinstance(rows, slice) else rows.tolist()
        return self.collate_fn([self.dataset[i] for i in numbers])

    def _stream_state(self) -> dict[str, Any] | None:
        """Where the random stream of the order is; None where chance plays no part."""
        if not self.shuffle:
            return None
        return rng.get_rng_state() if self._own_stream is None else dict(self._own_stream.bit_generator.state)

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Where it is, in plain numbers and words: how many batches of the running epoch it has dealt out, and the
        random state that their order came from; between epochs, the state that the next order comes from."""
        within = 0 < self._dealt < len(self)
        own = self._own_stream is not None
        stream = self._drawn_from if within else self._stream_state() if own else None
        return {"epoch": self._layout(), "dealt": self._dealt if within else 0, "order": stream}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Be where `state_dict` was taken: the next `for` goes on with the batch after the last one dealt out then.

        An order from the shared stream is found again without drawing from it, since its state is not the loader's to
        set: see `tl.set_rng_state`.  Raises ValueError for the state of a loader with another number of rows, batch
        size or kind of order, and then nothing has been changed.
        """
        if state_dict["epoch"] != self._layout():
            raise ValueError(
                f"DataLoader.load_state_dict: the state is of a loader with {_in_words(state_dict['epoch'])}, and this "
                f"one has {_in_words(self._layout())}"
            )
        stream = state_dict["order"]
        self._dealt = int(state_dict["dealt"])
        self._loaded = self._dealt > 0
        self._drawn_from = stream
        if self._own_stream is not None and stream is not None:
            self._own_stream.bit_generator.state = stream

    def _layout(self) -> dict[str, Any]:
        """What an epoch is made of; a position means the same in epochs that are alike."""
        own = self.shuffle and self._own_stream is not None
        return {
            "rows": len(self.dataset),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "own seed": own,
        }


def _in_words(layout: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in layout.items())
