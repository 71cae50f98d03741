"""Training history: losses, accuracy and learning rate, as numbers, as curves, and in TensorBoard's files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tinygrad_lecture.errors import aligned
from tinygrad_lecture.inspect.figures import new_figure, save_picture

from ..parallel.group import rank
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
        scores = [(row.train, row.test) for row in self.records]
        shown = "{:.1%}" if name == "accuracy" else "{:.3g}"
        for of_row, label, color in ((0, "training", TRAIN), (1, "test", TEST)):
            curve = [(x, getattr(each[of_row], name)) for x, each in zip(where, scores, strict=True) if each[of_row]]
            if curve:
                axes.plot(*zip(*curve, strict=True), marker, color=color, label=label)
                axes.annotate(shown.format(curve[-1][1]), curve[-1], (0, 8), textcoords="offset points", ha="right")
        axes.legend(frameon=False)

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


# --- TensorBoard --------------------------------------------------------------------------------------------


class TensorBoard:
    """Writes each row of the history to a folder, for `tensorboard --logdir runs`.

        nn.Trainer(..., on_record=nn.TensorBoard("runs/first"))

    It writes loss, accuracy and learning rate, a few seconds after each row. A resumed run goes on in the same folder.
    Also a context manager, which closes it. Raises ImportError without the package tensorboardX.
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
        scores = {"training": row.train, "test": row.test}
        for what in ("loss", "accuracy"):
            for data, of_row in scores.items():
                if (value := getattr(of_row, what, None)) is not None:
                    self._writer.add_scalar(f"{what}/{data}", value, row.step)
        self._writer.add_scalar("rate", row.lr, row.step)

    def close(self) -> None:
        """Write what is left, as the end of the program does. A later row begins another file in the folder."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """A copy, which is for another worker, has no open file."""
        return {**vars(self), "_writer": None}
