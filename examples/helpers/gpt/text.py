"""Texts to learn from: a file, or a public text by its name, as tokens, a part held out for testing.

A corpus is one long text, learnt in windows, or lines, each a text of its own. Used by 08_gpt.py.
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from helpers.program import DataError
from helpers.public_data import PublicFile, read
from transformer import BPETokenizer, CharTokenizer, Tokenizer, Windows
from transformer.training import IGNORED

Tokens = NDArray[np.int64]

PUBLIC = {
    "shakespeare": PublicFile(
        "Shakespeare's plays",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "tinyshakespeare.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "1.1 MB",
        "pass the file with --text FILE",
    ),
    "names": PublicFile(
        "a list of first names",
        "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
        "names.txt",
        "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
        "0.2 MB",
        "pass the file with --text FILE",
    ),
}
MOST_FOR_TEST = 10_240  # tokens of one text; scoring all of a long one would take longer than the training
MOST_FOR_BIGRAMS = 3000  # tokens in the vocabulary; the table has the square of that


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as tokens, split into a part to learn from and a part for testing."""

    source: str  # where it comes from, for printing
    sha256: str  # of the text
    tokenizer: Tokenizer
    learn: Any  # a data set of (tokens, targets), (n, context) each
    test: Any
    context: int
    learn_pairs: tuple[Tokens, Tokens]  # each token, and its successor
    test_pairs: tuple[Tokens, Tokens]
    lines: frozenset[str] | None = None  # the lines to learn from, if each is a text of its own

    def counting_loss(self) -> float | None:
        """Return the test loss of a bigram table, in nats per token: it counts which token follows which.

        Each count has 1 added, so that no pair has probability 0. None if the table would be too large.
        """
        size = self.tokenizer.vocab_size
        if size > MOST_FOR_BIGRAMS:
            return None
        counts = np.ones((size, size))
        np.add.at(counts, self.learn_pairs, 1)
        p = counts / counts.sum(axis=1, keepdims=True)
        return float(-np.log(p[self.test_pairs]).mean())


def load_text(name: str) -> tuple[str, str]:
    """Return a text and its description: "python", one of PUBLIC, or a UTF-8 file.

    Raises DataError if the file cannot be read or is not UTF-8.
    """
    if name == "python":
        return _python_reference(), "the reference of the Python language, from pydoc_data/topics.py"
    data, source = (PUBLIC[name].read(), PUBLIC[name].what) if name in PUBLIC else (read(Path(name)), name)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from None
    return text, source


def _python_reference() -> str:
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        raise DataError("this Python comes without its reference (pydoc_data); pass a file with --text FILE") from None
    return "\n".join(topics[name] for name in sorted(topics))


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a text, in 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def make_tokenizer(kind: str, text: str, vocabulary: int) -> Tokenizer:
    """Train a tokenizer on a text: "char" or "bpe"."""
    return CharTokenizer.train(text) if kind == "char" else BPETokenizer.train(text, vocabulary)


def one_text(name: str, kind: str, vocabulary: int, context: int) -> Corpus:
    """Return a corpus of one text: windows of its first nine tenths to learn from, the rest for testing."""
    text, source = load_text(name)
    tokenizer = make_tokenizer(kind, text, vocabulary)
    cut = len(text) * 9 // 10
    learn, test = (np.array(tokenizer.encode(part), np.int64) for part in (text[:cut], text[cut:]))
    test = test[: MOST_FOR_TEST + 1]
    if min(len(learn), len(test)) <= context:
        raise DataError(
            f"{name} is too short: its last tenth has {len(test):,} tokens and must fill a window of {context}; take a "
            "longer text or a smaller --context"
        )
    return Corpus(
        source,
        sha256_of(text),
        tokenizer,
        Windows(learn, context),
        Windows(test, context, stride=context),
        context,
        (learn[:-1], learn[1:]),
        (test[:-1], test[1:]),
    )


def many_lines(name: str, kind: str, vocabulary: int) -> Corpus:
    """Return a corpus of lines, each a text of its own; a random tenth of them, at most 3,000, is for testing.

    A newline begins each line as input and ends it as target.
    """
    text, source = load_text(name)
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 20:
        raise DataError(f"{name} has {len(lines)} lines that are not blank; --lines needs 20 or more")
    tokenizer = make_tokenizer(kind, text if "\n" in text else text + "\n", vocabulary)
    (newline,) = tokenizer.encode("\n")
    rows = [[newline, *tokenizer.encode(line), newline] for line in lines]
    context = max(map(len, rows)) - 1
    tokens = np.full((len(rows), context), newline, np.int64)
    targets = np.full((len(rows), context), IGNORED, np.int64)
    for i, row in enumerate(rows):
        tokens[i, : len(row) - 1], targets[i, : len(row) - 1] = row[:-1], row[1:]
    data = nn.TensorDataset(tl.tensor(tokens), tl.tensor(targets))
    held_out = min(len(rows) // 10, 3000)
    learn, test = nn.data.random_split(data, [len(rows) - held_out, held_out], seed=0)
    return Corpus(
        f"{source}, {len(lines):,} lines",
        sha256_of(text),
        tokenizer,
        learn,
        test,
        context,
        _pairs(tokens[learn.indices], targets[learn.indices]),
        _pairs(tokens[test.indices], targets[test.indices]),
        frozenset(lines[i] for i in learn.indices),
    )


def _pairs(tokens: Tokens, targets: Tokens) -> tuple[Tokens, Tokens]:
    counted = targets != IGNORED
    return tokens[counted], targets[counted]
