"""Showing how training goes: a bar by rich on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Self


def progress(steps: int, per_epoch: int | None = None, done: int = 0, show: bool = True) -> Progress:
    """The display of so many steps that suits where the output goes; none with show=False.

    per_epoch: steps of an epoch, if epochs are what is counted.  done: steps that were done before.
    """
    if not show:
        return Progress(steps, per_epoch, done)
    if sys.stdout.isatty():
        try:
            return Bar(steps, per_epoch, done)
        except ImportError:  # rich is an extra
            pass
    return Lines(steps, per_epoch, done)


class Progress:
    """Keeps the time and shows nothing; the displays below add the showing. For a `with` block."""

    def __init__(self, steps: int, per_epoch: int | None = None, done: int = 0) -> None:
        self.steps, self.per_epoch, self.before = steps, per_epoch, done
        self._began = self._shown = time.perf_counter()

    def __enter__(self) -> Self:
        self._began = self._shown = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self, done: int, scores: Callable[[], str]) -> None:
        """So many steps are done; `scores` is called only if they are shown."""

    def record(self, done: int, scores: str) -> None:
        """So many steps are done, and these are the scores of the last ones."""

    def _due(self, seconds: float) -> bool:
        """Whether so long has passed since this was last true."""
        now = time.perf_counter()
        if now - self._shown < seconds:
            return False
        self._shown = now
        return True

    def _where(self, done: int) -> str:
        """As "epoch  3/12", the one that the step belongs to, or "step   300/2,000"."""
        if self.per_epoch is None:
            return f"step {done:{len(f'{self.steps:,}')},}/{self.steps:,}"
        epoch, epochs = -(-done // self.per_epoch), -(-self.steps // self.per_epoch)
        return f"epoch {epoch:{len(str(epochs))}}/{epochs}"

    def _speed(self, done: int) -> str:
        """As "1,200 steps/s", or "2.5 s a step"."""
        each = (time.perf_counter() - self._began) / max(done - self.before, 1)
        return f"{each:.1f} s a step" if each > 1 else f"{1 / max(each, 1e-9):,.0f} steps/s"

    def _left(self, done: int) -> str:
        """The time that is left, if all steps go as fast as those done since this display began."""
        spent = time.perf_counter() - self._began
        seconds = round(spent * (self.steps - done) / max(done - self.before, 1))
        return f"{seconds // 60} min {seconds % 60:02} s left" if seconds >= 60 else f"{seconds} s left"


class Lines(Progress):
    """A line for the first and the last record, and between them at most one a second."""

    _first = True

    def step(self, done: int, scores: Callable[[], str]) -> None:
        if self._due(10):  # where a record takes long to come
            self._print(done, scores())

    def record(self, done: int, scores: str) -> None:
        if self._due(1) or self._first or done == self.steps:
            self._print(done, scores)
        self._first = False

    def _print(self, done: int, scores: str) -> None:
        print(f"{self._where(done)}   {scores}   {self._left(done)}", flush=True)


class Bar(Progress):
    """A bar that fills, with the scores as they stand. Raises ImportError without rich."""

    def __init__(self, steps: int, per_epoch: int | None = None, done: int = 0) -> None:
        from rich import progress as rich
        from rich.console import Console
        from rich.table import Column
        from rich.text import Text

        super().__init__(steps, per_epoch, done)
        console = Console()  # of its own, since the common one may have been made when the terminal was wider
        width = console.width

        class Scores(rich.TextColumn):
            """What gives way on a narrow terminal, from the end on: of the scores the loss comes first."""

            def render(self, task: rich.Task) -> Text:
                text = super().render(task)
                text.no_wrap, text.overflow = True, "ellipsis"
                return text

        columns = [
            rich.TextColumn("{task.fields[where]}"),
            rich.BarColumn(bar_width=None),
            Scores("{task.fields[scores]}", table_column=Column(no_wrap=width >= 80)),
            rich.TextColumn("{task.fields[speed]}", style="progress.data.speed"),
            rich.TextColumn("{task.fields[left]}", style="progress.remaining"),
        ]
        if width < 100:  # numbers before bars: what has no room would leave none for the rest
            del columns[3]
        if width < 80:
            del columns[1]
        self._bar: Any = rich.Progress(*columns, console=console, auto_refresh=False, expand=True)
        fields: dict[str, Any] = {"where": self._where(done), "scores": "", "speed": "", "left": ""}
        self._task = self._bar.add_task("", total=steps, completed=done, **fields)

    def __enter__(self) -> Self:
        self._bar.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def step(self, done: int, scores: Callable[[], str]) -> None:
        if self._due(0.1):
            self._show(done, scores())

    def record(self, done: int, scores: str) -> None:
        self._show(done, scores)

    def _show(self, done: int, scores: str) -> None:
        fields = {"where": self._where(done), "scores": scores, "speed": self._speed(done), "left": self._left(done)}
        self._bar.update(self._task, completed=done, refresh=True, **fields)
