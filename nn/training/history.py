"""Training history: losses, accuracy and learning rate, as numbers and as curves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tinygrad_lecture.errors import aligned
from tinygrad_lecture.inspect.drawing import new_figure, save_picture
from tinygrad_lecture.inspect.notebook import caption, curves, folded, table

from .evaluation import Scores

COLOURS = {"test": "#2a7f4f"}  # of other curves: GREY
GREY = "#9aa3ad"


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

    def plot(self, path: str | Path) -> None:
        """Save the curves to a picture file: .png, .svg or .pdf.

        Raises ImportError without matplotlib, ValueError if the history is empty or for another suffix,
        FileNotFoundError if the folder does not exist.
        """
        if not self.records:
            raise ValueError("History: nothing to draw, the history is empty")
        pictures = self.curves()
        figure = new_figure(5 * len(pictures), 4)
        places = figure.subplots(1, len(pictures), squeeze=False)[0]
        for axes, (title, lines) in zip(places, pictures.items(), strict=True):
            axes.set(title=title, xlabel="step")
            axes.grid(alpha=0.3)
            for label, points in lines.items():
                last = f"{label or title}: {points[-1][1]:.3g} at the end"  # at close curves numbers would overlap
                axes.plot(*zip(*points, strict=True), ".-", color=COLOURS.get(label, GREY), label=last)
            axes.legend(frameon=False)
        save_picture(figure, path, dpi=120)

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
