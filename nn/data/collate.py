"""Collating rows into a batch: stacked, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import kind_of
from tinygrad_lecture.func.trees import map_leaves

from ..errors import is_data


def default_collate(rows: Sequence[Any]) -> Any:
    """A batch of rows, as PyTorch's loader makes it: Tensors, arrays and numbers are stacked along a new first axis.

    Dicts are collated key by key, and give a dict; tuples and lists field by field, and give a list, but a named tuple
    gives one of its kind. Strings stay as they are. Python's floats become float64.
    Raises ValueError if shapes or numbers of fields differ, TypeError for anything else, such as None.
    """
    if not len(rows):
        raise ValueError("default_collate: a batch needs at least one row")
    first = rows[0]
    if type(first) is float:
        return tl.tensor(list(rows), dtype=tl.float64)
    if isinstance(first, int | np.generic) or is_data(first):
        return _stack(rows)
    if isinstance(first, str | bytes):
        return rows
    if isinstance(first, Mapping):
        fields = {key: default_collate([row[key] for row in rows]) for key in first}
        return fields if type(first) is dict else type(first)(fields)  # type: ignore[call-arg]
    if isinstance(first, tuple | list):
        collated = [default_collate(field) for field in _fields(rows)]
        return type(first)(*collated) if hasattr(first, "_fields") else collated
    raise TypeError(
        "default_collate: a batch may hold tensors, arrays, numbers, strings, and dicts, tuples and lists of them, not "
        f"{kind_of(first)}; give the DataLoader a collate_fn of your own"
    )


def default_convert(row: Any) -> Any:
    """A row as a loader without batches gives it: its arrays become Tensors, in dicts, tuples and lists too."""

    def convert(value: Any) -> Any:
        is_numbers = isinstance(value, np.ndarray | np.generic) and value.dtype.kind not in "SUO"
        return tl.tensor(value) if is_numbers else value

    return map_leaves(convert, row)


def _fields(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values of each field, from rows that are tuples or lists. Raises ValueError if their lengths differ."""
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise ValueError(f"rows of a batch must have the same number of fields, but have {lengths}")
    return zip(*rows, strict=True)


def _stack(values: Sequence[Any]) -> Tensor:
    """Numbers, arrays or Tensors of one shape, along a new first axis."""
    if all(isinstance(value, int | float) for value in values):
        return tl.tensor(list(values))
    shapes = {np.shape(value) for value in values}
    if len(shapes) > 1:
        raise tl.TensorError(
            f"cannot stack rows of different shapes, {', '.join(sorted(map(str, shapes)))}; inputs and targets go into "
            "nn.TensorDataset(x, y); to pad sequences, give a collate_fn that calls nn.utils.rnn.pad_sequence"
        )
    if all(isinstance(value, np.ndarray | np.generic) for value in values):
        return tl.tensor(np.stack(values))
    return tl.stack([value if isinstance(value, Tensor) else tl.tensor(value) for value in values])  # type: ignore[no-any-return]
