"""Argument checks that the tokenizers share."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator


def check_text(name: str, text: str) -> None:
    """Raises TypeError unless the text is a str, ValueError if it contains a lone surrogate."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected a str, not {type(text).__name__}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: position {error.start} holds {text[error.start]!r}, a lone surrogate (half of a character); "
            'replace it by � with text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")'
        ) from None


def checked_ids(ids: Iterable[int], vocab_size: int) -> Iterator[int]:
    """The ids as ints. Raises TypeError for anything but integers, IndexError for an id outside the vocabulary."""
    try:
        given = iter(ids)
    except TypeError:  # a number, or an array without axes
        raise TypeError(f"decode: expected a sequence of ids, not {ids!r}; for one id write [{ids!r}]") from None
    for position, id in enumerate(given):
        try:
            id = operator.index(id)
        except TypeError:
            raise TypeError(f"decode: expected one row of integers, but position {position} holds {id!r}") from None
        if not 0 <= id < vocab_size:
            raise IndexError(
                f"decode: id {id} at position {position} is out of range: the vocabulary has ids 0 to {vocab_size - 1}"
            )
        yield id


def checked_int(name: str, value: int) -> int:
    """The value as an int. Raises TypeError unless it is a Python or NumPy integer."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
