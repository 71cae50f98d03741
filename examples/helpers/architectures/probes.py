"""What models are asked: words for a gap, a text by filling masks, labels from their vectors, the time to read."""

from __future__ import annotations

from time import perf_counter

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.architectures.sentences import Sentences
from transformer import GPT, Encoder


def guesses(model: GPT | Encoder, made: Sentences, gap: str) -> list[tuple[str, float]]:
    """The words that a model holds for the likeliest in a gap, with their probabilities."""
    tokens = made.encode(gap)
    place = tokens.index(made.mask)
    with tl.no_grad():  # the decoder has read up to the gap, the encoder all
        scores = model(tokens[:place])[-1] if isinstance(model, GPT) else model(tokens)[place]
    p = tl.softmax(scores, axis=-1).numpy()
    return [(made.words.token(int(i)), float(p[i])) for i in np.argsort(-p, kind="stable")[:4]]


def fill_at_the_end(encoder: Encoder, made: Sentences, n: int, seed: int) -> list[str]:
    """Let the encoder write: a mask at the end of each text, a word drawn for it, another mask, ..."""
    draw = np.random.default_rng(seed)
    texts = np.full((n, 1), made.start)
    for _ in range(8):
        texts = np.column_stack([texts, np.full(n, made.mask)])  # (n, tokens)
        with tl.no_grad():
            p = tl.softmax(encoder(texts)[:, -1], axis=-1).numpy()  # (n, vocabulary)
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
    for _ in range(100):
        loss = nn.functional.cross_entropy(layer(vectors), labels[few])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float((layer(test_vectors).detach().numpy().argmax(axis=-1) == wanted).mean())


def mean_vector(encoder: Encoder, tokens: np.ndarray, there: np.ndarray) -> tl.Tensor:
    """The mean of a text's vectors, without padding: (n, tokens) -> (n, width)."""
    vectors = encoder.encode(tokens, there)  # (n, tokens, width)
    weight = there[..., None].astype(np.float32)  # (n, tokens, 1)
    return (vectors * weight).sum(axis=1) / weight.sum(axis=1)


def reading_times(model: GPT) -> tuple[float, float, float]:
    """Milliseconds to read 200 tokens at once, and one by one; and how far the last vectors differ."""
    ids = tl.tensor(np.arange(200)[None] % 100)  # (1, 200)
    with tl.no_grad():
        begin = perf_counter()
        at_once = model.next_logits(ids)
        middle = perf_counter()
        cache = model.new_cache()  # keeps the keys and values of the tokens before
        for t in range(200):
            one_by_one = model.next_logits(ids[:, t : t + 1], cache=cache)
        end = perf_counter()
    return 1000 * (middle - begin), 1000 * (end - middle), float(np.abs((at_once - one_by_one).numpy()).max())
