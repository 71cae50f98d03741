"""`CheckFailed`: what is wrong with an answer, on which input, and why, in words a learner reads once.

And what such a failure shows: numbers and arrays as lines of text, small enough for a terminal of 80 columns.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CheckFailed"]

WIDTH = 74  # columns of a line
MAX_TEXT = 20_000  # characters
MAX_SHOWN = 40  # elements; of a larger array only the shape is shown
CAUSES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("causes.toml").read_text("utf-8"))


@dataclass(eq=False)
class Facts:
    """What is known of a wrong answer: as a text for people, as fields for programs.

    what: the first sentence: what is wrong.  shown: lines with the input, what was expected and what was got.
    cause: the likely cause, a sentence, or None.  hint: a short name of the cause, as "swapped", or None.
    kind: what differs: "value", "shape", "dtype", "raises", "unfinished", "changed", "gradient of x", ...
    only: "square matrices" if the answer is right for these alone, or None.
    printed: what the answer printed for this input.
    """

    what: str = ""
    _: KW_ONLY
    kind: str = "value"
    shown: Sequence[str] = ()
    cause: str | None = None
    hint: str | None = None
    only: str | None = None
    printed: str = ""

    def __str__(self) -> str:
        lines = [self.what, *(f"    {line}" for line in self.shown)]
        if self.only:
            lines.append(f"  It is right for {self.only} only.")
        if self.cause:
            lines.append(f"  likely cause: {self.cause}")
        return "\n".join(lines)


class CheckFailed(Facts, AssertionError):
    """An answer is wrong. `Facts` says what its fields are."""


def said(cause: str, /, **fields: object) -> tuple[str, str]:
    """The name of a hint, which is what stands before the dot, and its sentence in causes.toml."""
    hint, _, kind = cause.partition(".")
    sentence: str = CAUSES[hint][kind] if kind else CAUSES[hint]
    return hint, sentence.format(**fields)


def because(cause: str, /, **fields: object) -> dict[str, Any]:
    """The same as fields of a CheckFailed."""
    return dict(zip(("hint", "cause"), said(cause, **fields), strict=True))


def text_of(value: Any) -> str:
    """A value as text: an array on one or more lines, other values as Python writes them."""
    if isinstance(value, np.ndarray):
        if value.size > MAX_SHOWN:
            return f"array of shape {value.shape}"
        value = value + 0.0 if value.dtype.kind == "f" else value  # no -0
        return np.array2string(value, precision=6, separator=", ", max_line_width=58)
    if isinstance(value, (float, np.floating)):
        text = f"{float(value) + 0.0:.6g}"
        return text if set(text) & set(".einf") else f"{text}.0"
    if isinstance(value, np.generic):
        return str(value.item())
    if isinstance(value, (tuple, list)) and any(isinstance(part, (float, np.ndarray, np.generic)) for part in value):
        inner = ", ".join(text_of(part) for part in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    text = plain_repr(value)
    return text if len(text) <= 300 else text[:297] + "..."


def plain_repr(value: Any) -> str:
    """The beginning of a value as Python writes it, without addresses: <Value>."""
    return re.sub(r"<(?:[\w<>]+\.)*(\w+) object at 0x\w+>", r"<\1>", repr(value)[:1000])


def printable(text: object, kept: str = "\t\n") -> str:
    """A text that others wrote, without characters that steer a terminal: escape codes, marks of direction.

    kept: those of them that stay. Of a very long text the beginning is returned.
    """
    return "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in str(text)[:MAX_TEXT])


def pair(expected: Any, got: Any) -> list[str]:
    """Lines with what was expected and what was got."""
    found = []
    for label, value in (("expected ", expected), ("got ", got)):
        lines = text_of(value).split("\n")
        lines = lines if len(lines) > 1 else textwrap.wrap(lines[0], WIDTH - 9, break_on_hyphens=False) or [""]
        found += [f"{label if k == 0 else '':9}{line}" for k, line in enumerate(lines)]
    return found


def named(label: str, value: Any) -> list[str]:
    """Lines `label = value`; for an array with more than one element also its shape."""
    first, *more = text_of(value).split("\n")
    after = f"   shape {value.shape}" if isinstance(value, np.ndarray) and 1 < value.size <= MAX_SHOWN else ""
    margin = " " * (len(label) + 3)
    lines = [f"{label} = {first}", *(margin + line for line in more)]
    if len(lines[-1] + after) > WIDTH:
        return [*lines, margin + after.strip()]
    lines[-1] += after
    return lines
