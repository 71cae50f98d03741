"""Precision and recall of a spam filter, and the threshold that trades one for the other.

                      called spam      let through
    spam              found            missed             recall = found / (found + missed)
    ham               lost             kept               precision = found / (found + lost)

A message is called spam if its score is at least the threshold. A lower threshold finds more spam and loses more ham.
The curve has the precision and recall of every threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Counts:
    """The confusion matrix: how many messages of each kind went which way."""

    found: int  # spam called spam
    missed: int  # spam let through
    lost: int  # ham called spam
    kept: int  # ham let through

    @property
    def accuracy(self) -> float:
        """The share of all messages that went the right way."""
        return (self.found + self.kept) / (self.found + self.missed + self.lost + self.kept)

    @property
    def precision(self) -> float:
        """The share of spam among the messages called spam; nan if there are none."""
        called = self.found + self.lost
        return self.found / called if called else float("nan")

    @property
    def recall(self) -> float:
        """The share of the spam that was found; nan if there is none."""
        spam = self.found + self.missed
        return self.found / spam if spam else float("nan")


def count(called: NDArray[np.bool_], spam: NDArray[np.bool_]) -> Counts:
    """Count the messages called spam, (n,), against those that are spam, (n,)."""
    pairs = ((called, spam), (~called, spam), (called, ~spam), (~called, ~spam))
    return Counts(*(int(np.count_nonzero(a & b)) for a, b in pairs))


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall at every distinct threshold, highest first; each (thresholds,)."""

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def curve(scores: NDArray[Any], spam: NDArray[np.bool_]) -> Curve:
    """Return the curve of scores (n,) for labels (n,). Raises ValueError if no message is spam."""
    if not spam.any():
        raise ValueError("curve: there is no spam among the messages, so recall is undefined")
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    last = np.append(ordered[1:] != ordered[:-1], True)  # equal scores share a threshold
    found = np.cumsum(spam[order])[last]
    called = np.flatnonzero(last) + 1
    return Curve(ordered[last], found / called, found / spam.sum())
