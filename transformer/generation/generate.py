"""Autoregressive generation: predict the next token, append it, repeat. Tokens are yielded one by one.

Beyond the context the window slides: the model sees the last `context` tokens. Their positions then change with every
token, so no cache is valid, and each token costs the work of a whole window.
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
from nn.data import pad_sequence
from nn.stateless import evaluating
from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import to_host
from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.traced import wrap

from ..tokens import ENCODE, as_tokens, check_vocabulary
from .cache import Cache
from .sampling import check_settings, choose

Array = np.ndarray[Any, Any]


class Step(Protocol):
    """A model compiled for one token at a time, `transformer.decoder.Decoder`."""

    def next_logits(self, tokens: Array, padding_mask: Array | None, cache: Cache) -> Any:
        """Logits of the token after the last: (batch,) -> array (batch, vocab_size)."""
        ...


class LanguageModel(Protocol):
    """The interface that generation needs from a model."""

    @property
    def context(self) -> int:
        """The most tokens it can attend to."""
        ...

    @property
    def vocab_size(self) -> int:
        """How many tokens its vocabulary has."""
        ...

    def modules(self) -> Iterable[Module]:
        """Its modules, to be switched to evaluation mode."""
        ...

    def new_cache(self) -> Cache:
        """An empty key/value cache."""
        ...

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None, cache: Cache | None) -> Tensor:
        """Logits of the token after the last: (batch, tokens) -> (batch, vocab_size)."""
        ...

    def decoder(self) -> Step | None:
        """Its Step for the tokens that follow a text in a cache; None if `next_logits` must be called."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How tokens are chosen; see `GPT.generate`. Raises ValueError or TypeError for invalid values."""

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    stop: Any = None  # a token, several or None; becomes a tuple of ints
    seed: int | None = None
    cached: bool = True

    def __post_init__(self) -> None:
        hide_frames()  # should something below raise
        check_settings(self.temperature, self.top_k, self.top_p)
        if not isinstance(self.max_new_tokens, Integral):
            raise TypeError(f"max_new_tokens must be an integer, got {self.max_new_tokens!r}")
        if self.max_new_tokens < 0:
            raise ValueError(f"max_new_tokens must be at least 0, got {self.max_new_tokens}")
        if self.seed is not None and (not isinstance(self.seed, Integral) or self.seed < 0):
            raise ValueError(f"seed must be an integer of at least 0, got {self.seed!r}")
        object.__setattr__(self, "stop", _stop_tokens(self.stop))

    @classmethod
    def of(cls, given: dict[str, Any]) -> Settings:
        """Settings from keyword arguments. Raises TypeError for an unknown name."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise TypeError(f"generation has no setting {name!r}; the settings are {', '.join(known)}")
        return cls(**given)


def _stop_tokens(stop: Any) -> tuple[int, ...]:
    if stop is None:
        return ()
    held = stop.numpy() if isinstance(stop, Tensor) else stop
    many = np.ndim(held) > 0 if isinstance(held, np.ndarray) else isinstance(held, Iterable)
    try:
        return tuple(operator.index(token) for token in (held if many else [held]))
    except TypeError:
        raise TypeError(f"stop must be a token id or several, got {stop!r}; {ENCODE}") from None


def pad_prompts(prompts: Iterable[Sequence[int] | Array | Tensor]) -> tuple[Array, Array]:
    """Prompts of any lengths as tokens and padding mask, (batch, tokens) each, padded on the left with 0.

    Raises ValueError for no prompts or an empty one, TypeError for anything but integers.
    """
    rows = [_row(prompt) for prompt in prompts]
    if not rows:
        raise ValueError("generate_batch: there are no prompts")
    real = [np.ones(row.size, np.bool_) for row in rows]
    return pad_sequence(rows, side="left").numpy(), pad_sequence(real, side="left").numpy()


def _row(prompt: Any) -> Array:
    row = to_host(as_tokens(prompt).array).astype(np.int64)
    if row.ndim != 1:
        raise ValueError(f"prompt: must be one row of tokens, got shape {row.shape}; generate_batch takes several")
    return row


def generate_one(model: LanguageModel, tokens: Array, mask: Array, settings: Settings) -> Iterator[int]:
    """Yields the tokens that follow a single prompt. Raises at once, not when the first token is asked for."""
    _check_tokens(model, tokens, settings)
    return (int(token[0]) for token in _stream(model, tokens, mask, settings))


def generate_many(model: LanguageModel, tokens: Array, mask: Array, settings: Settings) -> list[list[int]]:
    """The tokens that follow each of several prompts."""
    _check_tokens(model, tokens, settings)
    columns = list(_stream(model, tokens, mask, settings))
    return [[int(column[row]) for column in columns if column[row] >= 0] for row in range(len(tokens))]


def _check_tokens(model: LanguageModel, tokens: Array, settings: Settings) -> None:
    check_vocabulary(tokens, model.vocab_size)
    if unknown := [token for token in settings.stop if not 0 <= token < model.vocab_size]:
        raise IndexError(
            f"stop: token {unknown[0]} is not in the vocabulary, whose tokens are 0 to {model.vocab_size - 1}"
        )


def _stream(model: LanguageModel, tokens: Array, mask: Array, settings: Settings) -> Iterator[Array]:
    """Yields the next token of each row, (batch,), with -1 for rows that have stopped; ends when all have.

    Evaluation mode and no_grad hold while a token is computed, not while the caller has it.
    """
    random = rng.generator(settings.seed)
    stops = np.array(settings.stop, np.int64)
    running = np.ones(len(tokens), np.bool_)
    cache = None
    for _ in range(settings.max_new_tokens):
        if tokens.shape[1] > model.context:  # the window slides, without a cache
            tokens, mask, cache = tokens[:, -model.context :], mask[:, -model.context :], None
        elif settings.cached and cache is None:
            cache = model.new_cache()
        new = tokens if cache is None else tokens[:, cache.length :]  # (batch, new)
        logits = _next_logits(model, new, mask, cache)  # (batch, vocab_size)
        chosen = choose(logits, settings.temperature, settings.top_k, settings.top_p, random)  # (batch,)
        if stops.size:
            running &= ~np.isin(chosen, stops)
        if not running.any():
            return
        yield np.where(running, chosen, -1)
        tokens = np.concatenate([tokens, np.where(running, chosen, 0)[:, None]], axis=1)  # (batch, tokens + 1)
        mask = np.concatenate([mask, running[:, None]], axis=1)


def _next_logits(model: LanguageModel, tokens: Array, mask: Array, cache: Cache | None) -> Tensor:
    padding_mask = None if mask.all() else mask
    if cache is not None and cache.length and tokens.shape[1] == 1:
        step = model.decoder()
        if step is not None:
            return wrap(step.next_logits(tokens[:, 0], padding_mask, cache))  # type: ignore[no-any-return]
    with evaluating(model):
        return model.next_logits(tl.tensor(tokens), None if padding_mask is None else tl.tensor(padding_mask), cache)
