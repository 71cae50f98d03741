"""Embedding lookup: select rows of a table by integer index."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from ..errors.checks import check_indices


def embedding(input: Any, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """weight[input]: one row of the table for each integer.

    - `input`: integers of any shape, each from 0 to rows - 1; a Tensor, array or list.
    - `weight`: `(rows, features)`.
    - `padding_idx`: a row that gets no gradient; negative values count from the end.

    Returns `(*input.shape, features)`.

    Raises TypeError unless the input has an integer dtype, IndexError for a row that does not exist (not checked on a
    GPU), ValueError for a weight of another number of axes.
    """
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight must have shape (rows, features), not {weight.shape}")
    rows = weight.shape[0]
    input = tl.as_tensor(input, device=weight.device)
    check_indices("embedding", input, rows, "rows")
    found: Tensor = weight[input]  # (*input.shape, features)
    if padding_idx is None:
        return found
    if not -rows <= padding_idx < rows:
        raise IndexError(f"embedding: padding_idx {padding_idx} is out of range for {rows} rows")
    padding = input == padding_idx % rows
    without_padding: Tensor = tl.where(tl.unsqueeze(padding, -1), found.detach(), found)
    return without_padding
