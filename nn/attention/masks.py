"""PyTorch's two masks of `MultiheadAttention`, as the one that `F.scaled_dot_product_attention` takes.

In both, True means that a query may *not* attend; floats are added to the scores.
"""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError


def joined_mask(
    attn_mask: Any, key_padding_mask: Any, batch: int, heads: int, queries: int, keys: int, q: Tensor
) -> Tensor | None:
    """One mask that broadcasts to (batch, heads, queries, keys): bools, True = may attend, or floats; None without any.

    - `attn_mask`: (queries, keys) or (batch * heads, queries, keys), or None.
    - `key_padding_mask`: (batch, keys), True for padding, or None.
    - `q`: a Tensor of the dtype and on the device of the scores.

    Raises ValueError for other shapes, TypeError unless a mask is of bools or floats.
    """
    masks: list[Tensor] = []
    if attn_mask is not None:
        mask = _checked("attn_mask", attn_mask, q, [(queries, keys), (batch * heads, queries, keys)])
        masks.append(mask if mask.ndim == 2 else mask.reshape(batch, heads, queries, keys))
    if key_padding_mask is not None:
        mask = _checked("key_padding_mask", key_padding_mask, q, [(batch, keys)])
        masks.append(mask.reshape(batch, 1, 1, keys))
    if not masks:
        return None
    if all(mask.dtype.kind == "b" for mask in masks):
        forbidden = masks[0] if len(masks) == 1 else tl.logical_or(*masks)
        return tl.logical_not(forbidden)
    nothing = tl.zeros((), dtype=q.dtype, device=q.device)
    added = [mask if mask.dtype.kind == "f" else tl.where(mask, -math.inf, nothing) for mask in masks]
    return added[0] if len(added) == 1 else added[0] + added[1]


def _checked(name: str, mask: Any, q: Tensor, wanted: list[tuple[int, ...]]) -> Tensor:
    made: Tensor = tl.as_tensor(mask, device=q.device)
    if made.dtype.kind not in "bf":
        raise TypeError(
            f"{name} must be bools, True where a query may not attend, or floats that are added to the scores, "
            f"not {made.dtype}; write {name}.bool()"
        )
    if made.shape not in wanted:
        shapes = " or ".join(map(str, wanted))
        axes = "(batch, keys)" if name == "key_padding_mask" else "(queries, keys), or one for each batch * heads"
        raise TensorError(f"{name} must have shape {shapes}, {axes}, not {made.shape}")
    return made
