"""From logits to the next token: probabilities, then a draw."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, is_array, xp


def probabilities(
    logits: Any, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """softmax(logits / temperature), of the most probable tokens alone: (..., vocab_size) -> (..., vocab_size).

    temperature: below 1 the probable becomes more probable; 0 is greedy, all for the largest logit, and so is what is
    0 in the dtype of the logits.
    top_k: only the k largest keep a probability.
    top_p: after that, only the fewest that together have at least top_p (Holtzman et al., arXiv:1904.09751).
    What is left is scaled to sum to 1. Of equal logits the one with the smaller number comes first.
    A row in which a logit is nan or inf, or all are -inf, becomes nan.
    Raises ValueError for a temperature below 0, a top_k below 1, a top_p outside of (0, 1]; TypeError for a top_k
    that is not whole, and for what is no number.
    """
    check_settings(temperature, top_k, top_p)
    top_p = None if top_p == 1 else top_p
    if not isinstance(logits, Tensor):
        logits = tl.tensor(logits if is_array(logits) else np.asarray(logits, dtype=tl.get_default_dtype()))
    if logits.dtype.kind != "f":
        logits = logits.to(dtype=tl.get_default_dtype())
    # Where the largest is no number, nor is any probability.
    largest = tl.max(logits, -1, keepdims=True)
    largest = tl.where(tl.isfinite(largest), largest, np.nan)
    # As the dtype has it, which is 0 for 1e-46 in float32.
    temperature = float(logits.dtype.type(min(temperature, float(np.finfo(logits.dtype).max))))
    if temperature == 0:
        best = tl.one_hot(tl.argmax(logits, -1), logits.shape[-1])
        return tl.where(tl.isfinite(largest), best.to(dtype=logits.dtype), np.nan)  # type: ignore[no-any-return]
    below = logits - largest  # at most 0, so that a temperature near 0 gives no inf - inf
    if temperature < 1:  # What would overflow stops before, where exp has long been 0.
        below = tl.maximum(below, -temperature * float(np.finfo(logits.dtype).max) / 2)
    scaled = below / temperature
    if top_k is None and top_p is None:
        return tl.softmax(scaled, -1)  # type: ignore[no-any-return]
    return tl.softmax(tl.where(_kept(scaled.array, top_k, top_p), scaled, -np.inf), -1)  # type: ignore[no-any-return]


def _kept(scores: Array, top_k: int | None, top_p: float | None) -> Array:
    """Which tokens keep a probability: (..., vocab_size), bools. Of equals, the first. Rows of nan are kept whole."""
    lib, size = xp(scores), scores.shape[-1]
    ordered = lib.flip(lib.sort(scores, axis=-1), -1)  # best first
    n: Any = size if top_k is None else min(top_k, size)  # how many are kept
    if top_p is not None:
        p = tl.softmax(ordered[..., :n].astype(np.float64), -1)  # float16 has no room for a sum of small ones
        before = lib.cumsum(p, axis=-1) - p  # what the better ones have together
        n = lib.maximum((before < top_p).sum(axis=-1, keepdims=True), 1)  # (..., 1)
    least = ordered[..., n - 1 : n] if top_p is None else lib.take_along_axis(ordered, n - 1, -1)
    above, level = scores > least, scores == least
    room = n - above.sum(axis=-1, keepdims=True)  # for those that are level with the last one
    return above | (level & (lib.cumsum(level, axis=-1) <= room)) | lib.isnan(scores)


def check_settings(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raises ValueError for settings that `probabilities` does not take, TypeError for what are no numbers."""
    for name, value, kind in (("temperature", temperature, Real), ("top_k", top_k, Integral), ("top_p", top_p, Real)):
        if not isinstance(value, kind) and (value is not None or name == "temperature"):
            raise TypeError(f"{name} is a {'whole ' if kind is Integral else ''}number, not {value!r}")
    if not 0 <= temperature < np.inf:
        raise ValueError(f"temperature is a number from 0 (greedy) on, not {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is how many tokens may be drawn, at least 1, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is a probability above 0 and at most 1, not {top_p}")


def draw(p: Tensor, random: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A token of each row of probabilities, (batch, vocab_size) -> (batch,), on the host.

    Raises ValueError for probabilities that are nan, which logits of nan or inf make.
    """
    sums = np.cumsum(p.numpy(), axis=-1, dtype=np.float64)
    if np.isnan(sums[:, -1]).any():
        raise ValueError(
            "no token can be drawn: the model's logits are nan or inf, as are those of a model whose training "
            "diverged; look at its weights, and train with a smaller learning rate or clipped gradients"
        )
    mark = random.random((len(sums), 1)) * sums[:, -1:]
    return (sums <= mark).sum(axis=-1)  # type: ignore[no-any-return]
