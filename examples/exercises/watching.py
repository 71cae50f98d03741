"""The command without a name: show the current file, check it at every save, move on when it is right."""

from __future__ import annotations

import time

from . import display
from .commands import Session
from .display import say
from .keys import Keys

POLL = 0.25  # seconds


class Watch:
    """A loop over saves and keys. It prints one line after another, and never clears the screen."""

    def __init__(self, session: Session, keys: Keys) -> None:
        self.session, self.keys = session, keys
        self.seen: str | None = None

    def run(self) -> None:
        """Watch until `q`, until the last exercise has passed, or until input ends without a terminal."""
        session = self.session
        if self._finished():
            return
        if session.progress.is_passed(session.current):
            session.progress.current = (session.progress.next_open(session.current) or session.current).name
        self._show_current(first=True)
        while True:
            session.grader.warm()
            word = self.keys.read(POLL)
            if word == "quit" or (word and not self._obey(word)):
                break
            if self.keys.ended and not word and self.keys.single:
                break
            text = session.progress.text(session.current)
            if text is not None and text != self.seen and self._settled(text):
                self.seen = text
                if text != session.course.given(session.current):
                    print()
                    print(f"Checking {session.current.name} ...", flush=True)
                    if session.check(session.current) and not self._move_on():
                        break
        session.progress.save()
        say(f"Your answers and progress are in {display.shown_path(session.progress.folder)}. See you again!")

    def _settled(self, text: str) -> bool:
        """Whether the file is still the same a moment later: an editor may write it in pieces."""
        time.sleep(0.05)
        return self.session.progress.text(self.session.current) == text

    def _show_current(self, first: bool = False) -> None:
        session = self.session
        display.introduce(session.course, session.progress, session.current)
        self.seen = session.course.given(session.current)
        if first:
            say("Open this file in your editor. Replace `...` where it says TODO, and save: it is checked at once.")
            say(display.KEYS)

    def _move_on(self) -> bool:
        """Go to the next open exercise. False if there is none."""
        session = self.session
        if self._finished():
            return False
        following = session.progress.next_open(session.current)
        assert following is not None
        session.start(following, take=False)
        self.seen = session.course.given(following)
        return True

    def _finished(self) -> bool:
        session = self.session
        if len(session.progress.done) < len(session.course.exercises):
            return False
        display.show_end(session.course, session.progress)
        return True

    def _obey(self, word: str) -> bool:
        """Carry out a command; False to end."""
        session = self.session
        order = list(session.course)
        if word == "hint":
            session.hint(session.current)
        elif word == "list":
            display.show_list(session.course, session.progress)
        elif word == "check":
            print()
            session.check_all()
            return not self._finished()
        elif word == "solution":
            session.solution(session.current, take=False)
        elif word == "help":
            display.lines(display.HELP.strip("\n").split("\n"), "")
        elif word == "next":
            place = order.index(session.current)
            session.start(order[(place + 1) % len(order)], take=False)
            self.seen = session.course.given(session.current)
        else:
            say(f"I do not know {word!r}. {display.KEYS}")
        return True
