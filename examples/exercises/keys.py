"""Keys and words from a terminal, on every system, also where input comes line by line."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from types import TracebackType
from typing import Any

WORDS = ("hint", "next", "list", "check", "solution", "quit", "help")
TYPED_ON = 1.5  # seconds in which further letters of a word belong to it
HELP_OR_HINT = 0.4  # seconds in which an e after an h makes it help


class Keys:
    """Context: `read(seconds)` waits for a command and returns its word, or "" if none came.

    In a terminal a single key is enough, at once; the other letters of its word, if they follow, are swallowed. Where
    input is no terminal, each line is a command. What is no command is returned as it is.
    """

    def __init__(self, stream: Any = None) -> None:
        self.stream = sys.stdin if stream is None else stream
        self._word, self._typed, self._last = "", 0, -10.0
        self._ahead = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self._old: Any = None
        self.ended = False

    def __enter__(self) -> Keys:
        self.single = bool(self.stream is not None and self.stream.isatty())
        if self.single and os.name != "nt":
            import termios
            import tty

            self._old = termios.tcgetattr(self.stream)
            tty.setcbreak(self.stream)
        elif not self.single and self.stream is not None:
            threading.Thread(target=self._read_lines, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._old is not None:
            import termios

            termios.tcsetattr(self.stream, termios.TCSADRAIN, self._old)

    def read(self, seconds: float) -> str:
        """The word of the next command, or "" after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left < 0:
                return ""
            if not self.single:
                try:
                    line = self._lines.get(timeout=left)
                except queue.Empty:
                    return ""
                return self.command(line.strip().lower())
            key, self._ahead = self._ahead or self._key(left), ""
            if key.lower() == "h":
                self._ahead = self._key(HELP_OR_HINT)
                if self._ahead.lower() == "e":
                    key, self._ahead = "?", ""
            word = self.pressed(key, time.monotonic()) if key else ""
            if word:
                return word

    def pressed(self, key: str, now: float) -> str:
        """The word for a key, or the key itself; "" if it belongs to the word, or to the unknown text, before it."""
        key, typing = key.lower(), now - self._last < TYPED_ON
        if typing and self._word[self._typed : self._typed + 1] == key:
            self._typed, self._last = self._typed + 1, now
            return ""
        word = self.command(key)
        unknown = word not in WORDS
        silent = unknown and (not key.isprintable() or key == " " or (typing and self._word not in WORDS))
        self._word, self._typed, self._last = word, 2 if key == "?" else 1, now
        return "" if silent else word

    @staticmethod
    def command(text: str) -> str:
        """The word that a text begins, or the text itself."""
        return "help" if text == "?" else next((word for word in WORDS if text and word.startswith(text)), text)

    def _read_lines(self) -> None:
        for line in self.stream:
            self._lines.put(line)
        self.ended = True

    def _key(self, seconds: float) -> str:
        if os.name == "nt":
            return self._windows_key(seconds)
        import select

        ready, _, _ = select.select([self.stream], [], [], seconds)
        if not ready:
            return ""
        pressed = os.read(self.stream.fileno(), 1).decode("ascii", "ignore")
        if not pressed:  # the terminal is gone
            self.ended = True
            time.sleep(seconds)
        return pressed

    @staticmethod
    def _windows_key(seconds: float) -> str:
        import msvcrt

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if msvcrt.kbhit():  # type: ignore[attr-defined]
                return str(msvcrt.getwch())  # type: ignore[attr-defined]
            time.sleep(0.03)
        return ""
