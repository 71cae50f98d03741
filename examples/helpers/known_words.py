"""Read a user's sentence for a model that knows only the words of its made sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Collection

from helpers.lecture import DataError
from transformer.tokenizer.word import words


def known_words(sentence: str, known: Collection[str]) -> list[str]:
    """Return the words and punctuation marks of a sentence, in lower case.

    A mark at its end is dropped if the made sentences have none. Raises DataError that names the unknown words.
    """
    found = words(sentence.lower())
    if found and found[-1] in {*".!?"} - {*known}:
        found.pop()
    if unknown := sorted({word for word in found if word not in known}):
        listed = textwrap.fill(" ".join(sorted(known)), 100, initial_indent="  ", subsequent_indent="  ")
        raise DataError(
            f"the made sentences have no {', '.join(map(repr, unknown))}, which the model cannot read. "
            f"Their {len(known)} words and marks are\n{listed}"
        )
    return found
