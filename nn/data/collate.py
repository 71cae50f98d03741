"""Collating rows into a batch: stacked if their shapes agree, padded if they are sequences of different lengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor


def stack_rows(rows: Sequence[Any]) -> Any:
    """A batch of rows: numbers, arrays or Tensors, stacked along a new first axis.

    Rows that are tuples are stacked field by field, and give a tuple.
    Raises ValueError if the shapes differ; use PadSequences for those.
    """
    return _fieldwise(rows, _stack)


def default_collate(rows: Sequence[Any]) -> Any:
    """A batch of rows as PyTorch's loader makes it: numbers, arrays and Tensors are stacked.

    Dicts are collated key by key, and give a dict; tuples and lists field by field, and give a list. Strings stay a
    list. Python's floats become float64.
    """
    first = rows[0]
    if isinstance(first, str | bytes):
        return list(rows)
    if isinstance(first, Mapping):
        return {key: default_collate([row[key] for row in rows]) for key in first}
    if isinstance(first, tuple | list):
        fields = [default_collate(field) for field in zip(*rows, strict=True)]
        return type(first)(*fields) if hasattr(first, "_fields") else fields
    if type(first) is float:
        return tl.tensor(list(rows), dtype=tl.float64)
    return _stack(rows)


def pad_sequence(
    sequences: Sequence[Any], padding_value: float = 0, side: Literal["right", "left"] = "right"
) -> Tensor:
    """Sequences of different lengths as one Tensor: each `(length, ...) -> (batch, longest, ...)`.

    - `sequences`: lists, arrays or Tensors, all of one dtype.
    - `padding_value`: fills the shorter sequences up.
    - `side`: where to pad, on the "right" (after the end) or on the "left".

    Raises ValueError if there are no sequences, if they differ in more than their length, or if their dtype cannot hold
    padding_value.
    """
    tensors = [_tensor(sequence) for sequence in sequences]
    if not tensors:
        raise ValueError("pad_sequence: there are no sequences")
    if side not in ("right", "left"):
        raise ValueError(f"pad_sequence: side must be 'right' or 'left', not {side!r}")
    typical = next((t for t in tensors if t.ndim and len(t)), tensors[0])  # an empty list has no dtype of its own
    for tensor in tensors:
        if tensor.ndim == 0 or (tensor.shape[1:] != typical.shape[1:] and len(tensor)):
            raise ValueError(
                "pad_sequence: sequences may differ in their first axis only, but have shapes "
                f"{typical.shape} and {tensor.shape}"
            )
    dtypes = {tensor.dtype.name for tensor in tensors if len(tensor)} or {typical.dtype.name}
    if len(dtypes) > 1:
        raise ValueError(f"pad_sequence: sequences must have one dtype, but have {', '.join(sorted(dtypes))}")
    if not _holds(typical.dtype, padding_value):
        raise ValueError(f"pad_sequence: padding_value {padding_value} does not fit dtype {typical.dtype}")
    longest = max(len(tensor) for tensor in tensors)
    rows = []
    for tensor in tensors:
        shape = longest - len(tensor), *typical.shape[1:]
        padding = tl.full(shape, padding_value, dtype=typical.dtype, device=typical.device)
        parts = [tensor, padding] if len(tensor) else [padding]
        rows.append(tl.cat(parts if side == "right" else parts[::-1]))
    batch: Tensor = tl.stack(rows)  # (batch, longest, ...)
    return batch


class PadSequences:
    """A `collate_fn` for a DataLoader: pads sequences, stacks single numbers.

    - `padding_value`, `side`: see `pad_sequence`.
    - `mask`: whether to append a mask `(batch, longest)` of the first field, True at tokens and False at padding.

    For example:

        loader = nn.DataLoader(sentences, batch_size=8, collate_fn=nn.data.PadSequences(padding_value=0, mask=True))
        for tokens, label, mask in loader: ...
    """

    def __init__(self, padding_value: float = 0, side: Literal["right", "left"] = "right", mask: bool = False) -> None:
        self.padding_value, self.side, self.mask = padding_value, side, mask

    def __call__(self, rows: Sequence[Any]) -> Any:
        batch = _fieldwise(rows, self._field)
        if not self.mask:
            return batch
        fields = batch if isinstance(batch, tuple) else (batch,)
        first = [row[0] if isinstance(row, tuple) else row for row in rows]
        mask = pad_sequence([tl.ones(len(sequence), dtype=tl.bool) for sequence in first], 0, self.side)
        return (*fields, mask.to(fields[0].device))

    def _field(self, values: Sequence[Any]) -> Tensor:
        if all(isinstance(value, int | float) or getattr(value, "ndim", None) == 0 for value in values):
            return _stack(values)
        return pad_sequence(values, self.padding_value, self.side)


def _fieldwise(rows: Sequence[Any], collate: Callable[[Sequence[Any]], Tensor]) -> Any:
    """Collate rows that are tuples field by field, other rows as they are."""
    if not rows:
        raise ValueError("a batch needs at least one row")
    if not isinstance(rows[0], tuple):
        return collate(rows)
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ValueError(f"rows of a batch must have the same number of fields, but have {sorted(lengths)}")
    return tuple(collate(field) for field in zip(*rows, strict=True))


def _stack(values: Sequence[Any]) -> Tensor:
    tensors = [_tensor(value) for value in values]
    if len({tensor.shape for tensor in tensors}) > 1:
        shapes = ", ".join(sorted({str(tensor.shape) for tensor in tensors}))
        raise ValueError(
            f"cannot stack rows of different shapes, {shapes}; to pad sequences, give the DataLoader "
            "collate_fn=nn.data.PadSequences()"
        )
    batch: Tensor = tl.stack(tensors)
    return batch


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else tl.tensor(value)


def _holds(dtype: Any, value: float) -> bool:
    """Whether a dtype can hold a value: floats any value up to rounding, integers and bools exactly."""
    if dtype.kind == "f":
        return True
    lowest, highest = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return float(value).is_integer() and lowest <= value <= highest
