"""Made sentences as tokens: for a decoder the next words, for an encoder hidden words, for a classifier labels."""

from dataclasses import dataclass
from random import Random
from time import perf_counter

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers import made_corpus
from helpers.training import train
from transformer import GPT, Encoder, WordTokenizer, mask_tokens
from transformer.training import IGNORED

PAD, START, MASK = "<pad>", "<start>", "<mask>"
SHARE = 0.25  # of the words are hidden; BERT hides 15% of longer texts
ONE, SEVERAL = (sorted({pair[k] for pair in made_corpus.PLURAL}) for k in (0, 1))


@dataclass(frozen=True)
class Sentences:
    """learn, test: (sentences, longest), <start> before each, padding after. possible: all sentences that there are.

    pad, start, mask: the tokens that fill a row, begin a sentence, and hide a word.
    """

    words: WordTokenizer
    learn: np.ndarray
    test: np.ndarray
    possible: frozenset[str]
    pad: int
    start: int
    mask: int

    @property
    def longest(self) -> int:
        """Tokens in a row."""
        return self.learn.shape[1]

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, after <start>."""
        return [self.start, *self.words.encode(text, allowed_special=[MASK])]

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
    pad, start, mask = (words.special_tokens[name] for name in (PAD, START, MASK))
    rows = [[start, *words.encode(text)] for text in (*others[:test], *learn)]
    tokens = nn.utils.rnn.pad_sequence(rows, True, pad).numpy()
    return Sentences(words, tokens[test:], tokens[:test], frozenset(texts), pad, start, mask)


# --- what models are asked --------------------------------------------------------------------------------------------


def guesses(model: GPT | Encoder, made: Sentences, gap: str) -> list[tuple[str, float]]:
    """The words that a model holds for the likeliest in a gap, with their probabilities."""
    tokens = made.encode(gap)
    place = tokens.index(made.mask)
    with tl.no_grad():  # the decoder has read up to the gap, the encoder all
        scores = model(tokens[:place])[-1] if isinstance(model, GPT) else model.logits(tokens)[place]
    p = tl.softmax(scores, axis=-1).numpy()
    return [(made.words.token(int(i)), float(p[i])) for i in np.argsort(-p, kind="stable")[:4]]


def fill_at_the_end(encoder: Encoder, made: Sentences, n: int, seed: int) -> list[str]:
    """Let the encoder write: a mask at the end of each text, a word drawn for it, another mask, ..."""
    draw = np.random.default_rng(seed)
    texts = np.full((n, 1), made.start)
    for _ in range(8):
        texts = np.column_stack([texts, np.full(n, made.mask)])  # (n, tokens)
        with tl.no_grad():
            p = tl.softmax(encoder.logits(texts)[:, -1], axis=-1).numpy()  # (n, vocabulary)
        texts[:, -1] = [draw.choice(len(row), p=row / row.sum()) for row in p.astype(np.float64)]
    return [made.words.decode(text[1:]) for text in texts.tolist()]


def probe(encoder: Encoder, made: Sentences, n: int, seed: int) -> float:
    """Train one linear layer on an encoder's vectors of n labelled sentences; the share that is right in the test."""
    (learn, labels), (test, wanted) = made.one_or_several(made.learn), made.one_or_several(made.test)
    few = np.random.default_rng(seed).permutation(len(learn))[:n]
    with tl.no_grad():  # the encoder learns nothing more
        vectors, test_vectors = (mean_vector(encoder, rows, rows != made.pad) for rows in (learn[few], test))
    mean, std = vectors.mean(axis=0), vectors.std(axis=0, correction=0) + 1e-6
    vectors, test_vectors = (vectors - mean) / std, (test_vectors - mean) / std  # (n, width)
    layer = nn.Linear(vectors.shape[1], 2)
    optimizer = nn.optim.AdamW(layer.parameters(), lr=0.02, weight_decay=1.0)
    train(lambda: nn.functional.cross_entropy(layer(vectors), labels[few]), optimizer, steps=100)
    return float((layer(test_vectors).detach().numpy().argmax(axis=-1) == wanted).mean())


def mean_vector(encoder: Encoder, tokens: np.ndarray, there: np.ndarray) -> tl.Tensor:
    """The mean of a text's vectors, without padding: (n, tokens) -> (n, width)."""
    vectors = encoder(tokens, there)  # (n, tokens, width)
    weight = there[..., None].astype(np.float32)  # (n, tokens, 1)
    return (vectors * weight).sum(axis=1) / weight.sum(axis=1)


def reading_times(model: GPT) -> tuple[float, float, float]:
    """Milliseconds to read 200 tokens at once, and one by one; and how far the last vectors differ."""
    ids = tl.tensor(np.arange(200)[None] % 100)  # (1, 200)
    with tl.no_grad():
        model.next_logits(ids)  # once before the clock runs: the first call compiles, where Numba is there
        begin = perf_counter()
        at_once = model.next_logits(ids)
        middle = perf_counter()
        cache = model.new_cache()  # keeps the keys and values of the tokens before
        for t in range(200):
            one_by_one = model.next_logits(ids[:, t : t + 1], cache=cache)
        end = perf_counter()
    return 1000 * (middle - begin), 1000 * (end - middle), float(np.abs((at_once - one_by_one).numpy()).max())
