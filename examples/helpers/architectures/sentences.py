"""Made sentences as tokens: for a decoder the next words, for an encoder hidden words, for a classifier labels."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

import nn
from helpers import made_corpus
from transformer import WordTokenizer, mask_tokens
from transformer.training import IGNORED

PAD, START, MASK = "<pad>", "<start>", "<mask>"
SHARE = 0.25  # of the words are hidden; BERT hides 15% of longer texts
ONE, SEVERAL = (sorted({pair[k] for pair in made_corpus.PLURAL}) for k in (0, 1))


@dataclass(frozen=True)
class Sentences:
    """learn, test: (sentences, longest), <start> before each, padding after. possible: all sentences that there are."""

    words: WordTokenizer
    learn: np.ndarray
    test: np.ndarray
    possible: frozenset[str]

    @property
    def pad(self) -> int:
        """The token that fills a row."""
        return self.words.special_tokens[PAD]

    @property
    def start(self) -> int:
        """The token before each sentence."""
        return self.words.special_tokens[START]

    @property
    def mask(self) -> int:
        """The token that hides a word."""
        return self.words.special_tokens[MASK]

    @property
    def longest(self) -> int:
        """Tokens in a row."""
        return self.learn.shape[1]

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, after <start>."""
        return [self.start, *self.words.encode(text, allowed_special=[MASK])]

    def names(self, tokens: list[int]) -> list[str]:
        """The words of a row."""
        return [self.words.token(token) for token in tokens]

    def next_words(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tokens, the next token of each, and which are not padding; after the last word comes <start>."""
        there = self.learn != self.pad
        after = np.roll(self.learn, -1, axis=1)
        after[after == self.pad] = self.start
        return self.learn, np.where(there, after, IGNORED), there

    def hide(self, tokens: np.ndarray, seed: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tokens with some hidden, the hidden ones as targets, and which are not padding."""
        there = tokens != self.pad
        keep = ~there | (np.arange(tokens.shape[1]) == 0)  # <start> is not hidden
        inputs, targets = mask_tokens(tokens, self.mask, self.words.vocab_size, share=SHARE, keep=keep, seed=seed)
        return inputs.numpy(), targets.numpy(), there

    def one_or_several(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sentences about people, animals or things, and labels: 0 if about one, 1 if about several."""
        one, several = (np.isin(tokens, self.words.encode(" ".join(group))).any(axis=1) for group in (ONE, SEVERAL))
        chosen = one | several
        return tokens[chosen], several[chosen].astype(np.int64)

    @staticmethod
    def right(scores: np.ndarray, targets: np.ndarray) -> float:
        """The share of targets that have the highest score."""
        asked = targets != IGNORED
        return float((scores.argmax(axis=-1) == targets)[asked].mean())


def make(count: int, seed: int, test: int = 500) -> Sentences:
    """Make sentences to learn from, and others for the test."""
    draw = Random(seed)
    kinds = (made_corpus.about_people, made_corpus.about_others, made_corpus.about_countries)
    texts = [draw.choice(kinds)(draw) for _ in range(10 * count)]
    others = sorted(set(texts))
    draw.shuffle(others)
    held_out = set(others[:test])
    learn = [text for text in texts if text not in held_out][:count]
    words = WordTokenizer.train(" ".join(texts), special_tokens=[PAD, START, MASK])
    start, pad = words.special_tokens[START], words.special_tokens[PAD]
    rows = [[start, *words.encode(text)] for text in (*others[:test], *learn)]
    tokens = nn.data.pad_sequence(rows, pad).numpy()
    return Sentences(words, tokens[test:], tokens[:test], frozenset(texts))
