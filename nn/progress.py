"""Showing how training goes: a bar by rich on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Self


def progress(epochs: int, steps: int, show: bool = True) -> Progress:
    """The display of `epochs` epochs of `steps` steps that suits where the output goes; none with show=False."""
    if not show:
        return Progress(epochs, steps)
    if sys.stdout.isatty():
        try:
            return Bar(epochs, steps)
        except ImportError:  # rich is an extra
            pass
    return Lines(epochs, steps)


class Progress:
    """Keeps the time and shows nothing; the displays below add the showing. For a `with` block."""

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs, self.steps = epochs, steps
        self._began = self._shown = time.perf_counter()

    def __enter__(self) -> Self:
        self._began = self._shown = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self, epoch: int, step: int, scores: Callable[[], str]) -> None:
        """A step is done, the first of the first epoch is (1, 1); `scores` is called only if they are shown."""

    def epoch(self, epoch: int, scores: str) -> None:
        """An epoch is done, the first is 1."""

    def _due(self, seconds: float) -> bool:
        """Whether so long has passed since this was last true."""
        now = time.perf_counter()
        if now - self._shown < seconds:
            return False
        self._shown = now
        return True

    def _left(self, done: int) -> str:
        """The time that is left after `done` steps, if all go as fast as these."""
        seconds = round((time.perf_counter() - self._began) * (self.epochs * self.steps / done - 1))
        return f"{seconds // 60} min {seconds % 60:02} s left" if seconds >= 60 else f"{seconds} s left"


class Lines(Progress):
    """A line after the first and the last epoch, and between them at most one a second."""

    def step(self, epoch: int, step: int, scores: Callable[[], str]) -> None:
        if step < self.steps and self._due(10):  # where an epoch takes long
            self._print(epoch, (epoch - 1) * self.steps + step, scores())

    def epoch(self, epoch: int, scores: str) -> None:
        if self._due(1) or epoch in (1, self.epochs):
            self._print(epoch, epoch * self.steps, scores)

    def _print(self, epoch: int, done: int, scores: str) -> None:
        number = f"{epoch:{len(str(self.epochs))}}/{self.epochs}"
        print(f"epoch {number}   {scores}   {self._left(done)}", flush=True)


class Bar(Progress):
    """A bar that fills over all epochs, with the scores as they stand. Raises ImportError without rich."""

    def __init__(self, epochs: int, steps: int) -> None:
        from rich import progress as rich

        super().__init__(epochs, steps)
        self._bar: Any = rich.Progress(
            rich.TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            rich.BarColumn(bar_width=None),
            rich.TextColumn("{task.fields[scores]}"),
            rich.TextColumn("{task.fields[left]}", style="progress.remaining"),
            auto_refresh=False,
            expand=True,
        )
        self._task = self._bar.add_task("", total=epochs * steps, epoch=1, epochs=epochs, scores="", left="")

    def __enter__(self) -> Self:
        self._bar.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def step(self, epoch: int, step: int, scores: Callable[[], str]) -> None:
        if self._due(0.1):
            self._show(epoch, (epoch - 1) * self.steps + step, scores())

    def epoch(self, epoch: int, scores: str) -> None:
        self._show(epoch, epoch * self.steps, scores)

    def _show(self, epoch: int, done: int, scores: str) -> None:
        fields = {"epoch": epoch, "scores": scores, "left": self._left(done)}
        self._bar.update(self._task, completed=done, refresh=True, **fields)
