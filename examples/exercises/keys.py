"""Keys and words from a terminal, on every system, also where input comes line by line."""

import os
import queue
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any

WORDS = ("hint", "why", "next", "list", "check", "solution", "quit", "help")
TOGETHER = 0.4  # seconds between two letters of a word


class Keys:
    """Context: `read(seconds)` waits for a command and returns its word, or "" if none came.

    In a terminal a single key is enough, and so is a word that is typed without a pause. Where input is no terminal,
    each line is a command. What is no command is returned as it is.
    """

    def __init__(self, stream: Any = None) -> None:
        self.stream = sys.stdin if stream is None else stream
        self.single = bool(self.stream is not None and self.stream.isatty())
        self.ended = False
        self._lines: queue.Queue[str] = queue.Queue()
        self._end = ExitStack()

    def __enter__(self) -> "Keys":
        if self.single and os.name != "nt":
            import termios
            import tty

            self._end.callback(termios.tcsetattr, self.stream, termios.TCSADRAIN, termios.tcgetattr(self.stream))
            tty.setcbreak(self.stream)
        elif not self.single and self.stream is not None:
            threading.Thread(target=self._read_lines, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.close()

    def read(self, seconds: float) -> str:
        """The word of the next command, or "" after so many seconds."""
        text = ""
        if self.single:
            while key := self.key(TOGETHER if text else seconds):
                text += key
        else:
            try:
                text = self._lines.get(timeout=seconds)
            except queue.Empty:
                return ""
        text = "help" if text.strip() == "?" else text.strip().lower()
        if not text or not text.isprintable():  # an arrow is no text
            return ""
        return next((word for word in WORDS if word.startswith(text)), text)

    def _read_lines(self) -> None:
        for line in self.stream:
            self._lines.put(line)
        self.ended = True

    def key(self, seconds: float) -> str:
        """The next key of a terminal, or "" after so many seconds."""
        if os.name == "nt":
            import msvcrt

            end = time.monotonic() + seconds
            while not msvcrt.kbhit():  # type: ignore[attr-defined]
                if time.monotonic() > end:
                    return ""
                time.sleep(0.03)
            return str(msvcrt.getwch())  # type: ignore[attr-defined]
        import select

        ready, _, _ = select.select([self.stream], [], [], seconds)
        if not ready:
            return ""
        pressed = os.read(self.stream.fileno(), 1).decode("ascii", "ignore")
        if not pressed:  # the terminal is gone
            self.ended = True
            time.sleep(seconds)
        return pressed
