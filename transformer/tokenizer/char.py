"""One token per character: a small vocabulary and long sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from .base import Tokenizer
from .special_tokens import training_parts
from .vocabulary import UNKNOWN, look_up, numbered


class CharTokenizer(Tokenizer):
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
        self.characters = list(characters)
        self._ids, special = numbered("CharTokenizer", self.characters, special_tokens)
        super().__init__([*self._ids, *special], special)
        for character in self.characters:
            if len(character) != 1:
                raise ValueError(f"CharTokenizer: {character!r} is not a single character")

    @classmethod
    def train(cls, text: str, special_tokens: Sequence[str] = ()) -> Self:
        """A tokenizer with the characters of a text, sorted by code point. Raises TypeError if it is not a str."""
        parts = training_parts("CharTokenizer.train", text, special_tokens)
        return cls(sorted(set("".join(parts))), special_tokens)

    def _encode(self, text: str) -> list[int]:
        return look_up(text, self._ids, self.special_tokens.get(UNKNOWN), self._unknown)

    def _unknown(self, character: str) -> str:
        return f"{character!r} (U+{ord(character):04X}) is not in the vocabulary of {len(self.characters)} characters"

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        return (self._tokens[id] for id in ids)

    def _state(self) -> dict[str, list[str]]:
        return {"special_tokens": list(self.special_tokens), "characters": self.characters}

    @classmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        return cls(state["characters"], state["special_tokens"])
