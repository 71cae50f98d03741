"""Training history: losses, accuracy and learning rate, as numbers and as curves; progress, as it is printed."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from tinygrad_lecture.errors import aligned
from tinygrad_lecture.inspect.notebook import caption, curves, folded, table

from .evaluation import Scores


@dataclass(frozen=True)
class HistoryRow:
    """Scores after `step` steps of training."""

    step: int
    epoch: float  # passes over the data: 2.5 in the middle of the third
    train: Scores  # means over the steps since the previous row
    test: Scores | None  # on the test data, after the step
    lr: float  # learning rate of the first parameter group
    seconds: float  # time that the steps since the previous row took

    def __str__(self) -> str:
        if self.test is None:
            return str(self.train)
        return f"{self.train}   test {self.test}"


@dataclass
class History:
    """The rows of a training run, as a sequence (`history[-1].test.loss`), and how the run ended; `str` is a table."""

    records: list[HistoryRow] = field(default_factory=list)
    interrupted: bool = False  # by Ctrl-C: the last row may then cover fewer steps than the others
    stopped_early: bool = False  # the scores had not improved for `patience` rows
    best: int | None = None  # index of the row with the best scores

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[HistoryRow]:
        return iter(self.records)

    def __getitem__(self, index: int) -> HistoryRow:
        return self.records[index]

    def __str__(self) -> str:
        """A table: a line per row of the history."""
        rows = [(f"step {step}", f"epoch {epoch}", *others) for step, epoch, *others in self._texts()]
        return "\n".join(aligned(rows)) or "an empty history"

    __repr__ = __str__

    def _texts(self) -> list[list[str]]:
        """The rows of a table: step, epoch, scores, and which is the best."""
        rows = enumerate(self.records)
        return [[f"{row.step}", f"{row.epoch:.4g}", str(row), "best" if i == self.best else ""] for i, row in rows]

    def _repr_html_(self) -> str:
        """What a notebook shows: curves, and the table."""
        if not self.records:
            return caption("an empty history")
        pictures = [
            curves(title, {name: ([x for x, _ in points], [y for _, y in points]) for name, points in lines.items()})
            for title, lines in self.curves().items()
        ]
        return "".join(pictures) + folded("the rows", table(["step", "epoch", "scores", ""], self._texts()))

    @property
    def steps(self) -> list[int]:
        return [row.step for row in self.records]

    @property
    def train_loss(self) -> list[float]:
        return [row.train.loss for row in self.records]

    @property
    def test_loss(self) -> list[float]:
        """Test losses, of the rows that have one."""
        return [row.test.loss for row in self.records if row.test is not None]

    def add(self, row: HistoryRow) -> bool:
        """Append a row and return whether it is the best so far, by the loss on the test data, or else in training.

        NaN is never better.
        """
        self.records.append(row)
        if self.best is not None and not _score(row) < _score(self[self.best]):
            return False
        self.best = len(self) - 1
        return True

    def curves(self) -> dict[str, dict[str, list[tuple[int, float]]]]:
        """{"loss": {"training": [(step, loss), ...], "test": ...}, "accuracy": ...}, and the rate if it changes."""
        pictures: dict[str, dict[str, list[tuple[int, float]]]] = {}
        for what in ("loss", "accuracy"):
            for data, which in (("training", "train"), ("test", "test")):
                values = [(row.step, getattr(getattr(row, which), what, None)) for row in self.records]
                if points := [(step, value) for step, value in values if value is not None]:
                    pictures.setdefault(what, {})[data] = points
        if len({row.lr for row in self.records}) > 1:
            pictures["rate"] = {"": [(row.step, row.lr) for row in self.records]}
        return pictures

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The history as plain numbers and strings, as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The history that a `state_dict` describes. Raises ValueError, TypeError or LookupError for anything else."""
        records = [
            HistoryRow(**{**row, "train": Scores(**row["train"]), "test": row["test"] and Scores(**row["test"])})
            for row in state["records"]
        ]
        return cls(**{**state, "records": records})


def _score(row: HistoryRow) -> float:
    """The loss that decides which row is best."""
    loss = (row.test or row.train).loss
    return math.inf if math.isnan(loss) else loss


# --- progress -----------------------------------------------------------------------------------------------


class Progress:
    """Prints how far a training is, and how long it will take. On a terminal a line is written over until a row stays.

    - `steps`: the total.
    - `per_epoch`: steps per epoch, to count epochs instead.
    - `done`: steps done before.
    - `show`: print, or be silent.
    """

    def __init__(self, steps: int, per_epoch: int | None = None, done: int = 0, show: bool = True) -> None:
        self.steps, self.per_epoch, self.before, self.show = steps, per_epoch, done, show
        self._writes_over = sys.stdout.isatty()
        self._pause = 0.2 if self._writes_over else 10.0
        self._began = self._printed = time.perf_counter()
        self._stayed = -math.inf

    def step(self, done: int, scores: Callable[[], str]) -> None:
        """Show the running scores after `done` steps, if it is time. `scores` is called only if they will be shown."""
        if self.show and time.perf_counter() - self._printed >= self._pause:
            self._print(done, scores(), end="\r" if self._writes_over else "\n")

    def record(self, done: int, scores: str) -> None:
        """Show a row of the history, as text: the first and the last, and in between at most one per second."""
        if self.show and (done == self.steps or time.perf_counter() - self._stayed >= 1):
            self._print(done, scores, end="\n")
            self._stayed = time.perf_counter()

    def _print(self, done: int, scores: str, end: str) -> None:
        """Position, scores, and the remaining time at the average speed so far, "4 min 45 s left".

        After a single step it says no time: that step may have compiled.
        """
        self._printed = time.perf_counter()
        spent = self._printed - self._began
        minutes, seconds = divmod(round(spent * (self.steps - done) / max(done - self.before, 1)), 60)
        left = f"   {minutes} min {seconds:02} s left" if minutes else f"   {seconds} s left"
        clear = "\033[K" if self._writes_over else ""  # what is left of the line before
        print(f"{clear}{self._position(done)}   {scores}{left if done > self.before + 1 else ''}", end=end, flush=True)

    def _position(self, done: int) -> str:
        """The position as text: "epoch  3/12" or "step   300/2,000"."""
        if self.per_epoch is None:
            return f"step {done:{len(f'{self.steps:,}')},}/{self.steps:,}"
        epoch, epochs = -(-done // self.per_epoch), -(-self.steps // self.per_epoch)
        return f"epoch {epoch:{len(str(epochs))}}/{epochs}"
