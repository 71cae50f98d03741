"""History: what a training brought, record by record, in numbers and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tinygrad_lecture.inspect.picture import new_figure, save_picture

from .evaluation import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAIN, TEST = "#9aa3ad", "#2a7f4f"


@dataclass(frozen=True)
class Record:
    """How things stood after `step` steps: the mean scores while training since the record before, those on the test
    data now, the learning rate of the first group, and the seconds that the steps since the record before took."""

    step: int
    epoch: float  # passes over the data, 2.5 in the middle of the third
    train: Scores
    test: Scores | None
    lr: float
    seconds: float

    def __str__(self) -> str:
        if self.test is None:
            return str(self.train)
        accuracy = self.test.accuracy
        return f"{self.train}   test {f'loss {self.test.loss:.4f}' if accuracy is None else f'{accuracy:.1%}'}"


@dataclass
class History:
    """The records of a training, and how it ended. A history is a sequence of its records: history[-1].test.loss."""

    records: list[Record] = field(default_factory=list)
    interrupted: bool = False  # by Ctrl-C, and the last record may then be of a part
    stopped_early: bool = False  # since the test scores no longer got better
    best: int | None = None  # which record had the best scores

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, index: int) -> Record:
        return self.records[index]

    @property
    def steps(self) -> list[int]:
        return [record.step for record in self.records]

    @property
    def train_loss(self) -> list[float]:
        return [record.train.loss for record in self.records]

    @property
    def test_loss(self) -> list[float]:
        """Of the records that have test scores."""
        return [record.test.loss for record in self.records if record.test is not None]

    def figure(self) -> Figure:
        """Curves of the loss and, where they were asked for, of the accuracy and a changing learning rate.

        Raises ImportError without matplotlib, ValueError if there is no record.
        """
        if not self.records:
            raise ValueError("History: there is no record to draw")
        names = ["loss"]
        names += ["accuracy"] if self.records[0].train.accuracy is not None else []
        names += ["learning rate"] if len({record.lr for record in self.records}) > 1 else []
        figure = new_figure(5 * len(names), 4)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            self._draw(axes, name)
        return figure

    def plot(self, path: str | Path) -> None:
        """Draw `figure` to a picture file; its ending says which kind: .png, .svg, .pdf.

        Raises as `figure` does, ValueError for another ending, FileNotFoundError if there is no folder to write to.
        """
        save_picture(self.figure(), path, dpi=120)

    def _draw(self, axes: Axes, name: str) -> None:
        by_epoch = all(float(record.epoch).is_integer() for record in self.records)
        where = [record.epoch if by_epoch else record.step for record in self.records]
        marker = ".-" if len(where) <= 60 else "-"
        axes.set_title(name)
        axes.set_xlabel("epoch" if by_epoch else "step")
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.margins(y=0.12)  # room for the label at the end of a curve
        axes.spines[["top", "right"]].set_visible(False)
        if name == "learning rate":
            axes.plot(where, [record.lr for record in self.records], marker, color=TRAIN)
            return
        trained = [getattr(record.train, name) for record in self.records]
        axes.plot(where, trained, marker, color=TRAIN, label="training")
        tested = [(x, getattr(record.test, name)) for x, record in zip(where, self.records, strict=True) if record.test]
        if tested:
            axes.plot(*zip(*tested, strict=True), marker, color=TEST, label="test")
            axes.legend(frameon=False)
        if name == "accuracy":
            axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        last = tested[-1] if tested else (where[-1], trained[-1])
        shown = f"{last[1]:.1%}" if name == "accuracy" else f"{last[1]:#.3g}".rstrip(".")  # 1.90, not 1.9
        above = 8 if last[1] >= trained[-1] else -16  # on the side where the other curve is not
        axes.annotate(shown, last, (0, above), textcoords="offset points", ha="right", color=TEST if tested else TRAIN)

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The records in plain numbers and words, for a file."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The history whose `state_dict` this is."""
        records = [
            Record(
                **{
                    **record,
                    "train": Scores(**record["train"]),
                    "test": None if record["test"] is None else Scores(**record["test"]),
                }
            )
            for record in state["records"]
        ]
        return cls(**{**state, "records": records})
