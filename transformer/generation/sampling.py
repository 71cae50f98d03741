"""Sampling: from logits to probabilities, then a draw."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, is_array, to_host, xp

__all__ = ["probabilities"]


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
    Raises ValueError for temperature < 0, top_k < 1, or top_p outside (0, 1]; TypeError for anything but numbers, or a
    top_k that is not an integer.
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


SETTINGS: dict[str, tuple[Any, type, Callable[[Any], bool], str]] = {  # -> its default, type, range, both in words
    "max_new_tokens": (100, Integral, lambda n: n >= 0, "an integer of at least 0"),
    "temperature": (1.0, Real, lambda t: 0 <= t < np.inf, "a number, at least 0 (greedy) and finite"),
    "top_k": (None, Integral, lambda k: k >= 1, "an integer of at least 1, or None"),
    "top_p": (None, Real, lambda p: 0 < p <= 1, "a number above 0 and at most 1, or None"),
    "seed": (None, Integral, lambda s: s >= 0, "an integer of at least 0, or None"),
}


def check_settings(**given: Any) -> None:
    """Raises TypeError for a setting of another type than in SETTINGS, ValueError for one out of its range."""
    for name, value in given.items():
        default, kind, fits, wanted = SETTINGS[name]
        if value is None and default is None:
            continue
        if not isinstance(value, kind) or not fits(value):
            error = ValueError if isinstance(value, kind) else TypeError
            raise error(f"{name} must be {wanted}, got {value!r}")


def choose(
    logits: Tensor, temperature: float, top_k: int | None, top_p: float | None, random: np.random.Generator
) -> Array:
    """One token per row, drawn from `probabilities`: (batch, vocab_size) -> (batch,), on the host.

    Raises ValueError for logits that are nan or inf.
    """
    if temperature > 0:
        return draw(probabilities(logits, temperature, top_k, top_p), random)
    scores = to_host(logits.array)  # greedy: without the detour over probabilities of 0 and 1
    _check(scores.max(axis=-1))
    return scores.argmax(axis=-1)


def draw(p: Tensor, random: np.random.Generator) -> Array:
    """One token per row, drawn from its probabilities: (batch, vocab_size) -> (batch,), on the host.

    Raises ValueError for probabilities that are nan.
    """
    sums = np.cumsum(to_host(p.array), axis=-1, dtype=np.float64)  # (batch, vocab_size)
    _check(sums[:, -1])
    u = random.random((len(sums), 1)) * sums[:, -1:]  # (batch, 1), uniform below the last sum
    return (sums <= u).sum(axis=-1)


def _check(rows: Array) -> None:
    """Raises ValueError unless the largest logits, or the sums of the probabilities, are finite."""
    if not np.isfinite(rows).all():
        raise ValueError(
            "sampling: cannot draw a token, because the model's logits are nan or inf. A likely cause is training that "
            "diverged: check the parameters, and train with a smaller learning rate or clipped gradients"
        )
