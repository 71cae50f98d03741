"""Mini-batches: a data set, and the loader that deals it out in batches, in a new order each epoch.

data = nn.TensorDataset(images, labels)
for x, y in nn.DataLoader(data, batch_size=32, shuffle=True):
    ...                                             # x: (32, 784), y: (32,)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from tinygrad_lecture import Tensor, rng


class Dataset(Protocol):
    """What a loader deals out: data[i:j], and data[indices] with an array of row numbers, are batches."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


class TensorDataset:
    """Tensors of as many rows each: data[index] is a tuple of tensor[index] for each of them.

    Raises ValueError if they have different numbers of rows, or there are none.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors or any(tensor.ndim == 0 for tensor in tensors):
            raise ValueError("TensorDataset: give at least one tensor, and each of them rows to deal out")
        if len({len(tensor) for tensor in tensors}) > 1:
            shapes = ", ".join(str(tensor.shape) for tensor in tensors)
            raise ValueError(f"TensorDataset: the tensors must have as many rows each, but their shapes are {shapes}")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)


class DataLoader:
    """Deals out a data set in batches; each `for` over it is an epoch, which sees every row once.

    shuffle: a new random order each epoch, else the data's own, in which batches are views.
    drop_last: leave out the last batch if it is smaller than the others.
    seed: of an own random stream for the order; by default it comes from the one that `tl.manual_seed` seeds.
    Raises ValueError for a batch size below 1, or if there would be no batch at all.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be at least 1, not {batch_size}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self._own_stream = None if seed is None else np.random.default_rng(seed)
        if len(self) == 0:
            raise ValueError(f"DataLoader: {len(dataset)} rows make no batch of {batch_size}; use a smaller batch_size")

    def __len__(self) -> int:
        """How many batches an epoch has."""
        rows = len(self.dataset)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        stream = self._own_stream or rng.generator()
        order = stream.permutation(len(self.dataset)) if self.shuffle else None
        for i in range(len(self)):
            rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
            yield self.dataset[rows if order is None else order[rows]]
