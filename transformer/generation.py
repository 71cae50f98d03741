"""Generation: hand the model a text, draw the next token, add it, and again; tokens stream as they come.

Beyond the context the window slides: the model sees the last `context` tokens, and since each of them then stands
elsewhere, nothing in the cache is true any more and every token costs the work of a whole window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, rng
from nn import Module
from nn.quiet import quiet

from .cache import Cache
from .sampling import check_settings, draw, probabilities

Array = np.ndarray[Any, Any]


class Decoder(Protocol):
    """What can be asked for the next token."""

    @property
    def context(self) -> int:
        """The most tokens that it can look at."""
        ...

    def new_cache(self) -> Cache:
        """An empty key/value cache."""
        ...

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None, cache: Cache | None) -> Tensor:
        """Of the token after the last: (batch, tokens) -> (batch, vocab_size)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How tokens are chosen; see `GPT.generate`. Raises ValueError for what cannot be."""

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    stop: int | Iterable[int] | None = None
    seed: int | None = None
    cached: bool = True

    def __post_init__(self) -> None:
        check_settings(self.temperature, self.top_k, self.top_p)
        if self.max_new_tokens < 0:
            raise ValueError(f"max_new_tokens must not be negative, and is {self.max_new_tokens}")

    def stops(self) -> Array:
        """The tokens that end a text."""
        stop = () if self.stop is None else (self.stop,) if isinstance(self.stop, int) else self.stop
        return np.array([int(token) for token in stop], np.int64)

    def generator(self) -> np.random.Generator:
        """With a seed a stream of its own; else the one that `tl.manual_seed` seeds."""
        return rng.generator() if self.seed is None else np.random.default_rng(self.seed)


def padded(prompts: Iterable[Sequence[int] | Array | Tensor]) -> tuple[Array, Array]:
    """Prompts of any length as an array filled up at the front with 0, and a mask, True for tokens: (batch, tokens).

    Raises ValueError for no prompt, or an empty one; TypeError for what are no integers.
    """
    rows = [np.asarray(p.numpy() if isinstance(p, Tensor) else p) for p in prompts]
    if not rows or not all(row.ndim == 1 and row.size for row in rows):
        raise ValueError("a prompt is a sequence of at least one token, such as the token that begins a text")
    if any(row.dtype.kind not in "iu" for row in rows):
        raise TypeError("a prompt is made of integers, the numbers of tokens; encode the text with the tokenizer")
    longest = max(row.size for row in rows)
    tokens = np.zeros((len(rows), longest), np.int64)
    mask = np.zeros((len(rows), longest), np.bool_)
    for i, row in enumerate(rows):
        tokens[i, longest - row.size :] = row
        mask[i, longest - row.size :] = True
    return tokens, mask


def stream(decoder: Decoder, model: Module, tokens: Array, mask: Array, settings: Settings) -> Iterator[Array]:
    """The next token of each row, (batch,), again and again; -1 for a row that has stopped. Ends when all have.

    Nothing stays switched between two tokens: each is computed within no_grad and in evaluation mode.
    """
    random = settings.generator()
    stops = settings.stops()
    running = np.ones(len(tokens), np.bool_)
    cache = None
    for _ in range(settings.max_new_tokens):
        length = tokens.shape[1]
        if length > decoder.context:
            tokens, mask, cache = tokens[:, -decoder.context :], mask[:, -decoder.context :], None
        elif settings.cached and cache is None:
            cache = decoder.new_cache()
        new = tokens if cache is None else tokens[:, cache.length :]
        logits = _next_logits(decoder, model, new, mask, cache)
        chosen = draw(probabilities(logits, settings.temperature, settings.top_k, settings.top_p), random)
        running &= ~np.isin(chosen, stops)
        if not running.any():
            return
        yield np.where(running, chosen, -1)
        tokens = np.concatenate([tokens, np.where(running, chosen, 0)[:, None]], axis=1)
        mask = np.concatenate([mask, running[:, None]], axis=1)


def _next_logits(decoder: Decoder, model: Module, tokens: Array, mask: Array, cache: Cache | None) -> Tensor:
    with quiet(model):
        padding = None if mask.all() else tl.tensor(mask)
        return decoder.next_logits(tl.tensor(tokens), padding, cache)


def one(decoder: Decoder, model: Module, tokens: Array, mask: Array, settings: Settings) -> Iterator[int]:
    """The tokens that follow a single prompt, as they come."""
    return (int(token[0]) for token in stream(decoder, model, tokens, mask, settings))


def several(decoder: Decoder, model: Module, tokens: Array, mask: Array, settings: Settings) -> list[list[int]]:
    """The tokens that follow each of several prompts."""
    columns = list(stream(decoder, model, tokens, mask, settings))
    return [[int(column[row]) for column in columns if column[row] >= 0] for row in range(len(tokens))]
