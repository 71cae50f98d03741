"""Ctrl-C between steps: the first press is noted, the second raises KeyboardInterrupt."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self


class Interrupt:
    """Context manager in which the first Ctrl-C only sets `requested`; the second raises KeyboardInterrupt.

        with Interrupt() as interrupt:
            while not interrupt.requested:
                step()

    Does nothing outside the main thread, where Python allows no signal handlers, and where Ctrl-C is ignored (nohup).
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> Self:
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(before):
            self._before = before
            signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: Any) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def __exit__(self, *error: object) -> None:
        self._restore()
