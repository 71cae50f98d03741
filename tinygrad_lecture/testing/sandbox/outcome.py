"""`Outcome`: what a check of one exercise found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outcome:
    """passed; or what is wrong: the fields of a CheckFailed. seconds: how long the check took.

    notes: sentences for after a pass, such as a comparison of times.
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

    @staticmethod
    def failed(name: str, fields: dict[str, Any], seconds: float = 0.0) -> Outcome:
        """The outcome for the fields of a CheckFailed."""
        return Outcome(name, False, seconds=seconds, **fields)
