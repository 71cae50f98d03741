"""How good a model is: its mean loss over some batches, and how often it is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tinygrad_lecture import Tensor

from ..errors.checks import as_tensor
from ..module import Module
from ..stateless import evaluating


class Batches(Protocol):
    """Tuples (*inputs, targets); a DataLoader, or a list of such tuples."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Scores:
    """The mean loss over all rows and, where it was asked for, which part of the answers were right."""

    loss: float
    accuracy: float | None = None

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f"   accuracy {self.accuracy:.1%}"
        return f"loss {self.loss:.4f}{accuracy}"


def evaluate(model: Module, batches: Batches, loss: Callable[..., Tensor], *, accuracy: bool = False) -> Scores:
    """The scores of a model on batches, without learning from them; its modes (train or eval) are as before.

    The loss is the mean over all batches, by what each counts (see `count_of`).
    accuracy: count how often the largest output, (rows, ..., classes), is at the target, (rows, ...).
    Raises ValueError if there are no batches.
    """
    tally = Tally(accuracy)
    with evaluating(model):
        for *inputs, targets in batches:
            outputs = model(*inputs)
            tally.add(outputs, targets, loss(outputs, targets), count_of(loss, targets), loss)
    return tally.scores()


def count_of(loss: Callable[..., Tensor], targets: Any) -> Any:
    """How much a mini-batch counts in the mean over several: what a loss's own `count(targets)` says, else its rows.

    nn's losses say it: of cross-entropy, the targets that are not ignored, each by its class's weight. A number or,
    where it has to be computed on a device, a 0-d Tensor; None for a sum, which is not divided.
    """
    if getattr(loss, "reduction", "mean") == "sum":
        return None
    count = getattr(loss, "count", None)
    counted = len(targets) if count is None else count(targets)
    if isinstance(counted, Tensor) and counted.device == "cpu":
        return counted.item()
    return counted


class Tally:
    """Running sums of the loss and of the right answers, kept on the device: a GPU is waited for only to read them."""

    def __init__(self, accuracy: bool) -> None:
        self.accuracy = accuracy
        self.batches = 0
        self.answers: Any = 0
        self.loss: Any = 0.0
        self.count: Any = 0
        self.right: Any = 0

    @property
    def finite(self) -> bool:
        """Whether all losses were numbers; a GPU is waited for."""
        return math.isfinite(float(self.loss))

    def add(self, outputs: Tensor, targets: Any, cost: Tensor, count: Any, loss: Any = None) -> None:
        """Count one batch: outputs (rows, ..., classes), targets (rows, ...), its cost, and what `count_of` says.

        loss: what the cost is by; its `class_axis` and `ignore_index`, if it has them, say which answers count.
        """
        self.batches += 1
        if not (isinstance(count, int | float) and count == 0):  # else all is ignored, and the mean of nothing is nan
            total = cost.array.astype(np.float64)  # float32 would lose small losses in the sum
            n = count.array.astype(np.float64) if isinstance(count, Tensor) else count
            self.loss = self.loss + (total if n is None else total * n)
            self.count = self.count + (len(targets) if n is None else n)
        if self.accuracy:
            targets = as_tensor(targets, outputs)
            answers = outputs.array.argmax(getattr(loss, "class_axis", -1) if outputs.ndim > 2 else -1)
            if answers.shape != targets.shape:
                raise ValueError(
                    f"accuracy is for outputs (rows, ..., classes) and the numbers of the right classes (rows, ...), "
                    f"but they are {outputs.shape} and {targets.shape}; for other targets leave accuracy=False"
                )
            counted = targets.array != getattr(loss, "ignore_index", -100)
            self.answers = self.answers + counted.sum()
            self.right = self.right + ((answers == targets.array) & counted).sum()

    def scores(self) -> Scores:
        if not self.batches:
            raise ValueError("there were no batches, and so there are no scores")
        count = float(self.count)
        loss = float(self.loss) / count if count else float("nan")
        answers = float(self.answers)
        accuracy = float(self.right) / answers if answers else float("nan")
        return Scores(loss, accuracy if self.accuracy else None)

    def state_dict(self) -> dict[str, Any]:
        """The sums as plain numbers; a GPU is waited for."""
        return {
            "batches": self.batches,
            "answers": int(self.answers),
            "loss": float(self.loss),
            "count": float(self.count),
            "right": int(self.right),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from sums that `state_dict` returned."""
        self.batches, self.answers = state["batches"], state["answers"]
        self.loss, self.count, self.right = state["loss"], state["count"], state["right"]

    def __str__(self) -> str:
        return str(self.scores())
