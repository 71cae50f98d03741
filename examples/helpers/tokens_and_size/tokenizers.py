"""Four ways to cut "12+30=42" into tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transformer import BPETokenizer

END = "<end>"


@dataclass(frozen=True)
class Cut:
    """A tokenization. pieces: the text of each token; pieces_of: a sum's pieces."""

    pieces: list[str]
    pieces_of: Callable[[str], list[str]]

    @property
    def size(self) -> int:
        """Tokens in the vocabulary."""
        return len(self.pieces)

    @property
    def end(self) -> int:
        """The token after an answer."""
        return self.pieces.index(END)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return [self.pieces.index(piece) for piece in self.pieces_of(text)]

    def decode(self, tokens: Sequence[int]) -> str:
        """The digits of an answer."""
        return "".join(re.sub(r"\D", "", self.pieces[token]) for token in tokens)


def characters() -> Cut:
    """1 2 + 3 0 = 4 2."""
    return Cut([*"0123456789+=", END], list)


def numbers(n: int) -> Cut:
    """12 + 30 = 42: one token for each number below n."""
    return Cut([*map(str, range(n)), "+", "=", END], lambda text: re.findall(r"\d+|[+=]", text))


def special(n: int) -> Cut:
    """NUM_12 OP_PLUS NUM_30 OP_EQUALS NUM_42."""
    names = {"+": "OP_PLUS", "=": "OP_EQUALS"}
    pieces = [*(f"NUM_{i}" for i in range(n)), "OP_PLUS", "OP_EQUALS", END]
    return Cut(pieces, lambda text: [names.get(x, f"NUM_{x}") for x in re.findall(r"\d+|[+=]", text)])


def byte_pairs(pairs: np.ndarray) -> Cut:
    """Pieces that byte-pair encoding learns from the sums: the 60 most frequent pairs are merged."""
    text = " ".join(f"{a}+{b}={a + b}" for a, b in pairs.tolist())
    tokenizer = BPETokenizer.train(text.replace(" ", "\n"), 256 + 60)
    used = sorted({piece for a in range(200) for piece in tokenizer.tokens(str(a))} | {*"+="})
    return Cut([*used, END], tokenizer.tokens)
