"""Autoregressive generation: the settings, and from logits to the next token.

    probabilities       logits -> probabilities: temperature, then top_k, top_p
    draw                probabilities -> a token

The order is that of `transformers`. `draws` is the loop that appends the token and goes on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.errors import explained
from nn.module_calls import evaluating
from nn.utils.rnn import pad_sequence
from tinygrad_lecture import Tensor, random as rng
from tinygrad_lecture.backend import Array, is_array, to_host, xp

from .cache import Cache
from .config import TransformerConfig
from .inputs import as_tokens, check_vocabulary
from .tokenizer.pretrained import Messages, PretrainedTokenizer

__all__ = ["probabilities"]

# --- from logits to probabilities, then a draw ----------------------------------------------------------------


def probabilities(
    logits: Any, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """softmax(logits / temperature), restricted to the most probable tokens: (..., vocab_size) -> (..., vocab_size).

    - `logits`: a Tensor, array or list; the result has its dtype if that is a float.
    - `temperature`: below 1 sharpens the distribution, above 1 flattens it. 0, also after rounding to the dtype, is
      greedy: the largest logit gets probability 1.
    - `top_k`: keeps the k largest logits.
    - `top_p`: of these, keeps the smallest set whose probabilities sum to at least top_p (nucleus sampling; Holtzman et
      al., arXiv:1904.09751).

    The kept probabilities are rescaled to sum to 1. Among equal logits the smaller token id comes first.
    A row becomes nan if one of its logits is nan or inf, or all are -inf.
    Raises ValueError for temperature < 0, top_k < 1 or top_p outside (0, 1]; TypeError for
    anything but numbers, or a top_k that is not an integer.
    """
    check_settings(temperature=temperature, top_k=top_k, top_p=top_p)
    top_p = None if top_p == 1 else top_p
    if not isinstance(logits, Tensor):
        logits = tl.tensor(logits if is_array(logits) else np.asarray(logits, dtype=tl.get_default_dtype()))
    if logits.dtype.kind != "f":
        logits = logits.to(dtype=tl.get_default_dtype())
    lib, array, number = xp(logits.array), logits.array, logits.dtype.type
    largest = array.max(-1, keepdims=True)  # (..., 1)
    largest = lib.where(lib.isfinite(largest), largest, number(np.nan))  # makes the row nan
    # Rounded to the dtype: 1e-46 is 0 in float32.
    temperature = float(number(min(temperature, float(np.finfo(array.dtype).max))))
    if temperature == 0:
        best = lib.arange(array.shape[-1]) == array.argmax(-1)[..., None]  # (..., vocab_size)
        return tl.as_tensor(best + (largest - largest))
    scaled = logits - largest  # at most 0, so that dividing by a tiny temperature gives no inf - inf
    if temperature < 1:  # clipped before the division overflows; exp is 0 long before that
        scaled = tl.maximum(scaled, -temperature * float(np.finfo(array.dtype).max) / 2)
    scaled = scaled / temperature
    if top_k is not None or top_p is not None:
        scaled = tl.where(_kept(scaled.array, top_k, top_p), scaled, -np.inf)
    return tl.softmax(scaled, -1)  # type: ignore[no-any-return]


def _kept(scores: Array, top_k: int | None, top_p: float | None) -> Array:
    """Which tokens top_k and top_p keep, as bools: (..., vocab_size). Rows of nan are kept whole."""
    lib, size = xp(scores), scores.shape[-1]
    ordered = lib.flip(lib.sort(scores, axis=-1), -1)  # largest first
    n: Any = size if top_k is None else min(top_k, size)  # how many are kept
    if top_p is not None:
        e = lib.exp(ordered[..., :n].astype(np.float64))  # float16 is too coarse for the sum
        sums = lib.cumsum(e, axis=-1)
        before = sums - e  # of the larger ones; the total is the last sum
        n = lib.maximum((before < top_p * sums[..., -1:]).sum(axis=-1, keepdims=True), 1)  # (..., 1)
    smallest = ordered[..., n - 1 : n] if top_p is None else lib.take_along_axis(ordered, n - 1, -1)  # (..., 1)
    above, ties = scores > smallest, scores == smallest
    room = n - above.sum(axis=-1, keepdims=True)  # how many of the ties are kept
    return above | (ties & (lib.cumsum(ties, axis=-1) <= room)) | lib.isnan(scores)


def choose(logits: Tensor, settings: Settings, random: np.random.Generator) -> Array:
    """One token per row, drawn from `probabilities`: (batch, vocab_size) -> (batch,), on the host.

    Raises ValueError for logits that are nan or inf.
    """
    if settings["temperature"] > 0:
        return draw(probabilities(logits, settings["temperature"], settings["top_k"], settings["top_p"]), random)
    scores = to_host(logits.array)  # greedy: without the detour over probabilities of 0 and 1
    check_finite(scores.max(axis=-1))
    return scores.argmax(axis=-1)


def draw(p: Tensor, random: np.random.Generator) -> Array:
    """One token per row, drawn from its probabilities: (batch, vocab_size) -> (batch,), on the host.

    Raises ValueError for probabilities that are nan.
    """
    sums = np.cumsum(to_host(p.array), axis=-1, dtype=np.float64)  # (batch, vocab_size)
    check_finite(sums[:, -1])
    u = random.random((len(sums), 1)) * sums[:, -1:]  # (batch, 1), uniform below the last sum
    return (sums <= u).sum(axis=-1)


def check_finite(rows: Array) -> None:
    """Raises ValueError unless the largest logits, or the sums of the probabilities, are finite."""
    if not np.isfinite(rows).all():
        raise ValueError(
            "sampling: cannot draw a token, because the model's logits are nan or inf. A likely cause is training that "
            "diverged: check the parameters, and train with a smaller learning rate or clipped gradients"
        )


# --- settings ------------------------------------------------------------------------------------------------


Settings = dict[str, Any]  # by name: see `LanguageModel.generate`
SETTINGS: dict[str, tuple[Any, type, Callable[[Any], bool], str]] = {  # -> its default, type, range, both in words
    "max_new_tokens": (100, Integral, lambda n: n >= 0, "an integer of at least 0"),
    "temperature": (1.0, Real, lambda t: 0 <= t < np.inf, "a number, at least 0 (greedy) and finite"),
    "top_k": (None, Integral, lambda k: k >= 1, "an integer of at least 1, or None"),
    "top_p": (None, Real, lambda p: 0 < p <= 1, "a number above 0 and at most 1, or None"),
    "seed": (None, Integral, lambda s: s >= 0, "an integer of at least 0, or None"),
}

DEFAULTS: Settings = {name: default for name, (default, *_) in SETTINGS.items()} | {"stop": None, "cached": True}


def check_settings(**given: Any) -> None:
    """Raises TypeError for a setting of another type than in SETTINGS, ValueError for one out of its range."""
    for name, value in given.items():
        default, kind, fits, wanted = SETTINGS[name]
        if value is None and default is None:
            continue
        if not isinstance(value, kind) or not fits(value):
            error = ValueError if isinstance(value, kind) else TypeError
            raise error(f"{name} must be {wanted}, got {value!r}")


def checked_settings(given: Settings, vocab_size: int) -> Settings:
    """All settings, those that are not given by default, `stop` as a list. Raises as `LanguageModel.generate` does."""
    for name in given:
        if name not in DEFAULTS:
            remedy = "; the likeliest text is temperature=0" if name == "num_beams" else ""
            raise TypeError(f"generation has no setting {name!r}; the settings are {', '.join(DEFAULTS)}{remedy}")
    settings = DEFAULTS | given
    check_settings(**{name: value for name, value in settings.items() if name in SETTINGS})
    settings["stop"] = _stops(settings["stop"])
    for token in settings["stop"]:
        if not 0 <= token < vocab_size:
            raise IndexError(f"stop: token {token} is not in the vocabulary, whose tokens are 0 to {vocab_size - 1}")
    return settings


def _stops(stop: Any) -> list[int]:
    if stop is None:
        return []
    held = stop.tolist() if isinstance(stop, Tensor | np.ndarray) else stop
    try:
        return [operator.index(each) for each in (held if isinstance(held, Iterable) else [held])]
    except TypeError:
        raise TypeError(f'stop: give ids, such as model.tokenizer.special_tokens["<|im_end|>"], got {stop!r}') from None


# --- the loop ------------------------------------------------------------------------------------------------

Prompt = Sequence[int] | Array | Tensor
Step = tuple[Array, Array]  # the tokens chosen, and which texts go on: (batch,) each


def draws(model: LanguageModel, tokens: Array, mask: Array, settings: Settings) -> Iterator[Step]:
    """Yields the next token of each text, and which texts go on, (batch,) each; ends when none does.

    - `tokens`, `mask`: (batch, tokens), one text a row; False in the mask for padding.

    A token of settings["stop"] ends a text and is not part of it. Beyond the context the window slides: the model sees
    the last `context` tokens. Their positions then change with every token, so no cache is valid, and each token costs
    the work of a whole window. Evaluation mode and no_grad hold only while the model computes.
    """
    random, modules = rng.generator(settings["seed"]), [*model.modules()]
    running = np.ones(len(tokens), np.bool_)
    cache = model.new_cache() if settings["cached"] else None
    for _ in range(settings["max_new_tokens"]):
        window, seen = tokens[:, -model.context :], mask[:, -model.context :]
        cache = cache if window.shape == tokens.shape else None
        new = window if cache is None else window[:, cache.length :]  # (batch, new)
        with evaluating(modules):
            logits = model.next_logits(tl.tensor(new), None if seen.all() else tl.tensor(seen), cache)
        chosen = choose(logits, settings, random)  # (batch, vocab_size) -> (batch,)
        for token in settings["stop"]:
            running = running & (chosen != token)
        if not running.any():
            return
        yield chosen, running
        tokens = np.concatenate([tokens, np.where(running, chosen, 0)[:, None]], axis=1)  # (batch, tokens + 1)
        mask = np.concatenate([mask, running[:, None]], axis=1)


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
        return self.config.longest

    def new_cache(self) -> Cache:
        """An empty key/value cache."""
        return Cache(self.config.layers)

    @explained
    def generate(self, prompt: Prompt, **settings: Any) -> Iterator[int]:
        """Yields the tokens that follow a prompt, one by one.

        - `prompt`: at least one token, such as one that starts a text; a list, array or Tensor of shape (tokens,).
        - `max_new_tokens`: the most tokens to yield, by default 100.
        - `temperature` (1), `top_k`, `top_p` (None): see `probabilities`; temperature 0 is greedy.
        - `stop`: a token or several, any of which ends the text and is not yielded. That of a special token is
          `model.tokenizer.special_tokens["<|im_end|>"]`. By default T5 and BART stop at their config's, a GPT and a
          Llama at none (in `chat` where the message ends).
        - `seed`: for a random stream of its own; None uses the one that `tl.manual_seed` seeds.
        - `cached`: use a key/value cache, as by default. Without it the tokens are the same, but slower.

        Beyond the context the model sees the last `context` tokens.
        Raises at once: ValueError for invalid settings or an empty prompt, TypeError for an unknown setting or one of a
        wrong type, IndexError for a token, in the prompt or in `stop`, outside the vocabulary.
        """
        return (int(tokens[0]) for tokens, _ in self._begun([prompt], settings))  # the steps end with the text

    def generate_batch(self, prompts: Iterable[Prompt], **settings: Any) -> list[list[int]]:
        """The tokens that follow each of several prompts, of any lengths, generated in parallel.

        Settings and errors: see `generate`.
        """
        prompts = list(prompts)
        rows: list[list[int]] = [[] for _ in prompts]
        for tokens, running in self._begun(prompts, settings):
            for row, token, runs in zip(rows, tokens.tolist(), running, strict=True):
                if runs:
                    row.append(token)
        return rows

    def chat(self, messages: Messages, **settings: Any) -> Iterator[str]:
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
        settings = {"max_new_tokens": 500, **settings}
        checked = checked_settings(settings, self.config.vocab_size)
        settings["stop"] = [*checked["stop"], *tokenizer.ends]
        room = self.context - min(checked["max_new_tokens"], self.context // 2)
        prompt = tokenizer.encode_chat(messages, room)
        if len(prompt) >= self.context:
            raise ValueError(f"chat: the last message takes {len(prompt)} tokens, and the context is {self.context}")
        return tokenizer.stream(self.generate(prompt, **settings), skip_special_tokens=True)

    def _begun(self, prompts: Iterable[Prompt], given: Settings) -> Iterator[Step]:
        """The `draws` after prompts. Raises as `generate` does, before the first token is asked for."""
        settings = checked_settings(given, self.config.vocab_size)
        tokens, mask = pad_prompts(prompts)
        check_vocabulary(tokens, self.config.vocab_size)
        return draws(self, tokens, mask, settings)


def pad_prompts(prompts: Iterable[Prompt]) -> tuple[Array, Array]:
    """Prompts of any lengths as tokens and padding mask, (batch, tokens) each, padded on the left with 0.

    Raises ValueError for no prompts or an empty one, TypeError for anything but integers.
    """
    rows = [_row(prompt) for prompt in prompts]
    if not rows:
        raise ValueError("generate_batch: there are no prompts")
    real = [np.ones(row.size, np.bool_) for row in rows]
    tokens, mask = (pad_sequence(each, True, padding_side="left").numpy() for each in (rows, real))
    return tokens, mask


def _row(prompt: Any) -> Array:
    row = to_host(as_tokens(prompt).array).astype(np.int64)
    if row.ndim != 1:
        raise ValueError(f"prompt: must be one row of tokens, got shape {row.shape}; generate_batch takes several")
    return row
