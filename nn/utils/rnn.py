"""Sequences of different lengths as one batch, padded to the longest.

batch = pad_sequence(sequences, batch_first=True)                       # (batch, longest, features)
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

__all__ = ["pad_sequence"]


def pad_sequence(
    sequences: Sequence[Any],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: Literal["right", "left"] = "right",
) -> Tensor:
    """Sequences `(length, ...)` as one Tensor, (longest, batch, ...), or (batch, longest, ...) with batch_first.

    - `sequences`: Tensors, arrays or lists.
    - `padding_value`: fills the shorter ones up, after their end or, with padding_side="left", before their start.

    Raises ValueError if there are no sequences, if they differ in more than their length, or if their dtype cannot hold
    padding_value.
    """
    tensors = [x if isinstance(x, Tensor) else tl.tensor(x) for x in sequences]
    if not tensors:
        raise ValueError("pad_sequence: there are no sequences")
    if padding_side not in ("right", "left"):
        raise ValueError(f"pad_sequence: padding_side must be 'right' or 'left', not {padding_side!r}")
    longest = max(tensors, key=len)  # an empty list has no dtype of its own
    dtype = longest.dtype
    if dtype.kind != "f" and np.asarray(padding_value).astype(dtype) != padding_value:
        raise ValueError(f"pad_sequence: padding_value {padding_value} does not fit dtype {dtype}")
    rows = []
    for x in tensors:
        shape = (len(longest) - len(x), *longest.shape[1:])
        parts = [x] * (len(x) > 0) + [tl.full(shape, padding_value, dtype=dtype, device=longest.device)]
        rows.append(tl.cat(parts if padding_side == "right" else parts[::-1]))
    return tl.stack(rows, 0 if batch_first else 1)  # type: ignore[no-any-return]
