"""Training history: losses, accuracy and learning rate, as numbers and as curves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tinygrad_lecture.errors.table import aligned
from tinygrad_lecture.inspect.picture import new_figure, save_picture

from .evaluation import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAIN, TEST = "#9aa3ad", "#2a7f4f"


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
        rows = [
            (f"step {row.step}", f"epoch {row.epoch:.4g}", str(row), "best" if i == self.best else "")
            for i, row in enumerate(self.records)
        ]
        return "\n".join(aligned(rows)) or "an empty history"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What a notebook shows: curves, and the table."""
        from ..notebook import history_html

        return history_html(self.records, self.best)

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

    def add(self, row: HistoryRow, best_by: str = "loss") -> bool:
        """Append a row and return whether it is the best so far, by the "loss" or "accuracy" of its test scores.

        A row without test scores is compared by its training scores. NaN is never better.
        """
        self.records.append(row)
        if self.best is not None and not _score(row, best_by) < _score(self[self.best], best_by):
            return False
        self.best = len(self) - 1
        return True

    def figure(self) -> Figure:
        """Curves of the loss and, if there are any, of the accuracy and a learning rate that changes.

        Raises ImportError without matplotlib, ValueError if the history is empty.
        """
        if not self.records:
            raise ValueError("History: nothing to draw, the history is empty")
        names = ["loss"]
        names += ["accuracy"] if self.records[0].train.accuracy is not None else []
        names += ["learning rate"] if len({row.lr for row in self.records}) > 1 else []
        figure = new_figure(5 * len(names), 4)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            self._draw(axes, name)
        return figure

    def plot(self, path: str | Path) -> None:
        """Save `figure` to a picture file: .png, .svg or .pdf.

        Raises as `figure` does, ValueError for another suffix, FileNotFoundError if the folder does not exist.
        """
        save_picture(self.figure(), path, dpi=120)

    def _draw(self, axes: Axes, name: str) -> None:
        by_epoch = all(float(row.epoch).is_integer() for row in self.records)
        where = [row.epoch if by_epoch else row.step for row in self.records]
        marker = ".-" if len(where) <= 60 else "-"
        axes.set_title(name)
        axes.set_xlabel("epoch" if by_epoch else "step")
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.margins(y=0.12)  # room for the label at the end of a curve
        axes.spines[["top", "right"]].set_visible(False)
        if name == "learning rate":
            axes.plot(where, [row.lr for row in self.records], marker, color=TRAIN)
            return
        trained = [getattr(row.train, name) for row in self.records]
        axes.plot(where, trained, marker, color=TRAIN, label="training")
        tested = [(x, getattr(row.test, name)) for x, row in zip(where, self.records, strict=True) if row.test]
        if tested:
            axes.plot(*zip(*tested, strict=True), marker, color=TEST, label="test")
            axes.legend(frameon=False)
        if name == "accuracy":
            axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        last = tested[-1] if tested else (where[-1], trained[-1])
        shown = f"{last[1]:.1%}" if name == "accuracy" else f"{last[1]:#.3g}".rstrip(".")  # 1.90, not 1.9
        above = 8 if last[1] >= trained[-1] else -16  # away from the other curve
        axes.annotate(shown, last, (0, above), textcoords="offset points", ha="right", color=TEST if tested else TRAIN)

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The history as plain numbers and strings, as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The history that a `state_dict` describes. Raises ValueError, TypeError or LookupError for anything else."""
        records = [
            HistoryRow(
                step=int(row["step"]),
                train=_scores(row["train"]),
                test=None if row["test"] is None else _scores(row["test"]),
                **{name: float(row[name]) for name in ("epoch", "lr", "seconds")},
            )
            for row in state["records"]
        ]
        best = None if state["best"] is None else range(len(records))[state["best"]]  # which is one of them
        return cls(**{**state, "records": records, "best": best})


def _scores(state: dict[str, Any]) -> Scores:
    accuracy = state["accuracy"]
    return Scores(float(state["loss"]), None if accuracy is None else float(accuracy))


def _score(row: HistoryRow, best_by: str) -> float:
    """The score that `best_by` compares; lower is better."""
    scores = row.test or row.train
    score = scores.loss if best_by == "loss" else -(scores.accuracy or 0.0)
    return math.inf if math.isnan(score) else score
