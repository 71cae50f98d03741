"""Reading a sentence that somebody wrote, for a model that knows only the words of made sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Collection

from helpers.lecture import DataError
from transformer.tokenizer.word import words


def known_words(sentence: str, known: Collection[str]) -> list[str]:
    """The words and signs of a sentence, in small letters, without a full stop or the like at its end if there are none
    in the made sentences. Raises DataError that names words that are not known."""
    found = words(sentence.lower())
    if found and found[-1] in {*".!?"} - {*known}:
        found.pop()
    if unknown := sorted({word for word in found if word not in known}):
        listed = textwrap.fill(" ".join(sorted(known)), 100, initial_indent="  ", subsequent_indent="  ")
        raise DataError(
            f"the made sentences have no {', '.join(map(repr, unknown))}, so nothing is known of such a word. "
            f"Their {len(known)} words and signs are\n{listed}"
        )
    return found
