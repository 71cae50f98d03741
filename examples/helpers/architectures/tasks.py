"""The tasks of 09_architectures.py as data sets: the next word, hidden words, one or several, words backwards.

Each yields batches (*inputs, targets) for its model. tests/benchmarks/architectures.py trains the same
models in PyTorch on the same batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers import made_corpus
from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from transformer import WordTokenizer, mask_tokens
from transformer.training.loss import IGNORED

Tokens = np.ndarray

# --- sentences ----------------------------------------------------------------------------------------------

PAD, START, MASK = "<pad>", "<start>", "<mask>"
SHARE = 0.25  # of the words are hidden; BERT hides 15% of longer texts
ONE, SEVERAL = (sorted({pair[k] for pair in made_corpus.PLURAL}) for k in (0, 1))


@dataclass(frozen=True)
class Sentences:
    """Made sentences. learn, test: (sentences, longest), a start token before each sentence and padding after it."""

    tokenizer: WordTokenizer
    learn: Tokens
    test: Tokens

    @property
    def pad(self) -> int:
        return self.tokenizer.special_tokens[PAD]

    @property
    def start(self) -> int:
        return self.tokenizer.special_tokens[START]

    @property
    def mask(self) -> int:
        return self.tokenizer.special_tokens[MASK]

    @property
    def longest(self) -> int:
        return self.learn.shape[1]

    def encode(self, text: str) -> list[int]:
        """Return the start token and a text's tokens; "<mask>" is the mask. Raises ValueError for unknown words."""
        return [self.start, *self.tokenizer.encode(text, allowed_special=[MASK])]

    def words(self, tokens: Any) -> list[str]:
        """Return the words of a row, without padding."""
        return [self.tokenizer.token(int(token)) for token in tokens if token != self.pad]


def make_sentences(count: int, seed: int, test: int = 500) -> Sentences:
    """Make `count` sentences to learn from, and `test` others that are not among them (made_corpus.py)."""
    draw = Random(seed)
    kinds = (made_corpus.about_people, made_corpus.about_others, made_corpus.about_countries)
    texts = [draw.choice(kinds)(draw) for _ in range(2 * count)]
    others = sorted(set(texts))
    draw.shuffle(others)
    kept = set(others[test:])
    learn = [text for text in texts if text in kept][:count]
    tokenizer = WordTokenizer.train(" ".join(texts), special_tokens=[PAD, START, MASK])
    start, pad = (tokenizer.special_tokens[name] for name in (START, PAD))
    rows = [[start, *tokenizer.encode(text)] for text in (*others[:test], *learn)]
    tokens = nn.data.pad_sequence(rows, pad).numpy()
    return Sentences(tokenizer, tokens[test:], tokens[:test])


def next_words(sentences: Sentences, tokens: Tokens) -> nn.TensorDataset:
    """For a decoder: tokens, which of them are not padding, and the next token of each; (n, longest) each.

    The last word is followed by the start token, which would begin another sentence.
    """
    there = tokens != sentences.pad
    after = np.roll(tokens, -1, axis=1)
    after[after == sentences.pad] = sentences.start
    return nn.TensorDataset(tl.tensor(tokens), tl.tensor(there), tl.tensor(np.where(there, after, IGNORED)))


class HiddenWords:
    """For an encoder: tokens with some masked, which are not padding, and the masked tokens; (n, longest) each.

    Other words are masked each time or, with a seed, always the same ones of a batch.
    """

    takes_many = True

    def __init__(self, sentences: Sentences, tokens: Tokens, seed: int | None = None) -> None:
        self.sentences, self.tokens, self.seed = sentences, tokens, seed

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Any) -> tuple[Tensor, Tensor, Tensor]:
        tokens, made = self.tokens[rows], self.sentences
        there = tokens != made.pad
        keep = ~there | (np.arange(tokens.shape[1]) == 0)  # the start token is not hidden
        size = made.tokenizer.vocab_size
        inputs, targets = mask_tokens(tokens, made.mask, size, share=SHARE, keep=keep, seed=self.seed)
        return inputs, tl.tensor(there), targets


def hidden_in_the_test(sentences: Sentences) -> HiddenWords:
    """Return the test sentences four times, each time with other words hidden: always the same 3,600 or so."""
    return HiddenWords(sentences, np.tile(sentences.test, (4, 1)), seed=0)


def one_or_several(sentences: Sentences, tokens: Tokens) -> nn.TensorDataset:
    """For a classifier: sentences about people, animals or things, labelled 0 if about one, 1 if about several."""
    one, several = (np.isin(tokens, sentences.tokenizer.encode(" ".join(group))).any(1) for group in (ONE, SEVERAL))
    chosen = tokens[one | several]
    targets = several[one | several].astype(np.int64)
    return nn.TensorDataset(tl.tensor(chosen), tl.tensor(chosen != sentences.pad), tl.tensor(targets))


# --- words backwards ----------------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FILL, BEGIN, END = range(len(LETTERS), len(LETTERS) + 3)
SHORTEST, LONGEST = 3, 8  # letters in a word
SIGNS = [*LETTERS, "<fill>", "<begin>", "<end>"]


def signs(tokens: Any) -> list[str]:
    """Return tokens as letters, and the special ones by their names."""
    return [SIGNS[int(token)] for token in tokens]


class Reversals:
    """For an encoder-decoder: random letters and the same backwards; others each time or, with a seed, always the same.

    A batch is source, target, which of the source is not padding, and targets, (n, LONGEST + 1) each. source: the
    letters and END. target: BEGIN and the letters backwards. targets: the same, one token ahead, with END.
    """

    takes_many = True

    def __init__(self, count: int, seed: int | None = None) -> None:
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        n = len(np.arange(self.count)[rows])
        random = rng.generator(self.seed)
        words = [random.integers(0, len(LETTERS), random.integers(SHORTEST, LONGEST + 1)) for _ in range(n)]
        source, target = np.full((n, LONGEST + 1), FILL), np.full((n, LONGEST + 1), FILL)
        targets = np.full((n, LONGEST + 1), IGNORED)
        for i, word in enumerate(words):
            end = len(word) + 1
            source[i, :end] = [*word, END]
            target[i, :end] = [BEGIN, *word[::-1]]
            targets[i, :end] = [*word[::-1], END]
        return tl.tensor(source), tl.tensor(target), tl.tensor(source != FILL), tl.tensor(targets)


# --- how good an answer is ----------------------------------------------------------------------------------


def right_answers(logits: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Return the share of right tokens, and the share of rows in which every token is right.

    logits: (n, tokens, vocab_size).  targets: (n, tokens), IGNORED where a token does not count.
    """
    asked = targets != IGNORED
    right = (logits.argmax(-1) == targets) | ~asked
    return float(right[asked].mean()), float(right.all(1).mean())
