"""The training loop: show the network a mini-batch, see how wrong it is, step downhill; again and again.

history = nn.fit(model, batches, nn.CrossEntropyLoss(), optimizer, epochs=10, test=test_batches, accuracy=True)
history.epochs[-1].test_accuracy                    # 0.945
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tinygrad_lecture import Tensor, no_grad

from .interrupt import Interrupt
from .module import Module
from .optim import Optimizer
from .progress import progress


class Batches(Protocol):
    """Pairs (inputs, targets); a DataLoader, or a list of such pairs."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Scores:
    """The mean loss over all rows and, where it was asked for, which part of the rows were classified right."""

    loss: float
    accuracy: float | None = None

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f"   accuracy {self.accuracy:.1%}"
        return f"loss {self.loss:.4f}{accuracy}"


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data brought: the scores while training, on the test data, and the seconds it took."""

    train: Scores
    test: Scores | None
    seconds: float

    def __str__(self) -> str:
        if self.test is None:
            return str(self.train)
        accuracy = self.test.accuracy
        return f"{self.train}   test {f'loss {self.test.loss:.4f}' if accuracy is None else f'{accuracy:.1%}'}"


@dataclass
class History:
    """The epochs of a training; `interrupted` if Ctrl-C ended it, and the last epoch is then not complete."""

    epochs: list[Epoch] = field(default_factory=list)
    interrupted: bool = False


def fit(
    model: Module,
    batches: Batches,
    loss: Callable[[Any, Any], Tensor],
    optimizer: Optimizer,
    epochs: int,
    *,
    test: Batches | None = None,
    accuracy: bool = False,
    show: bool = True,
) -> History:
    """Train a model for some epochs, passes over all batches.

    loss: of (outputs, targets), the mean over the rows.  test: batches to evaluate after each epoch.
    accuracy: count how often the largest output is at the target, a class number.  show: progress on the screen.
    Ctrl-C ends the training after the current step, and what was learnt stays; pressed again, it aborts.
    Raises FloatingPointError when the loss is no longer a number.
    """
    history = History()
    quiet = np.errstate(over="ignore", invalid="ignore")  # the loss is checked instead
    with quiet, Interrupt() as interrupt, progress(epochs, len(batches), show) as display:
        for epoch in range(1, epochs + 1):
            began = time.perf_counter()
            model.train()
            tally = Tally(accuracy)
            for step, (inputs, targets) in enumerate(batches, start=1):
                optimizer.zero_grad()
                outputs = model(inputs)
                cost = loss(outputs, targets)
                cost.backward()
                optimizer.step()

                tally.add(outputs, targets, cost)
                display.step(epoch, step, tally.__str__)
                if interrupt.requested:
                    break

            train = tally.scores()
            if not math.isfinite(train.loss):
                raise FloatingPointError(
                    f"fit: the loss became {train.loss} in epoch {epoch}, and from there nothing can be learnt; "
                    "try a smaller learning rate"
                )
            tested = None if test is None else evaluate(model, test, loss, accuracy=accuracy)
            history.epochs.append(Epoch(train, tested, time.perf_counter() - began))
            display.epoch(epoch, str(history.epochs[-1]))
            if interrupt.requested:
                history.interrupted = True
                break
    return history


def evaluate(model: Module, batches: Batches, loss: Callable[[Any, Any], Tensor], *, accuracy: bool = False) -> Scores:
    """The scores of a model on batches, without learning from them; its mode (train or eval) is as before."""
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            tally = Tally(accuracy)
            for inputs, targets in batches:
                outputs = model(inputs)
                tally.add(outputs, targets, loss(outputs, targets))
    finally:
        model.train(was_training)
    return tally.scores()


class Tally:
    """Running sums of the loss and of the right answers, kept on the device: a GPU is waited for only to read them."""

    def __init__(self, accuracy: bool) -> None:
        self.accuracy = accuracy
        self.rows = self.answers = 0
        self.loss: Any = 0.0
        self.right: Any = 0

    def add(self, outputs: Tensor, targets: Tensor, loss: Tensor) -> None:
        """Count one batch: outputs (rows, ..., classes), targets (rows, ...), its mean loss."""
        rows = len(outputs)
        self.rows += rows
        self.loss = self.loss + loss.array.astype(np.float64) * rows  # float32 would lose small losses in the sum
        if self.accuracy:
            hits = outputs.array.argmax(-1) == targets.array
            self.answers += hits.size
            self.right = self.right + hits.sum()

    def scores(self) -> Scores:
        if not self.rows:
            raise ValueError("there were no batches, and so there are no scores")
        return Scores(float(self.loss) / self.rows, float(self.right) / self.answers if self.accuracy else None)

    def __str__(self) -> str:
        return str(self.scores())
