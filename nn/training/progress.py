"""Progress displays: a bar (rich) on a terminal, otherwise a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any, Self


def choose_display(steps: int, per_epoch: int | None = None, done: int = 0, show: bool = True) -> Progress:
    """The display that suits the output: Bar, Lines, or a silent Progress with show=False.

    - `steps`: the total.
    - `per_epoch`: steps per epoch, to count epochs instead.
    - `done`: steps done before this display.
    """
    if not show:
        return Progress(steps, per_epoch, done)
    if "ipykernel" in sys.modules:
        return Cell(steps, per_epoch, done)
    if sys.stdout.isatty():
        try:
            return Bar(steps, per_epoch, done)
        except ImportError:  # rich is an extra
            pass
    return Lines(steps, per_epoch, done)


class Progress:
    """Measures time and shows nothing; the base class of the displays below. A context manager."""

    def __init__(self, steps: int, per_epoch: int | None = None, done: int = 0) -> None:
        self.steps, self.per_epoch, self.before = steps, per_epoch, done
        self._began = self._shown = time.perf_counter()

    def __enter__(self) -> Self:
        self._began = self._shown = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self, done: int, scores: Callable[[], str]) -> None:
        """Update the display after `done` steps. `scores` is called only if it will be shown."""

    def record(self, done: int, scores: str) -> None:
        """Show the row that was added to the history after `done` steps; `scores` is the row as text."""

    def _due(self, seconds: float) -> bool:
        """Whether `seconds` have passed since the last time this returned True."""
        now = time.perf_counter()
        if now - self._shown < seconds:
            return False
        self._shown = now
        return True

    def _where(self, done: int) -> str:
        """The position as text: "epoch  3/12" or "step   300/2,000"."""
        if self.per_epoch is None:
            return f"step {done:{len(f'{self.steps:,}')},}/{self.steps:,}"
        epoch, epochs = -(-done // self.per_epoch), -(-self.steps // self.per_epoch)
        return f"epoch {epoch:{len(str(epochs))}}/{epochs}"

    def _left(self, done: int) -> str:
        """The remaining time as text, "4 min 45 s left", at the average speed so far."""
        spent = time.perf_counter() - self._began
        seconds = round(spent * (self.steps - done) / max(done - self.before, 1))
        return f"{seconds // 60} min {seconds % 60:02} s left" if seconds >= 60 else f"{seconds} s left"


class Lines(Progress):
    """Prints the first row and the last, and at most one per second in between."""

    _first = True

    def step(self, done: int, scores: Callable[[], str]) -> None:
        if self._due(10):  # rows are rare: show the running scores
            self._print(done, scores())

    def record(self, done: int, scores: str) -> None:
        if self._due(1) or self._first or done == self.steps:
            self._print(done, scores)
        self._first = False

    def _print(self, done: int, scores: str) -> None:
        print(f"{self._where(done)}   {scores}   {self._left(done)}", flush=True)


class Cell(Progress):
    """A bar in the cell of a notebook, with the current scores."""

    _handle: Any = None

    def step(self, done: int, scores: Callable[[], str]) -> None:
        if self._due(0.2):
            self._draw(done, scores())

    def record(self, done: int, scores: str) -> None:
        self._draw(done, scores)

    def _draw(self, done: int, scores: str) -> None:
        display: Any = import_module("IPython.display")  # it is there: this runs in its kernel

        text = f"{self._where(done)}   {scores}   {self._left(done)}"
        bar = f'<progress value="{done}" max="{self.steps}" style="width:30em;max-width:100%"></progress>'
        shown = display.HTML(f"<div>{bar}<br><code>{escape(text)}</code></div>")
        if self._handle is None:
            self._handle = display.display(shown, display_id=True)
        else:
            self._handle.update(shown)


class Bar(Progress):
    """The progress bar of rich, with the current scores. Raises ImportError without rich."""

    def __init__(self, steps: int, per_epoch: int | None = None, done: int = 0) -> None:
        from rich import progress as rich
        from rich.console import Console

        super().__init__(steps, per_epoch, done)
        columns = ("{task.description}", "{task.fields[scores]}", rich.BarColumn(), rich.TimeRemainingColumn())
        console = Console()  # not the shared one: its width may be outdated
        self._bar: Any = rich.Progress(*columns, console=console, auto_refresh=False)
        self._task = self._bar.add_task(self._where(done), total=steps, completed=done, scores="")

    def __enter__(self) -> Self:
        self._bar.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def step(self, done: int, scores: Callable[[], str]) -> None:
        if self._due(0.1):
            self.record(done, scores())

    def record(self, done: int, scores: str) -> None:
        self._bar.update(self._task, completed=done, description=self._where(done), scores=scores, refresh=True)
