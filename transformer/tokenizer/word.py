"""One token per word and punctuation mark: short sequences, a large vocabulary, and unknown words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Self

from .base import Tokenizer
from .checks import checked_int
from .special_tokens import training_parts
from .vocabulary import UNKNOWN, look_up, numbered

CLOSING, OPENING = frozenset(".,;:!?)]}%…"), frozenset("([{")


def words(text: str) -> list[str]:
    """The words and punctuation marks of a text, without whitespace, in Unicode's NFC form.

    >>> words("Was the bank flooded?")
    ['Was', 'the', 'bank', 'flooded', '?']
    """
    text = unicodedata.normalize("NFC", text)
    return _pattern("".join(sorted(c for c in set(text) if unicodedata.category(c)[0] == "M"))).findall(text)


@cache
def _pattern(marks: str) -> re.Pattern[str]:
    r"""Matches letters, digits and the combining marks given (not in \w), joined by apostrophes; or one other sign."""
    letters = rf"[\w{re.escape(marks)}]+"
    return re.compile(rf"{letters}(?:['’]{letters})*|[^\w\s]")


class WordTokenizer(Tokenizer):
    """Words and punctuation marks as tokens: "Was the bank flooded?" is Was / the / bank / flooded / ?

    - `special_tokens`: their ids follow those of the words. If "<unk>" is among them, it replaces unknown words, which
      are an error otherwise.

    Whitespace is not kept: `decode` puts a space between words, and none before a full stop, a question mark and so on.

    Raises ValueError for a token that `words` does not return as one word, or that occurs twice.
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
        """A tokenizer with the words of a text, the most frequent first, ties in alphabetical order.

        - `vocab_size`: the most tokens, including special ones; the rarest words are left out. None keeps all words.

        Raises ValueError if vocab_size is smaller than the number of special tokens, TypeError if the text is not a str
        or vocab_size is not an integer.
        """
        parts = training_parts("WordTokenizer.train", text, special_tokens)
        counts = Counter(word for part in parts for word in words(part))
        found = sorted(counts, key=lambda word: (-counts[word], word))
        if vocab_size is not None:
            room = checked_int("WordTokenizer.train: vocab_size", vocab_size) - len(special_tokens)
            if room < 0:
                raise ValueError(
                    f"WordTokenizer.train: vocab_size {vocab_size} is too small for {len(special_tokens)} special "
                    "tokens"
                )
            found = found[:room]
        return cls(found, special_tokens)

    def _encode(self, text: str) -> list[int]:
        return look_up(words(text), self._ids, self.special_tokens.get(UNKNOWN), self._unknown)

    def _unknown(self, word: str) -> str:
        return f"the word {word!r} is not in the vocabulary of {len(self.words)} words"

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
