"""A token for each word and each punctuation mark: short sequences, a vocabulary without end, and unknown words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Self

from .base import UNKNOWN, Tokenizer, looked_up, numbered, training_parts, whole

CLOSING, OPENING = frozenset(".,;:!?)]}%…"), frozenset("([{")


def words(text: str) -> list[str]:
    """The words and signs of a text, without the space between them; accents and vowel signs belong to their letters.

    >>> words("Was the bank flooded?")
    ['Was', 'the', 'bank', 'flooded', '?']
    """
    text = unicodedata.normalize("NFC", text)
    return _pattern("".join(sorted(c for c in set(text) if unicodedata.category(c)[0] == "M"))).findall(text)


@cache
def _pattern(marks: str) -> re.Pattern[str]:
    """Letters, digits and marks (accents, vowel signs), also with an apostrophe between them; or a sign."""
    letters = rf"[\w{re.escape(marks)}]+"
    return re.compile(rf"{letters}(?:['’]{letters})*|[^\w\s]")


class WordTokenizer(Tokenizer):
    """Words as tokens. "Was the bank flooded?" is Was / the / bank / flooded / ?

    A word that is not in the vocabulary is an error that names it, or the token "<unk>" where special_tokens has that.
    The space between words is not kept: `decode` puts one between them, and none before a full stop, a question mark
    and the like. special_tokens: their ids follow the words'. Raises ValueError for what `words` would not give as one
    word, or what comes twice.
    """

    kind = "words"

    def __init__(self, vocabulary: Sequence[str], special_tokens: Sequence[str] = ()) -> None:
        self.words = list(vocabulary)
        self._ids, special = numbered("WordTokenizer", self.words, special_tokens)
        super().__init__([*self._ids, *special], special)
        for word in self.words:
            if words(word) != [word]:
                raise ValueError(f"WordTokenizer: {word!r} is not one word but {' / '.join(words(word)) or 'none'}")

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None, special_tokens: Sequence[str] = ()) -> Self:
        """Number the words of a text, the most frequent first, equally frequent ones in the order of the alphabet.

        vocab_size: at most so many tokens, special ones included; the rarest words are left out. Raises ValueError if
        it leaves no room for the special ones, TypeError unless the text is a str and vocab_size a whole number.
        """
        parts = training_parts("WordTokenizer.train", text, special_tokens)
        counts = Counter(word for part in parts for word in words(part))
        found = sorted(counts, key=lambda word: (-counts[word], word))
        if vocab_size is not None:
            room = whole("WordTokenizer.train: vocab_size", vocab_size) - len(special_tokens)
            if room < 0:
                raise ValueError(
                    f"WordTokenizer.train: vocab_size {vocab_size} has no room for {len(special_tokens)} special tokens"
                )
            found = found[:room]
        return cls(found, special_tokens)

    def _encode(self, text: str) -> list[int]:
        return looked_up(words(text), self._ids, self.special_tokens.get(UNKNOWN), self._complaint)

    def _complaint(self, unknown: str) -> str:
        return (
            f"the word {unknown!r} is not among the {len(self.words)} words of this WordTokenizer; train it on a text "
            "that has it"
        )

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        before = None
        for id in ids:
            token = self._tokens[id]
            apart = before is not None and before not in OPENING and token not in CLOSING
            yield " " + token if apart else token
            before = token

    def _state(self) -> dict[str, list[str]]:
        return {"special_tokens": list(self.special_tokens), "words": self.words}

    @classmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        return cls(state["words"], state["special_tokens"])
