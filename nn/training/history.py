"""Training history: losses, accuracy and learning rate, as numbers, as curves, and in TensorBoard's files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tinygrad_lecture.errors import aligned
from tinygrad_lecture.inspect.drawing import new_figure, save_picture
from tinygrad_lecture.inspect.notebook import caption, curves, folded, table

from ..parallel.group import rank
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

    def numbers(self) -> dict[str, float]:
        """What there is of loss/training, loss/test, accuracy/training, accuracy/test, and the rate, by these names."""
        scores = {"training": self.train, "test": self.test}
        found = {
            f"{what}/{data}": value
            for what in ("loss", "accuracy")
            for data, of_row in scores.items()
            if (value := getattr(of_row, what, None)) is not None
        }
        return {**found, "rate": self.lr}


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
        if not self.records:
            return caption("an empty history")
        pictures = [
            curves(title, {name: ([x for x, _ in points], [y for _, y in points]) for name, points in lines.items()})
            for title, lines in self.curves().items()
        ]
        rows = [
            [f"{row.step:,}", f"{row.epoch:.4g}", str(row), "best" if i == self.best else ""]
            for i, row in enumerate(self.records)
        ]
        return "".join(pictures) + folded("the rows", table(["step", "epoch", "scores", ""], rows))

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
        for row in self.records:
            for name, value in row.numbers().items():
                picture, _, line = name.partition("/")
                pictures.setdefault(picture, {}).setdefault(line, []).append((row.step, value))
        if len({row.lr for row in self.records}) == 1:
            del pictures["rate"]
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


# --- TensorBoard --------------------------------------------------------------------------------------------


class TensorBoard(AbstractContextManager["TensorBoard"]):
    """Writes each row of the history to a folder, for `tensorboard --logdir runs`.

        nn.Trainer(..., on_record=nn.TensorBoard("runs/first"))

    It writes loss, accuracy and learning rate, a few seconds after each row. A resumed run goes on in the same folder.
    Raises ImportError without the package tensorboardX.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            self._open = import_module("tensorboardX").SummaryWriter
        except ImportError:
            message = "TensorBoard's files need the package tensorboardX: pip install tensorboardX"
            raise ImportError(message) from None
        self.folder = Path(folder)
        self._writer: Any = None

    def __call__(self, trainer: Any) -> None:
        """Write the last row of the history."""
        if rank():
            return
        row = trainer.history[-1]
        if self._writer is None:
            self._writer = self._open(str(self.folder), flush_secs=5, filename_suffix=f".{row.step}")
        for name, value in row.numbers().items():
            self._writer.add_scalar(name, value, row.step)

    def close(self) -> None:
        """Write what is left, as the end of the program does. A later row begins another file in the folder."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __exit__(self, *error: object) -> None:
        self.close()
