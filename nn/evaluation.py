"""How good a model is: its mean loss over some batches, and how often it is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tinygrad_lecture import Tensor, no_grad

from .module import Module


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

    accuracy: count how often the largest output, (rows, ..., classes), is at the target, (rows, ...).
    Raises ValueError if there are no batches.
    """
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with no_grad():
            tally = Tally(accuracy)
            for *inputs, targets in batches:
                outputs = model(*inputs)
                tally.add(outputs, targets, loss(outputs, targets))
    finally:
        for module in training:
            module.training = True
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
        rows = len(targets)
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

    def state_dict(self) -> dict[str, Any]:
        """The sums as plain numbers; a GPU is waited for."""
        return {"rows": self.rows, "answers": self.answers, "loss": float(self.loss), "right": int(self.right)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from sums that `state_dict` returned."""
        self.rows, self.answers, self.loss, self.right = (state[k] for k in ("rows", "answers", "loss", "right"))

    def __str__(self) -> str:
        return str(self.scores())
