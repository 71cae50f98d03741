"""Generation: hand the model a text, draw the next token, add it, and again; tokens stream as they come.

Beyond the context the window slides: the model sees the last `context` tokens, and since each of them then stands
elsewhere, nothing in the cache is true any more and every token costs the work of a whole window.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, Protocol

import numpy as np

import tinygrad_lecture as tl
from nn import Module
from nn.stateless import evaluating
from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import to_host

from ..tokens import ENCODE, as_tokens, check_vocabulary
from .cache import Cache
from .sampling import check_settings, draw, probabilities

Array = np.ndarray[Any, Any]


class Decoder(Protocol):
    """What can be asked for the next token."""

    @property
    def context(self) -> int:
        """The most tokens that it can look at."""
        ...

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        ...

    def new_cache(self) -> Cache:
        """An empty key/value cache."""
        ...

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None, cache: Cache | None) -> Tensor:
        """Of the token after the last: (batch, tokens) -> (batch, vocab_size)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How tokens are chosen; see `GPT.generate`. Raises ValueError or TypeError for what cannot be."""

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    stop: Any = None  # a token, several or None; once made, a tuple of ints
    seed: int | None = None
    cached: bool = True

    def __post_init__(self) -> None:
        check_settings(self.temperature, self.top_k, self.top_p)
        if not isinstance(self.max_new_tokens, Integral):
            raise TypeError(f"max_new_tokens is a whole number, not {self.max_new_tokens!r}")
        if self.max_new_tokens < 0:
            raise ValueError(f"max_new_tokens must not be negative, and is {self.max_new_tokens}")
        if self.seed is not None and (not isinstance(self.seed, Integral) or self.seed < 0):
            raise ValueError(f"seed is a whole number from 0 on, not {self.seed!r}")
        object.__setattr__(self, "stop", _stops(self.stop))

    @classmethod
    def of(cls, given: dict[str, Any]) -> Settings:
        """Settings by name. Raises TypeError for a name that is none."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise TypeError(f"generate_batch has no setting {name!r}; there are {', '.join(known)}")
        return cls(**given)

    def generator(self) -> np.random.Generator:
        """With a seed a stream of its own; else the one that `tl.manual_seed` seeds."""
        return rng.generator() if self.seed is None else np.random.default_rng(self.seed)


def _stops(stop: Any) -> tuple[int, ...]:
    """The tokens that end a text, from one or several or None. Raises TypeError for what are no integers."""
    if stop is None:
        return ()
    held = stop.numpy() if isinstance(stop, Tensor) else stop
    many = np.ndim(held) > 0 if isinstance(held, np.ndarray) else isinstance(held, Iterable)
    try:
        return tuple(operator.index(token) for token in (held if many else [held]))
    except TypeError:
        raise TypeError(f"stop is the number of a token, or several, not {stop!r}; {ENCODE}") from None


def padded(prompts: Iterable[Sequence[int] | Array | Tensor]) -> tuple[Array, Array]:
    """Prompts of any length as an array filled up at the front with 0, and a mask, True for tokens: (batch, tokens).

    Raises ValueError for no prompt, or an empty one; TypeError for what are no integers.
    """
    rows = [_row(prompt) for prompt in prompts]
    if not rows:
        raise ValueError("there are no prompts")
    longest = max(row.size for row in rows)
    tokens = np.zeros((len(rows), longest), np.int64)
    mask = np.zeros((len(rows), longest), np.bool_)
    for i, row in enumerate(rows):
        tokens[i, longest - row.size :] = row
        mask[i, longest - row.size :] = True
    return tokens, mask


def _row(prompt: Any) -> Array:
    try:
        row = to_host(as_tokens(prompt).array)
    except ValueError:
        raise ValueError("a prompt is a sequence of at least one token, such as the token that begins a text") from None
    if row.ndim != 1:
        raise ValueError(f"a prompt is a row of tokens, not of shape {row.shape}; generate_batch takes several prompts")
    return row


def stream(decoder: Decoder, model: Module, tokens: Array, mask: Array, settings: Settings) -> Iterator[Array]:
    """The next token of each row, (batch,), again and again; -1 for a row that has stopped. Ends when all have.

    Nothing stays switched between two tokens: each is computed within no_grad and in evaluation mode.
    """
    random = settings.generator()
    stops = np.array(settings.stop, np.int64)
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
    with evaluating(model):
        padding = None if mask.all() else tl.tensor(mask)
        return decoder.next_logits(tl.tensor(tokens), padding, cache)


def _check_tokens(decoder: Decoder, tokens: Array, settings: Settings) -> None:
    """Raises IndexError for a token of the prompts, or one that stops, that is not in the vocabulary."""
    check_vocabulary(tokens, decoder.vocab_size)
    if unknown := [token for token in settings.stop if not 0 <= token < decoder.vocab_size]:
        raise IndexError(
            f"stop: token {unknown[0]} is not in the vocabulary, which has the tokens 0 to {decoder.vocab_size - 1}"
        )


def one(decoder: Decoder, model: Module, tokens: Array, mask: Array, settings: Settings) -> Iterator[int]:
    """The tokens that follow a single prompt, as they come; what is wrong is said at once."""
    _check_tokens(decoder, tokens, settings)
    return (int(token[0]) for token in stream(decoder, model, tokens, mask, settings))


def several(decoder: Decoder, model: Module, tokens: Array, mask: Array, settings: Settings) -> list[list[int]]:
    """The tokens that follow each of several prompts."""
    _check_tokens(decoder, tokens, settings)
    columns = list(stream(decoder, model, tokens, mask, settings))
    return [[int(column[row]) for column in columns if column[row] >= 0] for row in range(len(tokens))]
