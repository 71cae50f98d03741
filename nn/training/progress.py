"""Progress displays: a bar (rich) on a terminal, otherwise a plain line now and then; and Ctrl-C between steps."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Self


def choose_display(steps: int, per_epoch: int | None = None, done: int = 0, show: bool = True) -> Progress:
    """The display that suits the output: Bar, Lines, or a silent Progress with show=False.

    - `steps`: the total.
    - `per_epoch`: steps per epoch, to count epochs instead.
    - `done`: steps done before this display.
    """
    kind = Progress if not show else Bar if sys.stdout.isatty() and find_spec("rich") else Lines
    return kind(steps, per_epoch, done)


class Progress:
    """Measures time and shows nothing; the base class of the displays below. A context manager."""

    pause = math.inf  # seconds between two displays of the running scores

    def __init__(self, steps: int, per_epoch: int | None = None, done: int = 0) -> None:
        self.steps, self.per_epoch, self.before = steps, per_epoch, done

    def __enter__(self) -> Self:
        self._began = self._drawn = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self, done: int, scores: Callable[[], str]) -> None:
        """Update the display after `done` steps. `scores` is called only if it will be shown."""
        if self._due(self.pause):
            self.draw(done, scores())

    def record(self, done: int, scores: str) -> None:
        """Show the row that was added to the history after `done` steps; `scores` is the row as text."""
        self.draw(done, scores)

    def draw(self, done: int, scores: str) -> None:
        """Show the position and the scores."""

    def _due(self, seconds: float) -> bool:
        """Whether `seconds` have passed since the last time this returned True."""
        now = time.perf_counter()
        if now - self._drawn < seconds:
            return False
        self._drawn = now
        return True

    def _position(self, done: int) -> str:
        """The position as text: "epoch  3/12" or "step   300/2,000"."""
        if self.per_epoch is None:
            return f"step {done:{len(f'{self.steps:,}')},}/{self.steps:,}"
        epoch, epochs = -(-done // self.per_epoch), -(-self.steps // self.per_epoch)
        return f"epoch {epoch:{len(str(epochs))}}/{epochs}"

    def _line(self, done: int, scores: str) -> str:
        """Position, scores, and the remaining time at the average speed so far, "4 min 45 s left".

        After a single step it says no time: that step may have compiled.
        """
        spent = time.perf_counter() - self._began
        minutes, seconds = divmod(round(spent * (self.steps - done) / max(done - self.before, 1)), 60)
        left = f"   {minutes} min {seconds:02} s left" if minutes else f"   {seconds} s left"
        return f"{self._position(done)}   {scores}{left if done > self.before + 1 else ''}"


class Lines(Progress):
    """Prints the first row and the last, at most one per second in between, and where rows are rare running scores."""

    pause = 10.0
    _first = True

    def record(self, done: int, scores: str) -> None:
        if self._due(1) or self._first or done == self.steps:
            self.draw(done, scores)
        self._first = False

    def draw(self, done: int, scores: str) -> None:
        print(self._line(done, scores), flush=True)


class Bar(Progress):
    """The progress bar of rich, with the current scores."""

    pause = 0.1

    def __init__(self, steps: int, per_epoch: int | None = None, done: int = 0) -> None:
        from rich import progress as rich
        from rich.console import Console

        super().__init__(steps, per_epoch, done)
        columns = ("{task.description}", "{task.fields[scores]}", rich.BarColumn(), rich.TimeRemainingColumn())
        console = Console()  # not the shared one: its width may be outdated
        self._bar: Any = rich.Progress(*columns, console=console, auto_refresh=False)
        self._task = self._bar.add_task(self._position(done), total=steps, completed=done, scores="")

    def __enter__(self) -> Self:
        self._bar.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def draw(self, done: int, scores: str) -> None:
        self._bar.update(self._task, completed=done, description=self._position(done), scores=scores, refresh=True)


@contextmanager
def noting_ctrl_c() -> Iterator[threading.Event]:
    """Context manager in which the first Ctrl-C only sets an event; the second raises KeyboardInterrupt.

        with noting_ctrl_c() as pressed:
            while not pressed.is_set():
                step()

    It changes nothing outside the main thread, where Python allows no signal handlers, and where Ctrl-C is ignored
    already (nohup).
    """
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield pressed
        return

    def note(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
