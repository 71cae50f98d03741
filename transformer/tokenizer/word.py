"""Tokens that are characters, or words: a small vocabulary and long sequences, or a large one and short sequences."""

from __future__ import annotations

import re
import unicodedata
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Self

from .base import Tokenizer, check_special_tokens, check_text, training_parts, vocabulary_room

UNKNOWN = "<unk>"  # the special token for text that is not in the vocabulary
CLOSING, OPENING = frozenset(".,;:!?)]}%…"), frozenset("([{")


class ListTokenizer(Tokenizer):
    """A tokenizer with a list of all tokens, numbered in the order given; special tokens come last.

    A token of a text that is not in the list becomes "<unk>" if that is a special token; otherwise it is an error.

    Raises TypeError for a token that is not a str, ValueError for one that occurs twice.
    """

    def __init__(self, vocabulary: Sequence[str], special_tokens: Sequence[str] = ()) -> None:
        check_special_tokens(special_tokens)
        ids: dict[str, int] = {}
        for id, token in enumerate([*vocabulary, *special_tokens]):
            check_text(type(self).__name__, token)
            if token in ids:
                name = type(self).__name__
                raise ValueError(f"{name}: {token!r} occurs twice; to learn the tokens of a text, {name}.train(text)")
            ids[token] = id
        super().__init__(list(ids), {token: ids[token] for token in special_tokens})
        self._ids = {token: ids[token] for token in vocabulary}

    @abstractmethod
    def _describe(self, token: str) -> str:
        """A token that is not in the vocabulary, and how large that is."""

    def _ids_of(self, tokens: Iterable[str]) -> list[int]:
        """The id of each token. Raises ValueError for an unknown one, unless there is "<unk>"."""
        unknown = self.special_tokens.get(UNKNOWN)
        if unknown is not None:
            return [self._ids.get(token, unknown) for token in tokens]
        try:
            return [self._ids[token] for token in tokens]
        except KeyError as error:
            raise ValueError(
                f"encode: {self._describe(error.args[0])}; train on a text that contains it, or with "
                f'special_tokens=["{UNKNOWN}"]'
            ) from None

    def _state(self) -> dict[str, list[str]]:
        return {"special_tokens": list(self.special_tokens), self.kind: list(self._ids)}

    @classmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        return cls(state[cls.kind], state["special_tokens"])


class CharTokenizer(ListTokenizer):
    """Characters as tokens, numbered in the order given.

        t = CharTokenizer.train("hello")    # e h l o
        t.encode("hole")                    # [1, 3, 2, 0]

    - `characters`: Unicode code points; an emoji or an accented letter may consist of several.
    - `special_tokens`: their ids follow those of the characters. If "<unk>" is among them, it replaces unknown
      characters, which are an error otherwise.

    Raises ValueError for a token that is not a single character, or occurs twice.
    """

    kind = "characters"

    def __init__(self, characters: Sequence[str], special_tokens: Sequence[str] = ()) -> None:
        super().__init__(characters, special_tokens)
        self.characters = list(characters)
        for character in self.characters:
            if len(character) != 1:
                raise ValueError(f"CharTokenizer: {character!r} is not a single character")

    @classmethod
    def train(cls, text: str, special_tokens: Sequence[str] = ()) -> Self:
        """A tokenizer with the characters of a text, sorted by code point. Raises TypeError if it is not a str."""
        parts = training_parts("CharTokenizer.train", text, special_tokens)
        return cls(sorted(set("".join(parts))), special_tokens)

    def _encode(self, text: str) -> list[int]:
        return self._ids_of(text)

    def _describe(self, token: str) -> str:
        return f"{token!r} (U+{ord(token):04X}) is not in the vocabulary of {len(self.characters)} characters"

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        return (self._tokens[id] for id in ids)


class WordTokenizer(ListTokenizer):
    """Words and punctuation marks as tokens: "Was the bank flooded?" is Was / the / bank / flooded / ?

    - `special_tokens`: their ids follow those of the words. If "<unk>" is among them, it replaces unknown words, which
      are an error otherwise.

    Whitespace is not kept: `decode` puts a space between words, and none before a full stop, a question mark and so on.

    Raises ValueError for a token that `words` does not return as one word, or that occurs twice.
    """

    kind = "words"

    def __init__(self, vocabulary: Sequence[str], special_tokens: Sequence[str] = ()) -> None:
        super().__init__(vocabulary, special_tokens)
        self.words = list(vocabulary)
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
            found = found[: vocabulary_room("WordTokenizer.train", vocab_size, special_tokens)]
        return cls(found, special_tokens)

    def _encode(self, text: str) -> list[int]:
        return self._ids_of(words(text))

    def _describe(self, token: str) -> str:
        return f"the word {token!r} is not in the vocabulary of {len(self.words)} words"

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        before = None
        for id in ids:
            token = self._tokens[id]
            apart = before is not None and before not in OPENING and token not in CLOSING
            yield " " + token if apart else token
            before = token


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
