"""Typical wrong answers to the exercises, each with the diagnosis that it must get.

A third of them are right by luck on easy inputs: on zeros, on square matrices, on positive numbers, on one example.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wrong:
    """An answer for each gap, None for the right one; and the names of diagnoses that are right for it.

    `misjudged`: it is caught, but with another diagnosis; why stands in the text.
    """

    name: str
    answers: tuple[str | None, ...]
    hints: tuple[str, ...]
    misjudged: str = ""


def wrong(name: str, *answers: str | None, hint: str | tuple[str, ...], misjudged: str = "") -> Wrong:
    return Wrong(name, answers, (hint,) if isinstance(hint, str) else hint, misjudged)


def all_wrong() -> list[Wrong]:
    """Those of all chapters."""
    files = sorted(Path(__file__).parent.glob("ch*.py"))
    return [w for file in files for w in importlib.import_module(f"{__name__}.{file.stem}").WRONG]
