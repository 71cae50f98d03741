"""Ctrl-C that ends a loop after its current step: the first press is noted, the second aborts as ever."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self


class Interrupt:
    """Within `with Interrupt() as interrupt:` the first Ctrl-C only makes `interrupt.requested` true.

    A second one is KeyboardInterrupt. Outside of the main thread, where Python lets nobody handle signals, and where
    Ctrl-C is ignored (as under nohup), it changes nothing.
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
