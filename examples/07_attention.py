"""Attention: "Was the bank flooded?" Each word's vector takes up what the words around it say.

    python examples/07_attention.py
    python examples/07_attention.py --sentence "Is the bank very muddy?" --word bank
    python examples/07_attention.py --real          # which heads of two real models look from "bank" to "flooded"

Before attention, "bank" has the same vector in every sentence, a row of W_E. Attention updates it, in three steps:

    scores  = Q K^T / sqrt(d)       Q = x W_Q: what am I looking for?   K = x W_K: what do I offer?
    weights = softmax(scores)       each row between 0 and 1, together 1
    after   = x + weights V         V = x W_V: what do I send?

First, one head learns what "bank", "tower" and "model" mean in made sentences. Then the lecture's exercise: three
heads, each with a kind of question of its own, read "The red car that John bought yesterday broke down on the highway."
Nobody tells a head where to look. It is told which answer is right, and learns the weights from that.
"""

from helpers import cars
from helpers.program import Measured, RealToo, start
from helpers.training import train
from show import attention as show

from random import Random
from typing import NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl


class Reading(NamedTuple):
    """What one head computes for n words."""

    x: tl.Tensor  # (..., n, width): rows of W_E
    q: tl.Tensor  # (..., n, width)
    k: tl.Tensor
    v: tl.Tensor
    weights: tl.Tensor  # (..., n, n)
    after: tl.Tensor  # (..., n, width)
    logits: tl.Tensor  # (..., n, senses)


class OneHead(nn.Module):
    """Vectors of words, one head of attention, and what each word means then."""

    def __init__(self, words: int, width: int, meanings: int) -> None:
        self.W_E = nn.Embedding(words, width)
        self.W_Q, self.W_K, self.W_V = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.W_U = nn.Linear(width, meanings, bias=False)

    def forward(self, tokens: tl.Tensor) -> Reading:
        x = self.W_E(tokens)
        q, k, v = self.W_Q(x), self.W_K(x), self.W_V(x)
        scores = q @ k.swapaxes(-1, -2) / x.shape[-1] ** 0.5  # (..., n, n): one score per pair of words
        scores = tl.masked_fill(scores, tl.unsqueeze(tokens == 0, -2), -np.inf)  # nobody looks at what fills up
        weights = tl.softmax(scores, -1)
        after = x + weights @ v  # the weighted sum of all values updates each word's vector
        return Reading(x, q, k, v, weights, after, self.W_U(after))

    def loss(self, course: show.Course, rows: np.ndarray) -> tl.Tensor:
        """The cross-entropy of the sense of the word that has several."""
        logits = self(tl.tensor(course.tokens[rows])).logits[np.arange(len(rows)), course.at[rows]]  # (batch, senses)
        return nn.functional.cross_entropy(logits, tl.tensor(course.senses[rows]))


class ThreeHeads(nn.Module):
    """Three heads in parallel, each with an answer of its own, and W_O, which brings them together.

    shared: the answers come from all heads together, after W_O, so that nothing divides the work among the heads.
    """

    def __init__(self, words: int, longest: int, descriptions: int, shared: bool = False) -> None:
        self.heads, self.head_dim, self.shared = 3, 16, shared
        width = self.heads * self.head_dim
        self.W_E, self.positions = nn.Embedding(words, width), nn.Embedding(longest, width)
        for table in (self.W_E, self.positions):
            nn.init.normal_(table.weight, 0, 0.5)  # small scores at first, so that each head looks at all words
        self.W_Q, self.W_K, self.W_V, self.W_O = (nn.Linear(width, width, bias=False) for _ in range(4))
        seen = width if shared else self.head_dim
        self.answer = nn.ModuleList([nn.Linear(seen, words, bias=False) for _ in range(self.heads)])
        self.describe = nn.Linear(width, descriptions)

    def forward(self, tokens: tl.Tensor) -> tuple[tl.Tensor, tl.Tensor, tl.Tensor, tl.Tensor]:
        """(batch, n) -> x (batch, n, width), weights (batch, heads, n, n), each head's output (batch, heads, n,
        head_dim), after (batch, n, width)."""
        x = self.W_E(tokens) + self.positions(tl.arange(tokens.shape[-1]))  # which word, and where
        q, k, v = (self.split(W(x)) for W in (self.W_Q, self.W_K, self.W_V))  # (batch, heads, n, head_dim)
        scores = q @ k.swapaxes(-1, -2) / self.head_dim**0.5  # (batch, heads, n, n)
        weights = tl.softmax(tl.masked_fill(scores, (tokens == 0)[:, None, None], -np.inf), -1)
        each = weights @ v  # (batch, heads, n, head_dim)
        return x, weights, each, x + self.W_O(self.concatenate(each))

    def split(self, x: tl.Tensor) -> tl.Tensor:
        """(batch, n, width) -> (batch, heads, n, head_dim)."""
        return x.reshape(*x.shape[:-1], self.heads, self.head_dim).swapaxes(1, 2)

    def concatenate(self, each: tl.Tensor) -> tl.Tensor:
        """(batch, heads, n, head_dim) -> (batch, n, width)."""
        batch, _, n, _ = each.shape
        return each.swapaxes(1, 2).reshape(batch, n, self.heads * self.head_dim)

    def loss(self, course: cars.Course, rows: np.ndarray) -> tl.Tensor:
        """The cross-entropy of the answers to each kind of question, and of the descriptions by all heads together."""
        _, _, each, after = self(tl.tensor(course.tokens[rows]))
        loss = tl.tensor(0.0)
        for h in range(self.heads):
            logits = self.answer[h](after if self.shared else each[:, h])  # (batch, n, words)
            answers = tl.tensor(course.answers[rows, h])
            loss = loss + nn.functional.cross_entropy(logits.swapaxes(1, 2), answers, ignore_index=cars.IGNORED)
        logits = self.describe(after[np.arange(len(rows)), course.thing[rows]])  # (batch, descriptions)
        for g, group in enumerate(cars.GROUPS):
            loss = loss + nn.functional.cross_entropy(logits[:, group], tl.tensor(course.right[rows, g]))
        return loss


def learn(model: OneHead | ThreeHeads, course: show.Course | cars.Course, steps: int, decay: float, what: str) -> None:
    """Train with mini-batches of 64 random sentences; clipped, since a large step can fix a head to a wrong word."""
    print(f"{what} ({steps:,} steps) ...", flush=True)
    optimizer = nn.optim.AdamW(model.parameters(), 0.01, weight_decay=decay)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, min(50, steps // 2), steps)
    train(lambda: model.loss(course, tl.randint(0, len(course.tokens), (64,)).numpy()), optimizer, steps, schedule,
          clip=1.0)  # fmt: skip


def measure(settings: "Settings") -> Measured:
    """One head and its senses; then three heads and the red car."""
    draw = Random(settings.seed)
    shown = [sentence for sentence, *_ in show.SENTENCES]
    course = show.make_sentences(4000, draw, without=[*shown, settings.sentence])
    m = Measured(course=course, tokens=course.encode(settings.sentence), i=show.place(settings.word, settings.sentence))

    m.one = OneHead(len(course.vocabulary), 16, len(show.SENSES))
    learn(m.one, course, settings.steps, 0.3, "One head learns what a word means")
    with tl.no_grad():
        m.reading = m.one(tl.tensor(m.tokens))
        m.readings = [m.one(tl.tensor(course.encode(sentence))) for sentence in shown]
    m.largest = m.reading.weights[m.i].max().item()
    m.weight = show.looks_at("bank", "Was the bank flooded?", m.readings[0])  # word -> weight
    m.largest_in, m.says = {}, {}  # sentence -> the largest weight, and the probability of the sense that it has here
    for (sentence, word, sense), reading in zip(show.SENTENCES, m.readings, strict=True):
        m.largest_in[sentence] = max(show.looks_at(word, sentence, reading).values())
        m.says[sentence] = tl.softmax(reading.logits[show.place(word, sentence)], -1)[show.SENSES.index(sense)].item()
    m.before, m.after = (show.alike(m.readings, part) for part in ("x", "after"))  # word -> cosine in two sentences

    # The exercise: three attention heads that focus on different types of relationships
    about_cars, new = (cars.make(n, draw, without=[cars.RED_CAR, cars.CAUSE]) for n in (5000, 1000))
    sizes = len(cars.VOCABULARY), cars.LONGEST, len(cars.DESCRIPTIONS)
    three, steps = ThreeHeads(*sizes), max(1, settings.steps // 2)
    learn(three, about_cars, steps, 0.1, "Three heads learn from sentences about cars, each with questions of its own")
    with tl.no_grad():
        m.right = show.right_answers(new, three)  # kind of question -> share
        _, weights, each, _ = three(tl.tensor(cars.encode(cars.RED_CAR)[None]))
        answers = [three.answer[h](each[0, h]).argmax(-1).tolist() for h in range(three.heads)]  # for each word
        m.pairs, m.answers = weights.numpy()[0], answers
        m.strongest = show.strongest(m.pairs)  # of the lecture's seven pairs, how many have a word's largest weight
        cause, effect = (cars.CAUSE.index(word) for word in ("broke", "bought"))
        m.cause = three(tl.tensor(cars.encode(cars.CAUSE)[None]))[1][0, cars.LONG_RANGE, effect, cause].item()
        m.said = show.car_as_it_is_read(three, cars.RED_CAR)
        m.as_in_the_lecture = show.as_in_the_lecture(m.said)  # of 24 descriptions
        m.described = show.without_a_head(new, three)  # what is left out -> kind -> share of right descriptions
    m.described_of_all = {name: sum(kinds.values()) / len(kinds) for name, kinds in m.described.items()}

    # "One head learns one type of relationship": also if nobody divides the work?
    free = ThreeHeads(*sizes, shared=True)
    learn(free, about_cars, steps, 0.1, "Three others learn the same, and nobody divides the work")
    with tl.no_grad():
        m.served = show.who_serves_what(new, free)  # what is left out -> kind -> share of right answers
    whole, *silenced = (np.array([*kinds.values()]) for kinds in m.served.values())
    m.kinds_lost = [int((whole - kinds > 0.05).sum()) for kinds in silenced]  # by more than 5 points, for each head
    return m


class Settings(RealToo, out="attention", ask_real=(show.measure_real, show.report_real)):
    """What can be set on the command line."""

    sentence: str = "Was the bank flooded?"  # to follow step by step, made of the words that the made sentences have
    word: str = "bank"  # of the sentence, whose vector is followed
    steps: int = 1500  # of the training of the single head; the three heads take half as many
    page: bool = False  # whether to write a page on which one steps through the single head, attention.html


if __name__ == "__main__":
    start(measure, Settings, show.report)
