"""Text messages as rows of numbers: tokens, then a bag of words or TF-IDF.

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Vectorizer:
    """Turns messages into rows of numbers, one column per token of a vocabulary.

    kind: "bag" or "tfidf".  idf: a token's weight, log((1 + messages) / (1 + messages with it)) + 1.
    """

    kind: str
    vocabulary: list[str]
    idf: NDArray[np.float32]  # (vocabulary,)

    @classmethod
    def learn(cls, documents: Sequence[Sequence[str]], kind: str, at_least: int = 2) -> Vectorizer:
        """Learn the vocabulary of documents, lists of tokens: the tokens that occur in `at_least` of them.

        Raises ValueError for another kind, or if no token occurs in that many documents.
        """
        if kind not in ("bag", "tfidf"):
            raise ValueError(f'Vectorizer: kind must be "bag" or "tfidf", not {kind!r}')
        found = Counter(token for tokens in documents for token in set(tokens))
        vocabulary = sorted(token for token, count in found.items() if count >= at_least)
        if not vocabulary:
            raise ValueError(f"no word is in {at_least} messages or more, so there is nothing to learn from")
        counts = np.array([found[token] for token in vocabulary])
        idf = np.log((1 + len(documents)) / (1 + counts)) + 1
        return cls(kind, vocabulary, idf.astype(np.float32))

    def __call__(self, documents: Sequence[Iterable[str]]) -> NDArray[np.float32]:
        """Return (documents, vocabulary): one row per document; unknown tokens are ignored."""
        column = {token: i for i, token in enumerate(self.vocabulary)}
        rows = np.zeros((len(documents), len(self.vocabulary)), dtype=np.float32)
        for row, tokens in zip(rows, documents, strict=True):
            for token, count in Counter(tokens).items():
                if token in column:
                    row[column[token]] = count
        if self.kind == "tfidf":
            np.log1p(rows, out=rows)  # a fifth "free" says less than the first
            rows *= self.idf
            rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return rows
