"""Keys and words from a terminal, on every system, also where input comes line by line."""

import os
import queue
import sys
import threading
from contextlib import ExitStack, suppress
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
        self.typed: queue.Queue[str] = queue.Queue()  # keys, or lines
        self._end = ExitStack()

    def __enter__(self) -> "Keys":
        if self.single and os.name != "nt":
            import termios
            import tty

            self._end.callback(termios.tcsetattr, self.stream, termios.TCSADRAIN, termios.tcgetattr(self.stream))
            tty.setcbreak(self.stream)
        if self.stream is not None:
            threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.close()

    def read(self, seconds: float) -> str:
        """The word of the next command, or "" after so many seconds."""
        text = ""
        with suppress(queue.Empty):
            text = self.typed.get(timeout=seconds)
            while self.single:
                text += self.typed.get(timeout=TOGETHER)
        text = "help" if text.strip() == "?" else text.strip().lower()
        if not text or not text.isprintable():  # an arrow is no text
            return ""
        return next((word for word in WORDS if word.startswith(text)), text)

    def _listen(self) -> None:
        for text in iter(self._key, "") if self.single else self.stream:
            self.typed.put(text)
        self.ended = True  # also where the terminal is gone

    def _key(self) -> str:
        if os.name == "nt":
            import msvcrt

            return str(msvcrt.getwch()).replace("\x03", "q")  # type: ignore[attr-defined] # it takes Ctrl-C for a key
        return os.read(self.stream.fileno(), 1).decode("latin-1")  # without a lock, which would outlive the program
