"""Saving the position of a loader within an epoch, and continuing from it exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tinygrad_lecture import Generator
from tinygrad_lecture import random as rng


class Resumable:
    """Base class of `DataLoader`: its position as a `state_dict`. `DataLoader` sets the attributes below."""

    dataset: Any
    batch_size: int | None
    shuffle: bool
    drop_last: bool
    seed: int | None
    sampler: Iterable[Any] | None
    batch_sampler: Iterable[Any] | None
    _sliced: bool  # in the loader's own order
    _drawing: Generator | None  # draws the order
    _epoch: Epoch | None = None  # the latest one
    _loaded: Mapping[str, Any] | None = None  # a state within an epoch, from which the next `for` continues

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        raise NotImplementedError

    def batches(self, dealt: int = 0) -> Iterator[Any]:
        """The batches of a new epoch from number `dealt` on."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The position, as JSON-like values.

        - "dealt": batches yielded so far in the latest epoch.
        - "order": the random state from which its order was drawn.
        - "stream": the state of the loader's generator.
        - "epoch": the settings that must match to resume.
        """
        return {**self._loaded} if self._loaded is not None else self._state(self._epoch)

    def state_between(self) -> dict[str, Any]:
        """The state between two epochs: the next `for` starts a new one, even if the latest is unfinished."""
        return self._state(None)

    def _state(self, epoch: Epoch | None) -> dict[str, Any]:
        within = epoch is not None and 0 < epoch.dealt != self._length()
        return {
            "epoch": self._settings_to_match(),
            "dealt": epoch.dealt if epoch is not None and within else 0,
            "order": epoch.drawn_from if epoch is not None and within else None,
            "stream": None if self._drawing is None else self._drawing.get_state(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`: the next `for` starts with the batch that was next when it was taken.

        The order is drawn again, from the random state at its beginning, and not from the stream that `tl.manual_seed`
        seeds; restore that stream itself with `tl.set_rng_state`. This is exact for a sampler that draws when iteration
        begins, from a tl stream, as those in `nn.data` do. An IterableDataset is read again from its start.
        Raises ValueError, before anything is changed, if this is not a loader's state, or if the number of rows,
        batch_size, shuffle, drop_last, seed or the kind of sampler differs.
        """
        missing = {"epoch", "dealt", "order", "stream"} - state_dict.keys()
        if missing:
            raise ValueError(f"DataLoader.load_state_dict: not the state of a loader; it lacks {sorted(missing)}")
        saved, own = state_dict["epoch"], self._settings_to_match()
        differing = [f"{name} was {saved.get(name)}, is {v}" for name, v in own.items() if saved.get(name) != v]
        if differing:
            raise ValueError(f"DataLoader.load_state_dict: the state of another loader: {', '.join(differing)}")
        length = self._length()
        if not 0 <= state_dict["dealt"] < (math.inf if length is None else length):
            raise ValueError(
                f'DataLoader.load_state_dict: "dealt" is {state_dict["dealt"]}, but an epoch has {length} batches'
            )
        if self._drawing is not None:
            self._drawing.set_state(state_dict["stream"])
        self._loaded = state_dict if state_dict["dealt"] else None
        self._epoch = None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy gets: the position within an epoch, without the iterator that stands there."""
        state = self.state_dict()
        return {**vars(self), "_epoch": None, "_loaded": state if state["dealt"] else None}

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
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "seed": self.seed,
            "sampler": None if self._sliced or source is None else type(source).__name__,
        }

    @contextmanager
    def _drawing_from(self, state: Any) -> Iterator[None]:
        """Context manager: an order is drawn from this random state, and the stream itself stays where it is."""
        if state is None:
            yield
        elif self._drawing is None:
            with rng.replay(state):
                yield
        else:
            now = self._drawing.get_state()
            self._drawing.set_state(state)
            try:
                yield
            finally:
                self._drawing.set_state(now)


class Epoch:
    """Iterator over one epoch of a loader; keeps its own position, so that several may run at once."""

    def __init__(self, loader: Resumable, drawn_from: Mapping[str, Any] | None, dealt: int = 0) -> None:
        self.loader, self.drawn_from, self.dealt = loader, drawn_from, dealt
        self._batches = loader.batches(dealt)

    def __iter__(self) -> Epoch:
        return self

    def __next__(self) -> Any:
        batch = next(self._batches)
        self.dealt += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """The loader's state at this position, for `DataLoader.load_state_dict`."""
        return self.loader._state(self)
