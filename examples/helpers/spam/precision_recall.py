"""How good a filter is, where accuracy alone would not tell: precision, recall, and the threshold between them.

                      called spam      let through
    spam              found            missed             recall = found / (found + missed)
    ham               lost             kept               precision = found / (found + lost)

`scores` are numbers that are the higher the more a message looks like spam; from a threshold on it is called spam. A
lower threshold finds more spam and loses more ham. The curve has the precision and recall of every threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Counts:
    """How many messages of each kind went which way."""

    found: int  # spam called spam
    missed: int  # spam let through
    lost: int  # ham called spam
    kept: int  # ham let through

    @property
    def accuracy(self) -> float:
        """The part of all messages that went the right way."""
        return (self.found + self.kept) / (self.found + self.missed + self.lost + self.kept)

    @property
    def precision(self) -> float:
        """The part of what was called spam that is spam; nan if nothing was."""
        called = self.found + self.lost
        return self.found / called if called else float("nan")

    @property
    def recall(self) -> float:
        """The part of the spam that was found; nan if there is none."""
        spam = self.found + self.missed
        return self.found / spam if spam else float("nan")


def count(called: NDArray[np.bool_], spam: NDArray[np.bool_]) -> Counts:
    """Compare what was called spam with what is spam, both (n,)."""
    pairs = ((called, spam), (~called, spam), (called, ~spam), (~called, ~spam))
    return Counts(*(int(np.count_nonzero(a & b)) for a, b in pairs))


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall at every threshold that makes a difference, highest threshold first; each (thresholds,)."""

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def average_precision(self) -> float:
        """The area under precision against recall, as steps: 1 for a filter that puts all spam above all ham."""
        return float(np.sum(np.diff(self.recall, prepend=0) * self.precision))

    def best(self, precision: float) -> int:
        """The place of the threshold with the most recall of those with at least that precision.

        Where no threshold has it, the place of the highest precision there is.
        """
        enough = self.precision >= precision
        if not enough.any():
            return int(self.precision.argmax())
        return int(np.where(enough, self.recall, -1).argmax())


def curve(scores: NDArray[Any], spam: NDArray[np.bool_]) -> Curve:
    """The curve of scores (n,) of messages that are spam or not, (n,). Raises ValueError if none is."""
    if not spam.any():
        raise ValueError("curve: there is no spam among the messages, so there is no recall")
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    last = np.append(ordered[1:] != ordered[:-1], True)  # equal scores are called spam together
    found = np.cumsum(spam[order])[last]
    called = np.flatnonzero(last) + 1
    return Curve(ordered[last], found / called, found / spam.sum())


def choose_threshold(scores: NDArray[np.float64], spam: NDArray[np.bool_], precision: float) -> float:
    """The threshold that finds most spam while at least that part of what it calls spam is spam.

    Halfway to the next lower score, so that it does not hang on one message.
    """
    points = curve(scores, spam)
    place = points.best(precision)
    below = points.thresholds[place + 1] if place + 1 < len(points.thresholds) else points.thresholds[place]
    return float((points.thresholds[place] + below) / 2)
