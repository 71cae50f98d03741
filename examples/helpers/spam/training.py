"""How the spam filter learns: its cost, and cross-validation, which says when to stop and where to put the threshold.

    trained = train(documents, spam, keys, Settings(), precision=0.98)
    trained.filter                      # learnt from all of the messages
    trained.validation.probabilities    # what networks said of those of them that they had not learnt from

Used by 11_spam.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from helpers.spam.features import Vectorizer
from helpers.spam.filter import SpamFilter
from helpers.spam.precision_recall import choose_threshold
from helpers.spam.sms import deal

PARTS = 5  # of the messages to learn from
PATIENCE = 3  # epochs without a new best
BATCH = 32


@dataclass(frozen=True)
class Settings:
    """How to learn."""

    features: str = "tfidf"  # or "bag"
    hidden: Sequence[int] = (32,)
    epochs: int = 20  # at most
    lr: float = 0.002


class Learner:
    """A new filter, and the messages it learns from; each spam counts `spam_weight` times.

    The cost of a message is -log of the probability that the network gives to what it is: -log sigmoid(z) for spam, z
    the network's output, and -log(1 - sigmoid(z)) for ham.
    """

    def __init__(
        self, documents: list[list[str]], spam: NDArray[np.bool_], settings: Settings, spam_weight: float = 1.0
    ) -> None:
        vectorizer = Vectorizer.learn(documents, settings.features)
        self.filter = SpamFilter(vectorizer, list(settings.hidden))
        rows = tl.tensor(vectorizer(documents))  # (n, vocabulary)
        self.batches = nn.DataLoader(nn.TensorDataset(rows, column(spam)), BATCH, shuffle=True)
        self.loss = nn.BCEWithLogitsLoss(pos_weight=tl.tensor(spam_weight))
        self.optimizer = nn.optim.Adam(self.filter.model.parameters(), settings.lr)

    def learn(self, epochs: int, **settings: Any) -> nn.History:
        """Learn from all messages so many times, or with the settings of a Trainer. Ctrl-C ends it early."""
        trainer = nn.Trainer(
            self.filter.model, self.batches, self.loss, self.optimizer, epochs=epochs, show=False, **settings
        )
        return trainer.fit()


@dataclass
class Part:
    """How a network learnt from all parts but this one, and how well it judged this one after each epoch."""

    losses: list[tuple[float, float]] = field(default_factory=list)  # of the messages learnt from, of those judged
    interrupted: bool = False

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest loss of the judged; the first is 1."""
        return 1 + min(range(len(self.losses)), key=lambda epoch: self.losses[epoch][1])


@dataclass
class Validation:
    """What networks say of messages that they have not learnt from."""

    probabilities: NDArray[np.float64]  # (n,), nan where Ctrl-C came before
    parts: list[Part] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """The best number of epochs, mean of the parts."""
        return round(sum(part.best_epoch for part in self.parts) / len(self.parts))


@dataclass
class Trained:
    """What came of the training; `weighted` is a twin of the filter that was told to mind spam more than ham."""

    filter: SpamFilter
    validation: Validation | None = None  # of a filter that was loaded there is none
    weighted: SpamFilter | None = None
    finished: bool = True  # False if Ctrl-C came before the filter had learnt to the end


def train(
    documents: list[list[str]], spam: NDArray[np.bool_], keys: list[str], settings: Settings, precision: float
) -> Trained:
    """Train a filter that is to have at least this precision. keys: messages with the same one are copies.

    After Ctrl-C the filter is the one that was learning, with what it has learnt.
    """
    print(f"\nTraining {PARTS} networks, each on all but one part of the messages, which it then judges:")
    validation = Validation(np.full(len(documents), np.nan))
    number = deal(keys, spam, PARTS, seed=0)  # the part of each message
    for k in range(PARTS):
        learner, part = _learn_all_but(number == k, documents, spam, settings, validation.probabilities)
        validation.parts.append(part)
        trained, interrupted = Trained(learner.filter, validation, finished=False), part.interrupted
        if interrupted:
            break
        print(
            f"  without part {k + 1}: best after {part.best_epoch} of {len(part.losses)} epochs, "
            f"loss {part.losses[part.best_epoch - 1][1]:.4f}",
            flush=True,
        )

    if not interrupted:
        epochs = validation.best_epoch
        print(f"Training the filter itself on all {len(documents):,} messages, {epochs} epochs.", flush=True)
        learner = Learner(documents, spam, settings)
        interrupted = learner.learn(epochs).interrupted
        trained = Trained(learner.filter, validation, finished=not interrupted)
    if not interrupted:
        weight = float((~spam).sum() / spam.sum())
        print(f"Training a twin for which each spam counts {weight:.1f} times, as if there were as many as ham.")
        learner = Learner(documents, spam, settings, weight)
        interrupted = learner.learn(epochs).interrupted
        trained.weighted = None if interrupted else learner.filter
    if interrupted:
        print("Ended by Ctrl-C; what was learnt so far is kept.")

    judged = ~np.isnan(validation.probabilities)
    trained.filter.threshold = choose_threshold(validation.probabilities[judged], spam[judged], precision)
    trained.filter.precision = precision
    return trained


def _learn_all_but(
    judged: NDArray[np.bool_],
    documents: list[list[str]],
    spam: NDArray[np.bool_],
    settings: Settings,
    probabilities: NDArray[np.float64],
) -> tuple[Learner, Part]:
    """Learn from the messages that are not to be judged, then fill in the probabilities of those that are.

    A network that has had enough gets worse at what it has not seen, while it still gets better at what it has. So it
    is stopped there, and what counts is what it said in its best epoch.
    """
    learner = Learner([documents[i] for i in np.flatnonzero(~judged)], spam[~judged], settings)
    rows = learner.filter.vectorizer([documents[i] for i in np.flatnonzero(judged)])

    def keep_the_best(trainer: nn.Trainer) -> None:
        if trainer.history.best == len(trainer.history) - 1:
            probabilities[judged] = learner.filter.judge(rows)

    test = [(tl.tensor(rows), column(spam[judged]))]
    history = learner.learn(settings.epochs, test=test, patience=PATIENCE, on_record=keep_the_best)
    if history.best is None:  # Ctrl-C came before the first epoch was over
        probabilities[judged] = learner.filter.judge(rows)
    return learner, Part(list(zip(history.train_loss, history.test_loss, strict=True)), history.interrupted)


def column(spam: NDArray[np.bool_]) -> tl.Tensor:
    """(n, 1): 1 for spam, 0 for ham."""
    return tl.tensor(spam[:, None].astype(np.float32))
