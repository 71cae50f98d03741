"""`Outcome`: what a check of one exercise found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..calls import unexpected
from ..failures import CheckFailed
from ..showing import printable

MAX_LINES = 200
ENDLESS = (
    "an endless loop, or a loop over single numbers where NumPy would take all at once; does what the loop waits for "
    "change in it?"
)


@dataclass
class Outcome:
    """passed; or what is wrong: the fields of a CheckFailed. seconds: how long the check took.

    printed: what it printed; for a wrong answer, on the input that is shown.
    notes: sentences for after a pass, such as a comparison of times.

    Much of it comes from a submission: it becomes text that a terminal shows as it is.
    """

    name: str
    passed: bool
    what: str = ""
    kind: str = ""
    shown: list[str] = field(default_factory=list)
    cause: str | None = None
    hint: str | None = None
    only: str | None = None
    printed: str = ""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.passed, self.seconds = self.passed is True, float(self.seconds)
        self.what, self.kind, self.printed = map(printable, (self.what, self.kind, self.printed))
        self.shown, self.notes = ([printable(line) for line in lines[:MAX_LINES]] for lines in (self.shown, self.notes))
        self.cause, self.hint, self.only = (
            None if text is None else printable(text) for text in (self.cause, self.hint, self.only)
        )

    @staticmethod
    def failed(name: str, fields: dict[str, Any], seconds: float = 0.0) -> Outcome:
        """The outcome for the fields of a CheckFailed."""
        return Outcome(name, False, seconds=seconds, **fields)


def failure_of(error: BaseException) -> CheckFailed:
    """The failure for whatever came out of a check."""
    if isinstance(error, CheckFailed):
        return error
    if isinstance(error, MemoryError):
        cause = "an array or list grows without an end, or is much larger than it must be"
        return CheckFailed("The memory is full.", kind="memory", hint="memory", cause=cause)
    if isinstance(error, Exception):
        return unexpected(error)
    cause = "leave out exit() and sys.exit(): the function must return"
    return CheckFailed(f"The file ends the program ({type(error).__name__}).", kind="exit", hint="exit", cause=cause)
