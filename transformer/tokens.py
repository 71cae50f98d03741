"""Tokens as users have them: a Tensor, an array or lists of integers; what is wrong with others is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

ENCODE = "encode the text with the tokenizer"


def as_tokens(tokens: Any) -> Tensor:
    """A Tensor of integers, on the device where they are: (..., tokens).

    Raises TypeError for what are no integers, ValueError for texts of different lengths, or no tokens at all.
    """
    made = tokens if isinstance(tokens, Tensor) else _made(tokens)
    if not made.numel() or not made.ndim:
        raise ValueError(f"tokens have shape (batch, tokens), at least one of them, not {made.shape}")
    if made.dtype.kind not in "iu":
        raise TypeError(f"tokens are integers, not {made.dtype}; {ENCODE}")
    return made


def _made(tokens: Any) -> Tensor:
    try:
        return tl.tensor(tokens)
    except TypeError as error:
        text = _has_text(tokens)
        raise TypeError(f"tokens are integers, {f'not text; {ENCODE}' if text else f'but {error}'}") from None
    except ValueError as error:
        if "same length" not in str(error):
            raise
        raise ValueError(
            "texts of different lengths are no array of tokens: fill them up to one length, and say with padding_mask "
            "what is a token"
        ) from None


def _has_text(tokens: Any) -> bool:
    return isinstance(tokens, (str, bytes)) or (isinstance(tokens, Iterable) and any(map(_has_text, tokens)))


def check_vocabulary(tokens: Any, size: int) -> None:
    """Raises IndexError that names the first of the tokens, an array on the host, that is not in the vocabulary."""
    if tokens.min() < 0 or tokens.max() >= size:
        place = tuple(int(i) for i in np.argwhere((tokens < 0) | (tokens >= size))[0])
        raise IndexError(
            f"token {tokens[place]} at {place} is not in the vocabulary, which has the tokens 0 to {size - 1}"
        )
