"""Dates as people write them, and in ISO format: "May 4, 1977" and "1977-05-04". The tokens are characters."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

import numpy as np

from helpers.program import DataError

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
CHARACTERS = " ,.-0123456789" + "".join(sorted(set("".join(MONTHS))))
PAD, START, END = len(CHARACTERS), len(CHARACTERS) + 1, len(CHARACTERS) + 2
SIZE = len(CHARACTERS) + 3
LONGEST = 20
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def examples(n: int, seed: int, test: bool = True) -> tuple[list[str], list[str]]:
    """Random dates and their ISO format; those of years that end in 9 are kept for the test."""
    draw = np.random.default_rng(seed)
    written, iso = [], []
    while len(written) < n:
        month, year = int(draw.integers(12)), int(draw.integers(1700, 2030))
        if (year % 10 == 9) != test:
            continue
        day, name = int(draw.integers(1, DAYS[month] + 1)), MONTHS[month]
        named = (f"{name} {day}, {year}", f"{day} {name} {year}", f"{name[:3]} {day}, {year}")
        written.append((*named, f"{day}. {month + 1}. {year}")[draw.integers(4)])
        iso.append(f"{year}-{month + 1:02}-{day:02}")
    return written, iso


def make(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source, which of it is not padding, target, and the token after each of the target's."""
    written, iso = examples(n, seed, test=False)
    source = np.full((n, LONGEST), PAD)
    for row, text in zip(source, written, strict=True):
        row[: len(text)] = encode(text)
    begun = np.array([target(text) for text in iso])  # (n, 11)
    return source, source != PAD, begun, np.column_stack([begun[:, 1:], np.full(n, END)])


def encode(text: str) -> list[int]:
    """The characters of a text as tokens. Raises DataError for others, or too many."""
    if not text or len(text) > LONGEST or not {*text} <= {*CHARACTERS}:
        raise DataError(f'{text!r} is not a date as in "May 4, 1977", "4 May 1977" or "4. 5. 1977"')
    return [CHARACTERS.index(c) for c in text]


def iso_of(text: str) -> str | None:
    """The ISO format of a date in one of the forms that are learnt, by rules; None for another form or no such day."""
    for form in ("%B %d, %Y", "%d %B %Y", "%b %d, %Y", "%d. %m. %Y"):
        with suppress(ValueError):  # another form, or a day as February 30
            return datetime.strptime(text, form).date().isoformat()
    return None


def target(iso: str) -> list[int]:
    """What the decoder is given: the start, and the characters up to the one before each."""
    return [START, *(CHARACTERS.index(c) for c in iso)]


def decode(tokens: Iterable[int]) -> str:
    """Tokens as a text."""
    return "".join(CHARACTERS[t] for t in tokens if t < PAD)


def signs(tokens: Iterable[int]) -> list[str]:
    """Tokens as signs, one each."""
    return [CHARACTERS[t].replace(" ", "␣") if t < PAD else {PAD: "pad", START: "start", END: "end"}[t] for t in tokens]
