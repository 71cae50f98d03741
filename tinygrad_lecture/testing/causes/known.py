"""`Mistake`: a mistake with a sentence, and what an answer that makes it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calls import positional
from ..search import Args


@dataclass(frozen=True)
class Mistake:
    """A typical mistake. fn: the answer with the mistake, called as the answer itself. hint: its short name."""

    hint: str
    cause: str
    fn: Callable[..., Any]


def known_mistake(
    mistakes: Sequence[Mistake], got: Callable[[Args], Any], right: Callable[[Args], Any], telling: Sequence[Args]
) -> Mistake | None:
    """The mistake that explains what was got on all of the arguments `telling`, and differs from `right` on one.

    got, right: from arguments to results.
    """
    examples = [(args, result) for args in telling if (result := _result(got, args)) is not None]
    if not examples:
        return None
    for mistake in mistakes:
        try:
            mistaken = [_call(mistake.fn, args) for args, _ in examples]
        except Exception:  # the mistake does not run for this input, so it is not this one
            continue
        pairs = list(zip(examples, mistaken, strict=True))
        if all(close(result, wrong) for (_, result), wrong in pairs) and any(
            not close(_result(right, args), wrong) for (args, _), wrong in pairs
        ):
            return mistake
    return None


def close(a: Any, b: Any) -> bool:
    """Whether two results agree: arrays to five digits, tuples part by part, everything else exactly."""
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, (int, float, np.ndarray, np.generic)) and isinstance(b, (int, float, np.ndarray, np.generic)):
        x, y = np.asarray(a), np.asarray(b)
        return x.shape == y.shape and bool(np.allclose(x, y, rtol=1e-5, atol=1e-7, equal_nan=True))
    return bool(type(a) is type(b) and a == b)


def _call(fn: Callable[..., Any], args: Args) -> Any:
    plain, settings = positional(args)
    with np.errstate(all="ignore"):
        return fn(*plain, **settings)


def _result(fn: Callable[[Args], Any], args: Args) -> Any:
    try:
        return fn(args)
    except Exception:  # what cannot be computed is compared with nothing
        return None
