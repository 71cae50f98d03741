"""A token for each character: a small vocabulary, long sequences, and nothing to learn but the alphabet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from .base import UNKNOWN, Tokenizer, looked_up, numbered, training_parts


class CharTokenizer(Tokenizer):
    """Characters as tokens, numbered in the order of the alphabet given.

        t = CharTokenizer.train("hello")    # e h l o
        t.encode("hole")                    # [1, 3, 2, 0]

    special_tokens: their ids follow the characters'; "<unk>" among them stands for what is not in the alphabet, which
    is an error otherwise. A character is one of Unicode's code points: an emoji made of several, or é written as e and
    an accent, is several tokens. Raises ValueError for what is no single character or comes twice.
    """

    kind = "characters"

    def __init__(self, characters: Sequence[str], special_tokens: Sequence[str] = ()) -> None:
        self.characters = list(characters)
        self._ids, special = numbered("CharTokenizer", self.characters, special_tokens)
        super().__init__([*self._ids, *special], special)
        for character in self.characters:
            if len(character) != 1:
                raise ValueError(f"CharTokenizer: {character!r} is not one character")

    @classmethod
    def train(cls, text: str, special_tokens: Sequence[str] = ()) -> Self:
        """Number the characters of a text, in the order of their code points. Raises TypeError unless it is a str."""
        parts = training_parts("CharTokenizer.train", text, special_tokens)
        return cls(sorted(set("".join(parts))), special_tokens)

    def _encode(self, text: str) -> list[int]:
        return looked_up(text, self._ids, self.special_tokens.get(UNKNOWN), self._complaint)

    def _complaint(self, unknown: str) -> str:
        return (
            f"{unknown!r} (U+{ord(unknown):04X}) is not among the {len(self.characters)} characters of this "
            "CharTokenizer; train it on a text that has it"
        )

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        return (self._tokens[id] for id in ids)

    def _state(self) -> dict[str, list[str]]:
        return {"special_tokens": list(self.special_tokens), "characters": self.characters}

    @classmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        return cls(state["characters"], state["special_tokens"])
