"""Words with their vectors: nearest words, analogies, files in GloVe's format."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from itertools import islice, permutations
from pathlib import Path

import numpy as np

from helpers.program import DataError

Pair = tuple[str, str]


class WordVectors:
    """Words, each with a vector of length 1: the dot product of two is the cosine of the angle between them."""

    def __init__(self, words: Sequence[str], rows: np.ndarray) -> None:
        """rows: (words, dim), of any length."""
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        self.words, self.rows = list(words), rows / np.where(lengths > 0, lengths, 1)
        self.place = {word: i for i, word in reversed([*enumerate(words)])}  # the first of words that occur twice

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.place

    def __getitem__(self, word: str) -> np.ndarray:
        """(dim,)."""
        return self.rows[self.place[word]]

    def check(self, words: Iterable[str]) -> None:
        """Raises DataError for words that have no vector."""
        if unknown := [word for word in words if word not in self]:
            raise DataError(f"there is no vector for {', '.join(unknown)}; words are in small letters")

    def known(self, pairs: Iterable[Pair]) -> list[Pair]:
        """The pairs of which both words have a vector."""
        return [(a, b) for a, b in pairs if a in self and b in self]

    def cosine(self, a: str, b: str) -> float:
        return float(self[a] @ self[b])

    def near(self, vector: np.ndarray, n: int = 1, without: Iterable[str] = ()) -> list[tuple[str, float]]:
        """The n words nearest to a vector by cosine, best first; none of those in `without`."""
        cosines = self.rows @ (vector / (np.linalg.norm(vector) or 1))
        cosines[[self.place[word] for word in without]] = -np.inf
        best = np.argsort(-cosines, kind="stable")[:n]
        return [(self.words[i], float(cosines[i])) for i in best if cosines[i] > -np.inf]

    def analogies_right(self, pairs: Sequence[Pair]) -> tuple[int, int, int]:
        """How many analogies of two pairs are asked; how many come out right; how many if the question's words count.

        Of pairs (a, b) and (c, d): is d the word nearest to b - a + c?
        """
        asked = [(a, b, c, d) for (a, b), (c, d) in permutations(self.known(pairs), 2) if len({a, b, c, d}) == 4]
        right = with_own = 0
        for a, b, c, d in asked:
            first, *_ = found = self.near(self[b] - self[a] + self[c], 4)
            with_own += first[0] == d
            right += next(word for word, _ in found if word not in (a, b, c)) == d
        return len(asked), right, with_own


def read(path: Path, limit: int | None = None) -> WordVectors:
    """Read vectors from a text file in GloVe's format: a word and its numbers in each line.

    limit: how many lines to read. Raises DataError that names the line if the file is of another kind.
    """
    print(f"Reading {path} ...", flush=True)
    words: list[str] = []
    numbers: list[str] = []
    dim = 0
    try:
        with path.open(encoding="utf-8") as file:
            for line in islice(file, limit):
                word, _, rest = line.rstrip("\n").partition(" ")
                dim = dim or rest.count(" ") + 1
                if rest.count(" ") + 1 != dim:  # a few words of GloVe's largest file have spaces in them
                    word, *some = line.rstrip("\n").rsplit(" ", dim)
                    rest = " ".join(some)
                words.append(word)
                numbers.append(rest)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    rows = parse(" ".join(numbers))
    if dim < 2 or len(rows) != len(words) * dim:
        line = next((i for i, text in enumerate(numbers) if len(parse(text)) != dim or dim < 2), 0)
        raise DataError(f"{path}, line {line + 1}: wanted a word and its numbers, as in GloVe's files")
    print(f"{len(words):,} words, {dim} numbers each.")
    return WordVectors(words, rows.reshape(len(words), dim))


def parse(text: str) -> np.ndarray:
    """The numbers in a text, up to the first that is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's, where a text has something else than numbers
        try:
            return np.fromstring(text, dtype=np.float32, sep=" ")
        except ValueError:
            return np.empty(0, np.float32)
