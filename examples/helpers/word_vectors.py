"""Word vectors: files, nearest words, analogies.

    vectors = read("glove.6B.50d.txt")
    vectors.near(vectors["king"] - vectors["man"] + vectors["woman"], without=["king", "man", "woman"])

A file has one line per word: the word and its numbers, separated by spaces, as in GloVe's files (Pennington et al.,
2014). Used by 06_word_vectors.py.
"""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from helpers.lecture import DataError
from tinygrad_lecture.files import atomic_write

LINES = 4096  # parsed at a time


class WordVectors:
    """Words, each with a vector of length 1: the dot product of two is the cosine of the angle between them.

    Of repeated words the first is kept. Looking up an unknown word raises KeyError.
    """

    def __init__(self, words: Sequence[str], rows: np.ndarray) -> None:
        self.words = list(dict.fromkeys(words))
        if len(self.words) < len(words):
            first = {word: i for i, word in reversed(list(enumerate(words)))}
            rows = rows[[first[word] for word in self.words]]
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        self.rows = rows / np.where(lengths > 0, lengths, 1)  # (words, dim)
        self.place = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.place

    def __getitem__(self, word: str) -> np.ndarray:
        """(dim,)."""
        return self.rows[self.place[word]]

    def near(self, vector: np.ndarray, n: int = 1, without: Iterable[str] = ()) -> list[tuple[str, float]]:
        """Return the n words nearest to a vector by cosine, with their cosines, best first; none in `without`."""
        cosines = self.rows @ (vector / (np.linalg.norm(vector) or 1))
        cosines[[self.place[word] for word in without]] = -np.inf
        best = np.argpartition(-cosines, min(n, len(cosines) - 1))[:n]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(self.words[i], float(cosines[i])) for i in best if cosines[i] > -np.inf]

    def solve(self, questions: Sequence[tuple[str, str, str]], own_words: bool = False) -> list[str]:
        """Answer questions "a is to b as c is to ...": for each, the word nearest to b - a + c.

        own_words: whether a, b and c may be answers; usually they may not (Mikolov et al., arXiv:1301.3781).
        """
        answers: list[str] = []
        places = np.array([[self.place[word] for word in question] for question in questions], np.int64).reshape(-1, 3)
        for some in np.split(places, range(64, len(places), 64)):  # a question takes a row as long as the vocabulary
            a, b, c = (self.rows[some[:, k]] for k in range(3))
            cosines = (b - a + c) @ self.rows.T  # (questions, words), up to a factor per row
            if not own_words:
                np.put_along_axis(cosines, some, -np.inf, axis=1)
            answers += [self.words[i] for i in cosines.argmax(axis=1)]
        return answers


# --- files --------------------------------------------------------------------------------------------------


def read(path: Path, limit: int | None = None) -> WordVectors:
    """Read vectors from a text file in GloVe's format; at most `limit`, which are usually the most frequent words.

    A first line of two numbers, as word2vec writes it, is skipped, and so is a byte order mark. Raises DataError that
    names the damaged line, OSError if the file cannot be read.
    """
    words: list[str] = []
    parts: list[np.ndarray] = []
    dim = 0
    with path.open("rb") as file:
        lines = enumerate(file, 1)
        waiting: list[bytes] = []  # lines not yet parsed, without their words
        for number, line in lines:
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            word, _, numbers = line.rstrip().partition(b" ")
            if number == 1 and word.isdigit() and numbers.isdigit():
                continue
            if not dim:
                dim = numbers.count(b" ") + 1
                if line.startswith(b"PK\x03\x04"):
                    raise DataError(f"{path} is a zip archive; unpack it, and name a text file in it")
                if not numbers or dim < 2:
                    raise DataError(f"{path}, line {number}: wanted a word and its numbers, found {shown(line)}")
            if numbers.count(b" ") != dim - 1:
                word, numbers = with_spaces(line, dim, f"{path}, line {number}")
            words.append(decoded(word, f"{path}, line {number}"))
            waiting.append(numbers)
            done = len(words) == limit
            if len(waiting) == LINES or done:
                parts.append(as_numbers(waiting, dim, path, number))
                waiting = []
            if done:
                break
    if waiting:
        parts.append(as_numbers(waiting, dim, path, number))
    if not words:
        raise DataError(f"{path} is empty; it should have a word and its numbers in each line")
    return WordVectors(words, np.concatenate(parts))


def as_numbers(lines: list[bytes], dim: int, path: Path, last: int) -> np.ndarray:
    """Parse lines of `dim` numbers each: (lines, dim).  last: the number of the last line, for the error."""
    rows = parsed(b" ".join(lines))
    if len(rows) == len(lines) * dim and np.isfinite(rows).all():
        return rows.reshape(len(lines), dim)
    for number, line in enumerate(lines, last - len(lines) + 1):
        for part in line.split():
            if len(value := parsed(part)) != 1 or not np.isfinite(value[0]):
                raise DataError(
                    f"{path}, line {number}: wanted {dim} numbers after the word, "
                    f"but {shown(part)} is not a finite number"
                )
    raise AssertionError("each number is right, but not all of them together")


def parsed(text: bytes) -> np.ndarray:
    """Return the numbers in a text, up to the first thing that is not a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's, at the first thing that is not a number
        try:
            return np.fromstring(text, dtype=np.float32, sep=" ")
        except ValueError:  # which will replace the warning
            return np.empty(0, np.float32)


def with_spaces(line: bytes, dim: int, where: str) -> tuple[bytes, bytes]:
    """Split a line whose word contains spaces, as a few in GloVe's largest file do, into word and numbers.

    Raises DataError if the line has too few or too many numbers instead.
    """
    parts = line.rstrip().rsplit(b" ", dim)
    middle = parts[0].split(b" ")[1:]
    if len(parts) <= dim or any(len(parsed(part)) for part in middle):
        found = len(line.split()) - 1
        raise DataError(f"{where}: wanted a word and {dim} numbers, found {found} after the word: {shown(line)}")
    return parts[0], b" ".join(parts[1:])


def decoded(word: bytes, where: str) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: the word is not UTF-8 but {shown(word)}; is this a text file?") from error


def shown(line: bytes) -> str:
    """Return the beginning of a line, for a message."""
    text = line.rstrip().decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 60 else text[:57] + "...")


def save(path: Path, words: Sequence[str], rows: np.ndarray) -> None:
    """Write vectors to a text file that `read` can read, atomically."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for word, row in zip(words, rows, strict=True):
            file.write(f"{word} {' '.join(f'{x:.6g}' for x in row)}\n")
