"""Which token may look at which: bools, True where it may."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from nn.errors.checks import as_tensor
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Shape


def causal_mask(queries: int, keys: int, device: str = "cpu") -> Tensor:
    """True where a query may look, at its place and before; the queries are the last of the keys: (queries, keys).

    Raises ValueError for more queries than keys.
    """
    if queries > keys:
        raise ValueError(f"causal_mask: the queries are the last of the keys, but there are {queries} of {keys} keys")
    place = tl.arange(keys, device=device)
    mask: Tensor = place <= tl.unsqueeze(place[keys - queries :], -1)
    return mask


def look_back(queries: int, keys: int, padding_mask: Tensor | None, device: str = "cpu") -> Tensor | None:
    """The mask of a decoder: back, and at no padding. None where that is everywhere: (..., queries, keys) or None."""
    causal = causal_mask(queries, keys, device) if queries > 1 else None
    everywhere = look_everywhere(padding_mask)
    if causal is None or everywhere is None:
        return causal if everywhere is None else everywhere
    return tl.logical_and(causal, everywhere)


def look_everywhere(padding_mask: Tensor | None) -> Tensor | None:
    """The mask of an encoder: everywhere, but at no padding: (..., keys) -> (..., 1, keys)."""
    return None if padding_mask is None else tl.unsqueeze(padding_mask, -2)


def checked_padding(padding_mask: Any, shape: Shape, device: str) -> Tensor | None:
    """A padding mask from a Tensor, array or list as a Tensor on a device.

    Raises TypeError unless it is of bools, ValueError unless it has the shape of the tokens.
    """
    if padding_mask is None:
        return None
    mask = as_tensor(padding_mask).to(device=device)
    if mask.dtype.kind != "b":
        raise TypeError(f"a padding mask is of bools, True for a token, not of {mask.dtype}; write tokens != padding")
    if mask.shape != shape:
        raise ValueError(f"a padding mask has a bool for each token, wanted {shape}, got {mask.shape}")
    return mask
