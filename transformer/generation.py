"""Autoregressive generation: the settings, and from logits to the next token.

    adjusted            logits -> logits, by what the text says already
    probabilities       logits -> probabilities: temperature, then top_k, top_p, min_p
    draw                probabilities -> a token

The order is that of `transformers`. language_model.py has the loop that appends the token and goes on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, TypedDict

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, is_array, to_host, xp

__all__ = ["probabilities"]

# --- from logits to probabilities, then a draw ----------------------------------------------------------------


def adjusted(logits: Tensor, texts: Array, mask: Array, settings: Settings, last: bool) -> Tensor:
    """Logits, by what the texts say already: (batch, vocab_size) -> (batch, vocab_size).

    - `texts`, `mask`: prompts and texts so far, (batch, tokens); False in the mask for padding.
    - `settings`: with a `repetition_penalty`, the logit of a token that the text has is divided by it or, below 0,
      multiplied (Keskar et al., arXiv:1909.05858). With `forced_eos` that is the only token possible as the last.
    - `last`: whether no other token may follow.
    """
    penalty, forced = settings["repetition_penalty"], settings["forced_eos"]
    if last and forced is not None:
        is_forced = tl.arange(logits.shape[-1], device=logits.device) == forced  # (vocab_size,)
        return tl.where(is_forced, tl.zeros_like(logits), -np.inf)
    if penalty == 1:
        return logits
    seen, (rows, places) = np.zeros(logits.shape, np.bool_), np.nonzero(mask)
    seen[rows, texts[rows, places]] = True
    penalized = tl.where(logits < 0, logits * penalty, logits / penalty)
    return tl.where(tl.tensor(seen, device=logits.device), penalized, logits)


def probabilities(
    logits: Any,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> Tensor:
    """softmax(logits / temperature), restricted to the most probable tokens: (..., vocab_size) -> (..., vocab_size).

    - `logits`: a Tensor, array or list; the result has its dtype if that is a float.
    - `temperature`: below 1 sharpens the distribution, above 1 flattens it. 0, also after rounding to the dtype, is
      greedy: the largest logit gets probability 1.
    - `top_k`: keeps the k largest logits.
    - `top_p`: of these, keeps the smallest set whose probabilities sum to at least top_p (nucleus sampling; Holtzman et
      al., arXiv:1904.09751).
    - `min_p`: of these, keeps those at least min_p times as probable as the likeliest (Nguyen et al.,
      arXiv:2407.01082).

    The kept probabilities are rescaled to sum to 1. Among equal logits the smaller token id comes first.
    A row becomes nan if one of its logits is nan or inf, or all are -inf.
    Raises ValueError for temperature < 0, top_k < 1, top_p outside (0, 1], or min_p outside [0, 1]; TypeError for
    anything but numbers, or a top_k that is not an integer.
    """
    check_settings(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
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
    if min_p:  # the likeliest is at 0
        scaled = tl.where(scaled.array < number(np.log(min_p)), -np.inf, scaled)
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
        kept = settings["top_k"], settings["top_p"], settings["min_p"]
        return draw(probabilities(logits, settings["temperature"], *kept), random)
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


class Settings(TypedDict, total=False):
    """How tokens are chosen; see `LanguageModel.generate`."""

    max_new_tokens: int
    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    stop: int | str | Iterable[int | str] | None
    seed: int | None
    repetition_penalty: float
    forced_eos: int | None
    num_beams: int
    length_penalty: float
    cached: bool


SETTINGS: dict[str, tuple[Any, type, Callable[[Any], bool], str]] = {  # -> its default, type, range, both in words
    "max_new_tokens": (100, Integral, lambda n: n >= 0, "an integer of at least 0"),
    "temperature": (1.0, Real, lambda t: 0 <= t < np.inf, "a number, at least 0 (greedy) and finite"),
    "top_k": (None, Integral, lambda k: k >= 1, "an integer of at least 1, or None"),
    "top_p": (None, Real, lambda p: 0 < p <= 1, "a number above 0 and at most 1, or None"),
    "min_p": (None, Real, lambda p: 0 <= p <= 1, "a number from 0 to 1, or None"),
    "seed": (None, Integral, lambda s: s >= 0, "an integer of at least 0, or None"),
    "repetition_penalty": (1.0, Real, lambda r: 0 < r < np.inf, "a number above 0, such as 1.2, and finite"),
    "forced_eos": (None, Integral, lambda token: token >= 0, "a token, or None"),
    "num_beams": (1, Integral, lambda n: n >= 1, "an integer of at least 1"),
    "length_penalty": (1.0, Real, lambda p: -np.inf < p < np.inf, "a finite number"),
}

DRAWING = ("temperature", "top_k", "top_p", "min_p", "seed")
DEFAULTS: Any = {name: default for name, (default, *_) in SETTINGS.items()} | {"stop": None, "cached": True}


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
            raise TypeError(f"generation has no setting {name!r}; the settings are {', '.join(DEFAULTS)}")
    settings: Settings = DEFAULTS | given
    check_settings(**{name: value for name, value in settings.items() if name in SETTINGS})
    settings["stop"] = stop = _stops(settings["stop"])
    for name, token in (*(("stop", each) for each in stop), ("forced_eos", settings["forced_eos"])):
        if isinstance(token, int) and not 0 <= token < vocab_size:
            raise IndexError(f"{name}: token {token} is not in the vocabulary, whose tokens are 0 to {vocab_size - 1}")
    if settings["num_beams"] == 1 and settings["length_penalty"] != 1:
        raise ValueError("length_penalty: compares the texts of a beam search; set num_beams too, or leave it out")
    if drawn := [name for name in DRAWING if settings["num_beams"] > 1 and given.get(name)]:
        raise ValueError(f"num_beams: a beam search draws nothing; leave out {', '.join(drawn)}, or num_beams")
    return settings


def _stops(stop: Any) -> list[int | str]:
    if stop is None:
        return []
    held = stop.numpy() if isinstance(stop, Tensor) else stop
    single = isinstance(held, str) or (
        np.ndim(held) == 0 if isinstance(held, np.ndarray) else not isinstance(held, Iterable)
    )
    try:
        stops = [each if isinstance(each, str) else operator.index(each) for each in ([held] if single else held)]
    except TypeError:
        raise TypeError(
            f'stop: give ids, such as model.tokenizer.special_tokens["<|im_end|>"], or texts, got {stop!r}'
        ) from None
    if "" in stops:
        raise ValueError("stop: a text must not be empty")
    return stops
