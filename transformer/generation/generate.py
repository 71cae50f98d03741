"""Autoregressive generation: predict the next token, append it, repeat. Tokens are yielded one by one.

Beyond the context the window slides: the model sees the last `context` tokens. Their positions then change with every
token, so no cache is valid, and each token costs the work of a whole window.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.data import pad_sequence
from nn.errors import explained
from nn.module_calls import evaluating
from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import Array, to_host

from ..cache import Cache
from ..config import TransformerConfig
from ..inputs import as_tokens, check_vocabulary
from ..tokenizer.pretrained import Messages, PretrainedTokenizer
from .sampling import SETTINGS, check_settings, choose

Prompt = Sequence[int] | Array | Tensor


class Settings(TypedDict, total=False):
    """How tokens are chosen; see `LanguageModel.generate`."""

    max_new_tokens: int
    temperature: float
    top_k: int | None
    top_p: float | None
    stop: int | Iterable[int] | None
    seed: int | None
    cached: bool


DEFAULTS: Any = {name: default for name, (default, *_) in SETTINGS.items()} | {"stop": None, "cached": True}


class LanguageModel(nn.Module):
    """A model that predicts the next token of a text, and so generates texts: the base of `GPT`."""

    config: TransformerConfig

    def next_logits(self, tokens: Tensor, padding_mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Logits of the token after the last: (..., tokens) -> (..., vocab_size).

        Raises NotImplementedError unless a class defines it.
        """
        raise NotImplementedError

    @property
    def context(self) -> int:
        """The most tokens the model can attend to."""
        return self.config.context

    @property
    def vocab_size(self) -> int:
        """How many tokens the vocabulary has."""
        return self.config.vocab_size

    def new_cache(self) -> Cache:
        """An empty key/value cache."""
        return Cache(self.config.layers)

    @explained
    def generate(self, prompt: Prompt, **settings: Unpack[Settings]) -> Iterator[int]:
        """Yields the tokens that follow a prompt, one by one.

        - `prompt`: at least one token, such as one that starts a text; a list, array or Tensor of shape (tokens,).
        - `max_new_tokens`: the most tokens to yield, by default 100.
        - `temperature` (1), `top_k` (None), `top_p` (None): see `probabilities`; temperature 0 is greedy.
        - `stop`: a token, or several, any of which ends the text; it is not yielded. That of a special token is
          `model.tokenizer.special_tokens["<|im_end|>"]`; its name in a text may be several tokens. By default T5 and
          BART stop at their config's, a GPT and a Llama at none (in `chat` where the message ends).
        - `seed`: for a random stream of its own; None uses the one that `tl.manual_seed` seeds.
        - `cached`: use a key/value cache, as by default. Without it the tokens are the same, but slower.

        Beyond the context the model sees the last `context` tokens.
        Raises at once: ValueError for invalid settings or an empty prompt, TypeError for an unknown setting or one of a
        wrong type, IndexError for a token, in the prompt or in `stop`, outside the vocabulary.
        """
        return (int(token[0]) for token in self._tokens([prompt], settings))

    def generate_batch(self, prompts: Iterable[Prompt], **settings: Unpack[Settings]) -> list[list[int]]:
        """The tokens that follow each of several prompts, of any lengths, generated in parallel.

        Settings and errors: see `generate`.
        """
        prompts = list(prompts)
        columns = list(self._tokens(prompts, settings))
        return [[int(column[row]) for column in columns if column[row] >= 0] for row in range(len(prompts))]

    def chat(self, messages: Messages, **settings: Unpack[Settings]) -> Iterator[str]:
        """Yields the answer to a chat, as pieces of text.

        - `messages`: a list such as [{"role": "user", "content": "Hi!"}]; other roles are "system" and "assistant".

        Settings as of `generate`; max_new_tokens is 500 by default, and the answer also ends where the tokenizer says
        that a message ends. A chat that leaves too little room in the context for max_new_tokens, or for half a context
        if that is less, loses its oldest questions and answers; a system message at the front stays.
        Raises at once: ValueError for a model without a tokenizer that has a chat template, for a last message longer
        than the context, and as `PretrainedTokenizer.format_chat` does; else as `generate` does.
        """
        tokenizer = getattr(self, "tokenizer", None)
        if not isinstance(tokenizer, PretrainedTokenizer):
            raise ValueError('chat: the model has no tokenizer for chats, as Llama.from_pretrained("smollm2") has')
        checked = checked_settings({"max_new_tokens": 500, **settings}, self.vocab_size)
        checked["stop"] = [*checked["stop"], *tokenizer.ends]  # type: ignore[misc] # a list by now
        room = self.context - min(checked["max_new_tokens"], self.context // 2)
        prompt = tokenizer.encode_chat(messages, room)
        if len(prompt) >= self.context:
            raise ValueError(f"chat: the last message takes {len(prompt)} tokens, and the context is {self.context}")
        return tokenizer.stream(self.generate(prompt, **checked), skip_special_tokens=True)

    def _tokens(self, prompts: Iterable[Prompt], given: Settings) -> Iterator[Array]:
        """The next token of each row, again and again: see `_draws`. Raises before the first is asked for."""
        settings = checked_settings(given, self.vocab_size)
        tokens, mask = pad_prompts(prompts)
        check_vocabulary(tokens, self.vocab_size)
        return self._draws(tokens, mask, settings)

    def _draws(self, tokens: Array, mask: Array, settings: Settings) -> Iterator[Array]:
        """Yields the next token of each row, (batch,), with -1 for rows that have stopped; ends when all have.

        - `tokens`, `mask`: the prompts, from `pad_prompts`.

        Evaluation mode and no_grad hold while a token is computed, not while the caller has it.
        """
        random = rng.generator(settings["seed"])
        running = np.ones(len(tokens), np.bool_)
        cache, modules = None, [*self.modules()]
        for _ in range(settings["max_new_tokens"]):
            if tokens.shape[1] > self.context:  # the window slides, without a cache
                tokens, mask, cache = tokens[:, -self.context :], mask[:, -self.context :], None
            elif settings["cached"] and cache is None:
                cache = self.new_cache()
            new = tokens if cache is None else tokens[:, cache.length :]  # (batch, new)
            with evaluating(modules):
                logits = self.next_logits(tl.tensor(new), None if mask.all() else tl.tensor(mask), cache)
            chosen = choose(logits, settings["temperature"], settings["top_k"], settings["top_p"], random)  # (batch,)
            for token in settings["stop"]:  # type: ignore[union-attr] # a list by now
                running &= chosen != token
            if not running.any():
                return
            yield np.where(running, chosen, -1)
            tokens = np.concatenate([tokens, np.where(running, chosen, 0)[:, None]], axis=1)  # (batch, tokens + 1)
            mask = np.concatenate([mask, running[:, None]], axis=1)


def checked_settings(given: Settings, vocab_size: int) -> Settings:
    """All settings, those that are not given by default, `stop` as a list. Raises as `LanguageModel.generate` does."""
    for name in given:
        if name not in DEFAULTS:
            raise TypeError(f"generation has no setting {name!r}; the settings are {', '.join(DEFAULTS)}")
    settings: Settings = DEFAULTS | given
    check_settings(**{name: value for name, value in settings.items() if name in SETTINGS})
    settings["stop"] = stop = _stop_tokens(settings["stop"])
    if unknown := [token for token in stop if not 0 <= token < vocab_size]:
        raise IndexError(f"stop: token {unknown[0]} is not in the vocabulary, whose tokens are 0 to {vocab_size - 1}")
    return settings


def _stop_tokens(stop: Any) -> list[int]:
    if stop is None:
        return []
    held = stop.numpy() if isinstance(stop, Tensor) else stop
    many = np.ndim(held) > 0 if isinstance(held, np.ndarray) else isinstance(held, Iterable)
    try:
        return [operator.index(token) for token in (held if many else [held])]
    except TypeError:
        raise TypeError(f'stop: give ids, such as model.tokenizer.special_tokens["<|im_end|>"], got {stop!r}') from None


def pad_prompts(prompts: Iterable[Prompt]) -> tuple[Array, Array]:
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
