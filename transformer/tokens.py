"""Token ids from users: Tensors, arrays or lists, checked and converted to a Tensor of integers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.users_line import hide_frames

ENCODE = "encode the text with the tokenizer"


def as_tokens(tokens: Any) -> Tensor:
    """Tokens as a Tensor of integers: (..., tokens). A Tensor stays on its device.

    Raises TypeError for anything but integers, ValueError for texts of different lengths or for no tokens.
    """
    made = tokens if isinstance(tokens, Tensor) else _tensor(tokens)
    if not made.numel() or not made.ndim:
        raise ValueError(f"tokens: expected shape (..., tokens) with at least one token, got {made.shape}")
    if made.dtype.kind not in "iu":
        raise TypeError(f"tokens: must be integers, got {made.dtype}; {ENCODE}")
    return made


def _tensor(tokens: Any) -> Tensor:
    try:
        return tl.tensor(tokens)
    except TypeError as error:
        hide_frames()
        if _has_text(tokens):
            raise TypeError(f"tokens: must be integers, got text; {ENCODE}") from None
        raise TypeError(f"tokens: must be integers: {error}") from None
    except ValueError as error:
        if "same length" not in str(error):  # nested lists of different lengths
            raise
        raise ValueError(
            "tokens: texts of different lengths do not make an array; pad them to one length, and pass a padding_mask "
            "that is True for tokens"
        ) from None


def _has_text(tokens: Any) -> bool:
    return isinstance(tokens, (str, bytes)) or (isinstance(tokens, Iterable) and any(map(_has_text, tokens)))


def check_vocabulary(tokens: Any, size: int) -> None:
    """Raises IndexError naming the first token outside 0 to size - 1. tokens: an array on the host."""
    if tokens.min() < 0 or tokens.max() >= size:
        index = tuple(int(i) for i in np.argwhere((tokens < 0) | (tokens >= size))[0])
        raise IndexError(
            f"tokens: token {tokens[index]} at {index} is not in the vocabulary, whose tokens are 0 to {size - 1}"
        )
