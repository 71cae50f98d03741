"""Attention masks: True = may attend."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Shape


def causal_mask(queries: int, keys: int, device: str = "cpu") -> Tensor:
    """The causal mask, (queries, keys): True at a query's own position and before it.

    The queries are the last of the keys: with a cache there are more keys than queries.

        causal_mask(3, 3)       # [[True, False, False], [True, True, False], [True, True, True]]

    Raises ValueError if there are more queries than keys.
    """
    if queries > keys:
        raise ValueError(f"causal_mask: queries must be the last of the keys, got {queries} queries and {keys} keys")
    position = tl.arange(keys, device=device)
    mask: Tensor = position <= tl.unsqueeze(position[keys - queries :], -1)  # (keys,) <= (queries, 1)
    return mask


def decoder_mask(queries: int, keys: int, padding_mask: Tensor | None, device: str = "cpu") -> Tensor | None:
    """The causal mask without padding, (..., queries, keys); None if every query may attend to every key.

    - `padding_mask`: (..., keys), True for tokens, or None.
    """
    causal = causal_mask(queries, keys, device) if queries > 1 else None
    tokens = encoder_mask(padding_mask)
    if causal is None or tokens is None:
        return causal if tokens is None else tokens
    return tl.logical_and(causal, tokens)


def encoder_mask(padding_mask: Tensor | None) -> Tensor | None:
    """The bidirectional mask: all tokens, no padding: (..., keys) -> (..., 1, keys). None stays None."""
    return None if padding_mask is None else tl.unsqueeze(padding_mask, -2)


def check_padding_mask(padding_mask: Any, shape: Shape, device: str) -> Tensor | None:
    """A padding mask, given as Tensor, array or list, as a Tensor on the device; None stays None.

    Raises TypeError unless it is of bools, ValueError unless it has the shape of the tokens.
    """
    if padding_mask is None:
        return None
    mask = tl.as_tensor(padding_mask, device=device)
    if mask.dtype.kind != "b":
        raise TypeError(
            f"padding_mask: must be of bools, True for tokens, False for padding, got {mask.dtype}; write "
            "tokens != padding"
        )
    if mask.shape != shape:
        raise ValueError(f"padding_mask: expected one bool per token, shape {shape}, got {mask.shape}")
    return mask
