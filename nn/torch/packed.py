"""PyTorch's packed sequences: sequences of different lengths, step after step, without padding.

packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
output, h = lstm(packed)                                                # no step of padding is computed
output, lengths = pad_packed_sequence(output, batch_first=True)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import to_host
from tinygrad_lecture.errors import TensorError

from ..errors import check_tensor
from ..utils.rnn import pad_sequence

__all__ = ["PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence"]


class PackedSequence(NamedTuple):
    """Sequences without padding, step after step: first the first step of every sequence, then the second, and so on.

    - `data`: (all steps of all sequences, ...).
    - `batch_sizes`: how many sequences reach each step, integers on the CPU. The longest sequence comes first.
    - `sorted_indices`: for each sequence here its number in the batch; None if the batch was sorted already.
    - `unsorted_indices`: for each sequence of the batch its number here, or None.

    The sequences a b c, d and e f are packed as a e d, b f, c: `data` is aedbfc, and `batch_sizes` 3, 2, 1.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *target: Any, **settings: Any) -> Self:
        """With `data` moved or converted, as by `Tensor.to`."""
        return self._replace(data=self.data.to(*target, **settings))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """A padded batch as a PackedSequence.

    - `input`: (steps, batch, ...), or (batch, steps, ...) with batch_first.
    - `lengths`: of each sequence, a Tensor, array or list; at least 1.
    - `enforce_sorted`: whether to refuse lengths that are not sorted, the longest first. With False they are sorted
      here, and an RNN puts its results back in order.

    Raises ValueError if the lengths do not fit.
    """
    check_tensor("pack_padded_sequence", "input", input)
    counts = _on_host(lengths)
    if input.ndim < 2:
        raise TensorError(f"pack_padded_sequence: input must have shape (steps, batch, ...), not {input.shape}")
    batch, steps = input.shape[:2] if batch_first else input.shape[1::-1]
    if counts.shape != (batch,) or batch == 0 or counts.min() < 1 or counts.max() > steps:
        swapped = "; is batch_first right?" if counts.shape == (steps,) else ""
        raise TensorError(
            f"pack_padded_sequence: for input {input.shape} with batch_first={batch_first} there must be {batch} "
            f"lengths, one or more, from 1 to {steps}, not {counts.tolist()}{swapped}"
        )
    order = np.argsort(-counts, kind="stable")
    if enforce_sorted and (np.diff(counts) > 0).any():
        raise TensorError(
            f"pack_padded_sequence: the lengths {counts.tolist()} are not sorted, the longest first; write "
            "enforce_sorted=False"
        )
    step = np.arange(counts.max())[:, None]  # (longest, 1)
    reached = step < counts[order]  # (longest, batch)
    place = order * steps + step if batch_first else step * batch + order  # in the rows of input
    rows = input.reshape(-1, *input.shape[2:])  # (steps * batch, ...)
    sizes = tl.tensor(reached.sum(axis=1))
    indices = () if enforce_sorted else (tl.tensor(order), tl.tensor(np.argsort(order)))
    return PackedSequence(rows[place[reached]], sizes, *indices)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """A PackedSequence as a padded batch, (longest, batch, ...), and the lengths, in the order of the original batch.

    With batch_first the batch is (batch, longest, ...).
    - `total_length`: pad to this length instead of the longest. Raises ValueError if it is shorter.
    """
    sizes = _on_host(sequence.batch_sizes)
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise TensorError(f"pad_packed_sequence: total_length {total_length} is below the longest length, {len(sizes)}")
    row = np.arange(sizes[0])
    lengths = (sizes[:, None] > row).sum(axis=0)  # (batch,)
    starts = np.concatenate([np.cumsum(sizes) - sizes, np.zeros(steps - len(sizes), sizes.dtype)])
    order = slice(None) if sequence.unsorted_indices is None else _on_host(sequence.unsorted_indices)
    lengths = lengths[order]
    reached = np.arange(steps)[:, None] < lengths  # (steps, batch)
    place = np.where(reached, starts[:, None] + row[order], 0)
    if batch_first:
        reached, place = reached.T, place.T
    batch: Tensor = sequence.data[place]
    if not reached.all():
        mask = tl.tensor(reached.reshape(*reached.shape, *[1] * (batch.ndim - 2)), device=batch.device)
        batch = tl.where(mask, batch, padding_value)
    return batch, tl.tensor(lengths)


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences `(length, ...)` as a PackedSequence; see `pack_padded_sequence`."""
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def _on_host(numbers: Any) -> NDArray[np.int64]:
    return np.asarray(to_host(numbers.array) if isinstance(numbers, Tensor) else numbers, np.int64)
