"""Training the spam filter: its cost, and cross-validation, which sets the number of epochs and the threshold.

    trained = train(documents, spam, keys, Settings(), precision=0.98)
    trained.filter                      # trained on all messages
    trained.validation.probabilities    # of each message, by a network that was not trained on it

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
    """Settings of the training."""

    features: str = "tfidf"  # or "bag"
    hidden: Sequence[int] = (32,)
    epochs: int = 20  # at most
    lr: float = 0.002


class Learner:
    """A new filter and the messages it learns from; each spam counts `spam_weight` times.

    The cost is the cross-entropy of the network's output z: -log sigmoid(z) for spam, -log(1 - sigmoid(z)) for ham.
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
        """Train for `epochs` epochs, with further settings of a Trainer. Ctrl-C ends it early."""
        trainer = nn.Trainer(
            self.filter.model, self.batches, self.loss, self.optimizer, epochs=epochs, show=False, **settings
        )
        return trainer.fit()


@dataclass
class Part:
    """One fold of the cross-validation: a network's losses, trained on the other parts and tested on this one."""

    losses: list[tuple[float, float]] = field(default_factory=list)  # (training, test) after each epoch
    interrupted: bool = False

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest test loss; the first is 1."""
        return 1 + min(range(len(self.losses)), key=lambda epoch: self.losses[epoch][1])


@dataclass
class Validation:
    """The cross-validation: probabilities for messages from networks that were not trained on them."""

    probabilities: NDArray[np.float64]  # (n,), nan for those that Ctrl-C left out
    parts: list[Part] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """The best number of epochs: the mean over the parts."""
        return round(sum(part.best_epoch for part in self.parts) / len(self.parts))


@dataclass
class Trained:
    """The result of the training. weighted: a twin of the filter for which spam counts more than ham."""

    filter: SpamFilter
    validation: Validation | None = None  # None for a loaded filter
    weighted: SpamFilter | None = None
    finished: bool = True  # False if Ctrl-C came before the end of the filter's training


def train(
    documents: list[list[str]], spam: NDArray[np.bool_], keys: list[str], settings: Settings, precision: float
) -> Trained:
    """Train a filter and choose its threshold for this precision. keys: messages with the same key are duplicates.

    After Ctrl-C the filter is the network in training at that moment.
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
    """Train on the messages that are not judged, and fill in the probabilities of those that are.

    Early stopping: an overfitting network gets worse on unseen messages while it still improves on those it learns
    from. Training stops there, and the probabilities are those of the best epoch.
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
    """Return targets (n, 1): 1 for spam, 0 for ham."""
    return tl.tensor(spam[:, None].astype(np.float32))
