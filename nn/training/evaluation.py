"""Evaluation: mean loss and accuracy of a model over batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import brief

from ..errors import is_data
from ..module import Module
from ..module_calls import evaluating
from ..parallel.sharing import in_one_order, of_own_rows
from ..parallel.workers import Group


class Batches(Protocol):
    """Tuples (*inputs, targets), with a length: a DataLoader, or a list."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Scores:
    """Mean loss over all rows, and accuracy (share of right answers) if it was asked for."""

    loss: float
    accuracy: float | None = None

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f"   accuracy {self.accuracy:.1%}"
        return f"loss {self.loss:.4f}{accuracy}"


def evaluate(
    model: Module,
    batches: Batches,
    loss: Callable[..., Tensor],
    *,
    accuracy: bool = False,
    workers: Group | None = None,
) -> Scores:
    """The scores of a model on batches, in evaluation mode and without recording; the mode is restored.

    The loss is the mean over all batches, each weighted by `count_of`.

    - `accuracy`: compare the argmax of the outputs `(rows, ..., classes)` with the targets `(rows, ...)`.
    - `workers`: a group (`nn.parallel.group()`) whose workers share the rows; all call this, and get the same scores.

    Raises ValueError if there are no batches, or for a dataset, or for one batch alone.
    """
    if complaint := not_batches("batches", batches):
        raise ValueError(f"evaluate: {complaint}")
    metrics = RunningMetrics(accuracy)
    workers = workers or Group()
    with evaluating(model):
        for batch in of_own_rows(in_one_order(batches, workers), workers):
            check_batch("evaluate", batch)
            *inputs, targets = batch
            outputs = model(*inputs)
            metrics.add(outputs, targets, loss(outputs, targets), count_of(loss, targets), loss)
    return metrics.of_all(workers).scores()


def not_batches(name: str, given: Any) -> str | None:
    """Why an argument is not batches, as a sentence; None if it may be."""
    loader = "nn.DataLoader(dataset, batch_size=32)"
    if isinstance(given, type):
        return f"{name} is the class {given.__name__}; make one, as in {loader}"
    if is_data(given):
        return f"{name} is {brief(given)}, not batches; write {loader} with dataset = nn.TensorDataset(inputs, targets)"
    if hasattr(given, "takes_many"):
        return f"{name} is a dataset, which gives single rows; write {loader}"
    if isinstance(given, (tuple, list)) and len(given) and is_data(given[0]):
        return f"{name} is one batch, not a list of them; put it in a list, as in {name}=[(inputs, targets)]"
    return None


def check_batch(name: str, batch: Any) -> None:
    """Raises ValueError unless a batch is a tuple (*inputs, targets)."""
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise ValueError(
            f"{name}: a batch must be (inputs, targets), not {brief(batch)}; of an autoencoder, nn.TensorDataset(x, x)"
        )


def count_of(loss: Callable[..., Tensor], targets: Any) -> Any:
    """The weight of a mini-batch in a mean over several: `loss.count(targets)`, or the rows if a loss has no `count`.

    nn's losses have it. For cross-entropy it is the number of targets that are not ignored, or the sum of their class
    weights. Returns a number, or a 0-d Tensor if it is computed on another device; None for reduction="sum", which
    divides by nothing.
    """
    if getattr(loss, "reduction", "mean") == "sum":
        return None
    count = getattr(loss, "count", None)
    counted = len(targets) if count is None else count(targets)
    if isinstance(counted, Tensor) and counted.device == "cpu":
        return counted.item()
    return counted


def is_empty(count: Any) -> bool:
    """Whether all targets of a mini-batch are ignored: its loss is the mean of nothing, NaN."""
    return isinstance(count, int | float) and count == 0


def share_of(count: Any, counts: Sequence[Any], cost: Tensor) -> Any:
    """count / sum(counts): a mini-batch's share of an accumulated step, in the dtype of `cost` if it is a Tensor."""
    share = count / sum(counts)
    return share.to(dtype=cost.dtype) if isinstance(share, Tensor) else share


SUMS: dict[str, type[int] | type[float]] = {"batches": int, "answers": int, "loss": float, "count": float, "right": int}


class RunningMetrics:
    """Running sums of loss and right answers, kept on the device: only reading them waits for a GPU."""

    def __init__(self, accuracy: bool) -> None:
        self.accuracy, self.batches, self.loss = accuracy, 0, 0.0
        zero: Any = 0  # which Tensors are added to
        self.count, self.answers, self.right = zero, zero, zero

    @property
    def finite(self) -> bool:
        """Whether all losses were finite; waits for a GPU."""
        return math.isfinite(float(self.loss))

    def add(self, outputs: Tensor, targets: Any, cost: Tensor, count: Any, loss: Any = None) -> None:
        """Add one batch: outputs `(rows, ..., classes)`, targets `(rows, ...)`, its loss `cost`, and its `count_of`.

        - `loss`: the loss function. The accuracy uses its `class_axis` and `ignore_index`, if it has them.
        """
        self.batches += 1
        if not is_empty(count):
            total = cost.array.astype(np.float64)  # float32 would lose small losses in the sum
            n = count.array.astype(np.float64) if isinstance(count, Tensor) else count
            self.loss = self.loss + (total if n is None else total * n)
            self.count = self.count + (len(targets) if n is None else n)
        if self.accuracy:
            targets = tl.as_tensor(targets, device=outputs.device)
            answers = outputs.array.argmax(getattr(loss, "class_axis", -1) if outputs.ndim > 2 else -1)
            if answers.shape != targets.shape:
                raise ValueError(
                    f"accuracy needs outputs (rows, ..., classes) and class numbers (rows, ...) as targets, not "
                    f"{outputs.shape} and {targets.shape}; for other targets leave accuracy=False"
                )
            counted = targets.array != getattr(loss, "ignore_index", -100)
            self.answers = self.answers + counted.sum()
            self.right = self.right + ((answers == targets.array) & counted).sum()

    def of_all(self, workers: Group) -> RunningMetrics:
        """The sums over all workers of a group."""
        total = RunningMetrics(self.accuracy)
        for sums in workers.gather(self.state_dict()):
            total.merge(sums)
        return total

    def scores(self) -> Scores:
        """The means; waits for a GPU. Raises ValueError if nothing was added."""
        if not self.batches:
            raise ValueError("cannot compute scores: there were no batches")
        count = float(self.count)
        loss = float(self.loss) / count if count else float("nan")
        answers = float(self.answers)
        accuracy = float(self.right) / answers if answers else float("nan")
        return Scores(loss, accuracy if self.accuracy else None)

    def state_dict(self) -> dict[str, Any]:
        """The sums as plain numbers; waits for a GPU."""
        return {name: kind(getattr(self, name)) for name, kind in SUMS.items()}

    def merge(self, state: dict[str, Any]) -> None:
        """Add sums that `state_dict` returned, such as another worker's. Raises ValueError or TypeError for others."""
        vars(self).update({name: getattr(self, name) + kind(state[name]) for name, kind in SUMS.items()})
