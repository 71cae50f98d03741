"""What users give a model, checked: tokens and padding masks; from these, what its blocks are given."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import INT64, Shape
from tinygrad_lecture.errors import refuse_several

from .attention import Rotation
from .cache import Cache, KeyValues
from .embedding import Embedding

__all__ = ["causal_mask"]

ENCODE = "encode the text with the tokenizer"


@dataclass
class Reading:
    """What a stack of blocks is given for the tokens that it reads next, on the model's device. Made by `read`.

    - `vectors`: (..., tokens, width), the embedded tokens.
    - `mask`: broadcasts to (..., tokens, keys), True = may attend; None if all may.
    - `bias`, `rotation`: what relative and rotary positions give, see embedding.py; None with other positions.
    - `memory_mask`: the mask of the cross-attention.
    - `padding`: (..., keys), True for tokens, of the cached tokens and these; None without padding.
    - `cache`: the cache that they are read into, if there is one.
    - `memory_padding`: the padding mask of the encoder's text.
    """

    vectors: Tensor
    mask: Tensor | None
    bias: Tensor | None
    rotation: Rotation | None
    padding: Tensor | None
    cache: Cache | None = None
    memory_mask: Tensor | None = None
    memory_padding: Tensor | None = None

    def keys(self, layer: int) -> KeyValues | None:
        """The keys and values of earlier tokens in the self-attention of a block; None without a cache."""
        return None if self.cache is None else self.cache.self_attention[layer]

    def memory_keys(self, layer: int) -> KeyValues | None:
        """The same of its cross-attention."""
        return None if self.cache is None else self.cache.cross_attention[layer]

    def finish(self) -> None:
        """Count the tokens as cached, once every block has read them: a call that fails before changes no cache."""
        if self.cache is not None:
            self.cache.length += self.vectors.shape[-2]
            self.cache.padding, self.cache.memory_padding = self.padding, self.memory_padding


def read(
    embedding: Embedding,
    tokens: Any,
    padding_mask: Any,
    segments: Any = None,
    *,
    decoder: Sized | None = None,
    cache: Cache | None = None,
    memory: Tensor | None = None,
    memory_padding: Any = None,
) -> Reading:
    """Tokens and masks from users, checked, as what the blocks are given.

    - `segments`: see `Embedding.forward`.
    - `decoder`: the blocks of a decoder, which are causal. The tokens follow those in their `cache`.
    - `memory`, `memory_padding`: the encoder's output, for cross-attention, and the padding mask of its text.

    Raises as `check_tokens`, `check_padding_mask` and `Cache.begin` do; TypeError for anything but a Cache, ValueError
    for a memory of another batch.
    """
    if not isinstance(cache, Cache | None) or isinstance(padding_mask, Cache):
        raise TypeError(f"cache: must come from new_cache(), got {cache!r}; give it by name, cache=cache")
    seen = 0 if cache is None else cache.length
    tokens = check_tokens(embedding, tokens, seen)
    batch, new, device = tokens.shape[:-1], tokens.shape[-1], tokens.device
    if memory is not None:
        if memory.shape[:-2] != batch:
            raise ValueError(f"EncoderDecoder: sources {memory.shape[:-2]} need as many targets, not {batch}")
        memory_padding = check_padding_mask(memory_padding, memory.shape[:-1], device)
    padding = check_padding_mask(padding_mask, (*batch, seen + new), device)
    if cache is not None:
        cache.begin(decoder, batch, memory)
        memory_padding = cache.memory_padding if memory_padding is None else memory_padding
        if padding is None and cache.padding is not None:
            padding = tl.cat([cache.padding, tl.ones(*batch, new, dtype=tl.bool, device=device)], -1)
    mask = bidirectional_mask(padding)
    if decoder is not None and new > 1:
        before = causal_mask(new, seen + new, device)
        mask = before if mask is None else tl.logical_and(before, mask)
    positions = token_positions(new, seen, padding, device)
    vectors, rotation = embedding(tokens, positions, segments), embedding.positions.rotation(positions)
    bias = embedding.positions.score_bias(new, seen + new, bidirectional=decoder is None)
    return Reading(vectors, mask, bias, rotation, padding, cache, bidirectional_mask(memory_padding), memory_padding)


def token_positions(tokens: int, start: int = 0, padding_mask: Tensor | None = None, device: str = "cpu") -> Tensor:
    """The positions start, start + 1, ... of `tokens` tokens: (tokens,).

    - `start`: how many tokens came before.
    - `padding_mask`: (..., start + tokens), True for tokens. Then only tokens are counted, so that padding on the left
      shifts nothing, and the result is (..., tokens).
    """
    if padding_mask is None:
        return tl.arange(start, start + tokens, device=device)
    positions = tl.cumsum(padding_mask.long(), -1) - 1  # padding on the left is at -1
    return tl.maximum(positions, 0)[..., start:]


# --- attention masks: True = may attend -----------------------------------------------------------------------


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


def bidirectional_mask(padding_mask: Tensor | None) -> Tensor | None:
    """All tokens, no padding: (..., keys) -> (..., 1, keys). None stays None."""
    return None if padding_mask is None else tl.unsqueeze(padding_mask, -2)


# --- checks ---------------------------------------------------------------------------------------------------


def as_tokens(tokens: Any) -> Tensor:
    """Tokens, a Tensor, array or list of any integers, as an int64 Tensor: (..., tokens). A Tensor stays on its device.

    Raises TypeError for anything but integers, ValueError for texts of different lengths or for no tokens.
    """
    if isinstance(tokens, tuple):
        refuse_several("tokens", [tokens])
    try:
        made = tokens if isinstance(tokens, Tensor) else tl.tensor(tokens)
    except TypeError as error:
        got = f", got text; {ENCODE}" if _has_text(tokens) else f": {error}"
        raise TypeError(f"tokens: must be integers{got}") from None
    except ValueError as error:
        if "same length" not in str(error):  # nested lists of different lengths
            raise
        raise ValueError("tokens: texts differ in length; pad them, and pass a padding_mask, True for tokens") from None
    if 0 in made.shape or not made.ndim:
        raise ValueError(f"tokens: expected shape (..., tokens) with at least one token, got {made.shape}")
    if made.dtype.kind not in "iu":
        raise TypeError(f"tokens: must be integers, got {made.dtype}; {ENCODE}")
    return made if made.dtype is INT64 else made.long()  # in an index, uint8 would be a mask


def _has_text(tokens: Any) -> bool:
    return isinstance(tokens, (str, bytes)) or (isinstance(tokens, Iterable) and any(map(_has_text, tokens)))


def check_tokens(embedding: Embedding, tokens: Any, seen: int = 0) -> Tensor:
    """Tokens as a Tensor of integers on the device of W_E: (..., tokens).

    - `seen`: how many tokens are in the cache already.

    Raises as `as_tokens` does; ValueError for more tokens than the context holds; IndexError for a token outside the
    vocabulary, which is not checked when both the tokens and the model are on a GPU.
    """
    given = as_tokens(tokens)
    if seen + given.shape[-1] > embedding.context:
        after = f" after {seen} others" if seen else ""
        raise ValueError(
            f"tokens: {given.shape[-1]} tokens{after} exceed the context of {embedding.context}; keep the last "
            f"{embedding.context}, or build the model with a larger context"
        )
    device = embedding.device
    moved = given if given.device == device else given.to(device=device)
    on_host = next((t for t in (given, moved) if isinstance(t._array, np.ndarray)), None)
    if on_host is not None:
        check_vocabulary(on_host._array, embedding.W_E.num_embeddings)
    return moved


def check_vocabulary(tokens: Any, size: int) -> None:
    """Raises IndexError naming the first token outside 0 to size - 1. tokens: an array on the host."""
    if np.minimum.reduce(tokens, None) < 0 or np.maximum.reduce(tokens, None) >= size:
        index = tuple(int(i) for i in np.argwhere((tokens < 0) | (tokens >= size))[0])
        raise IndexError(f"tokens: token {tokens[index]} at {index} is not in the vocabulary of 0 to {size - 1}")


def check_padding_mask(padding_mask: Any, shape: Shape, device: str) -> Tensor | None:
    """A padding mask, given as Tensor, array or list, as a Tensor on the device; None stays None.

    Raises TypeError unless it is of bools, ValueError unless it has the shape of the tokens.
    """
    if padding_mask is None:
        return None
    mask = tl.as_tensor(padding_mask, device=device)
    if mask.dtype.kind != "b":
        raise TypeError(f"padding_mask: must be bools, True for tokens, not {mask.dtype}: tokens != padding")
    if mask.shape != shape:
        raise ValueError(f"padding_mask: expected one bool per token, shape {shape}, got {mask.shape}")
    return mask
