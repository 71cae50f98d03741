"""Text messages as rows of numbers: tokens, then a bag of words, TF-IDF, or the numbers of words or characters.

    tokens       tokenize("WIN £100! Txt 80086")    win [money] ! txt [short code] [length: 0-39] [digits: 5-14]
    bag of words how often each token of the vocabulary occurs; the order is lost
    TF-IDF       the same, but rarer tokens weigh more, and each row has length 1

The digits of a number say little, but its kind says much: a phone number occurs once, but every second spam has one. So
numbers, sums of money and addresses become classes, in square brackets.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Tried in this order at each place of the lower-case text; the group's name is the class.
TOKENS = re.compile(
    r"""
      (?P<web_address>  (?:https?://|www\.)\S+ | \b[\w.-]+\.(?:com|co\.uk|uk|net|org|info|biz|tv)\b\S* )
    | (?P<email>        \S+@\S+ )
    | (?P<money>        [£$€]\s?\d[\d,.]*\w* | \b\d+\s?(?:pounds?|gbp|quid)\b )
    | (?P<pence>        \b\d+(?:\.\d+)?p(?:pm|/\w+|\s?per\s?\w+)?\b | \b\d+\s?pence\b )
    | (?P<phone_number> \+?\b\d[\d\s-]{8,}\d\b )
    | (?P<time>         \b\d{1,2}[:.]\d\d(?:\s?[ap]m)?\b | \b\d{1,2}\s?[ap]\.?m\b | <time> )
    | (?P<short_code>   \b\d{5,6}\b )
    | (?P<mixed>        \b(?=\w*\d)(?=\w*[a-z])\w{3,}\b )  # as 2nite, gr8, po19
    | (?P<number>       \d+ | <\#> | <decimal> )
    | (?P<smiley>       [:;=]-?[)(dp/]+ )
    | (?P<word>         [^\W\d_]+(?:'[a-z]+)? )
    | (?P<mark>         !+ | \?+ | \.\.+ | £ )
    """,
    re.VERBOSE,
)
CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
WORDS = re.compile(r"[A-Za-z]{2,}")


def tokenize(text: str) -> list[str]:
    """Return the words of a message in order, then the tokens that describe its look."""
    return [*words(text), *looks(text)]


def words(text: str) -> list[str]:
    """Return the words of a message in lower case; numbers, addresses and the like as classes: [phone number]."""
    tokens = []
    for match in TOKENS.finditer(_clean(text).lower()):
        kind, found = match.lastgroup, match.group()
        if kind == "word":
            tokens.append(found)
        elif kind == "mark":
            tokens.append("..." if found[0] == "." else found[0])
        else:
            tokens.append(f"[{str(kind).replace('_', ' ')}]")
    return tokens


def looks(text: str) -> list[str]:
    """Return tokens for the look of a message: its length, its digits, its capitals."""
    text = _clean(text)
    length = min(len(text) // 40, 4) * 40
    digits = sum(c.isdigit() for c in text)
    capitals = len(CAPITALS.findall(text))
    found = [f"[length: {length}{'+' if length == 160 else f'-{length + 39}'}]"]
    if digits:
        found.append("[digits: 1-4]" if digits < 5 else "[digits: 5-14]" if digits < 15 else "[digits: 15+]")
    if capitals >= 3:
        found.append("[CAPITALS: most]" if capitals > 0.9 * len(WORDS.findall(text)) else "[CAPITALS: some]")
    return found


def _clean(text: str) -> str:
    """Unescape HTML, twice since some messages were escaped twice, and unify apostrophes."""
    return html.unescape(html.unescape(text)).replace("\x92", "'").replace("’", "'")


class Inputs(Protocol):
    """Turns texts into rows of numbers. size: of the vocabulary. words: what each column, or number, stands for."""

    words: list[str]

    @property
    def size(self) -> int: ...

    def __call__(self, texts: Sequence[str]) -> NDArray[Any]: ...


def make_inputs(name: str, texts: Sequence[str]) -> Inputs:
    """Return one of the four representations, with the vocabulary of these texts: words that two of them have."""
    if name == "characters":
        counts = Counter(c for text in texts for c in {*text.lower()})
        return Ids(["", *sorted(c for c, n in counts.items() if n >= 2)], str.lower, 160, 8)
    documents = [{*tokenize(text)} for text in texts]
    counts = Counter(token for tokens in documents for token in tokens)
    words = sorted(token for token, n in counts.items() if n >= 2)
    if name == "embeddings":
        return Ids(["", *words], tokenize, 60, 1)
    idf = np.log((1 + len(texts)) / (1 + np.array([counts[word] for word in words]))) + 1
    return Bag(words, idf.astype(np.float32) if name == "TF-IDF" else None)


@dataclass(frozen=True, eq=False)
class Bag:
    """Bag of words, or TF-IDF. idf: a word's weight, log((1 + messages) / (1 + messages with it)) + 1."""

    words: list[str]
    idf: NDArray[np.float32] | None

    @property
    def size(self) -> int:
        """Words in the vocabulary."""
        return len(self.words)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, words): how often each word occurs; unknown words are ignored."""
        column = {word: i for i, word in enumerate(self.words)}
        rows = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for token, count in Counter(tokenize(text)).items():
                if token in column:
                    row[column[token]] = count
        if self.idf is not None:
            rows *= self.idf
            rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return rows


@dataclass(frozen=True, eq=False)
class Ids:
    """Words, or characters, as numbers in their order. 0 fills the rows; unknown ones are left out."""

    words: list[str]
    cut: Callable[[str], Iterable[str]]
    most: int
    least: int

    @property
    def size(self) -> int:
        """Words in the vocabulary, with the one that fills the rows."""
        return len(self.words)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return (texts, longest)."""
        number = {word: i for i, word in enumerate(self.words)}
        found = [[number[piece] for piece in self.cut(text) if piece in number][: self.most] for text in texts]
        rows = np.zeros((len(texts), max([self.least, *map(len, found)])), dtype=np.int64)
        for row, ids in zip(rows, found, strict=True):
            row[: len(ids)] = ids
        return rows
