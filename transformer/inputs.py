"""Inputs of a stack of blocks: checked tokens, their positions and the attention mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinygrad_lecture import Tensor

from .embedding import Embedding
from .generation.cache import Cache, cached_tokens
from .masks import check_padding_mask, decoder_mask, encoder_mask
from .positions import token_positions


@dataclass(frozen=True)
class Inputs:
    """Inputs of a stack of blocks, on the model's device.

    - `tokens`: (..., tokens).
    - `positions`: (tokens,) or (..., tokens).
    - `mask`: broadcasts to (..., tokens, keys), True = may attend; None allows all.
    - `padding_mask`: (..., keys), True for tokens, of the cached tokens and these; None without padding.
    """

    tokens: Tensor
    positions: Tensor
    mask: Tensor | None
    padding_mask: Tensor | None


def encoder_inputs(embedding: Embedding, tokens: Any, padding_mask: Any) -> Inputs:
    """Inputs of bidirectional blocks. Raises as `Embedding.check` and `check_padding_mask` do."""
    tokens = embedding.check(tokens)
    padding_mask = check_padding_mask(padding_mask, tokens.shape, tokens.device)
    positions = token_positions(tokens.shape[-1], 0, padding_mask, tokens.device)
    return Inputs(tokens, positions, encoder_mask(padding_mask), padding_mask)


def decoder_inputs(
    embedding: Embedding,
    tokens: Any,
    padding_mask: Any,
    cache: Cache | None,
    layers: int,
    memory: Tensor | None = None,
) -> Inputs:
    """Inputs of causal blocks, which follow the tokens in the cache.

    - `layers`: how many blocks.
    - `memory`: the encoder's output, for cross-attention.

    Raises as `Embedding.check`, `check_padding_mask` and `Cache.begin` do; ValueError for a memory of another batch.
    """
    seen = cached_tokens(cache)
    tokens = embedding.check(tokens, seen)
    if memory is not None and memory.shape[:-2] != tokens.shape[:-1]:
        raise ValueError(
            f"EncoderDecoder: each source must have one target, got sources of batch shape {memory.shape[:-2]} and "
            f"targets of {tokens.shape[:-1]}"
        )
    new, device = tokens.shape[-1], tokens.device
    padding_mask = check_padding_mask(padding_mask, (*tokens.shape[:-1], seen + new), device)
    if cache is not None:
        cache.begin(layers, tokens, memory)
        padding_mask = cache.padding_with(padding_mask, new)
    positions = token_positions(new, seen, padding_mask, device)
    return Inputs(tokens, positions, decoder_mask(new, seen + new, padding_mask, device), padding_mask)
