"""Progress of a training: lines now and then; and Ctrl-C between steps."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


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
