"""Attention: "Was the bank flooded?" Each word's vector takes up what the words around it say.

    python examples/07_attention.py
    python examples/07_attention.py --sentence "Is the bank very muddy?" --word bank

Before attention, "bank" has the same vector in every sentence, a row of W_E. Attention updates it, in three steps:

    scores  = Q K^T / sqrt(d)       Q = x W_Q: what am I looking for?   K = x W_K: what do I offer?
    weights = softmax(scores)       each row between 0 and 1, together 1
    after   = x + weights V         V = x W_V: what do I send?

First, one head learns what "bank", "tower" and "model" mean in made sentences. Then the lecture's exercise: three
heads, each with a kind of question of its own, read "The red car that John bought yesterday broke down on the highway."
Nobody tells a head where to look. It is told only whether the answer was right, and learns the weights from that.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.attention import cars, pictures, report, senses
from helpers.program import start

SENTENCES = (  # the lecture's, and some like them
    ("Was the bank flooded?", "bank"),
    ("The bank was flooded.", "bank"),
    ("I went to the bank.", "bank"),
    ("The tower was very tall.", "tower"),
    ("The Eiffel tower was very tall.", "tower"),
    ("The machine learning model was new.", "model"),
    ("The fashion model was new.", "model"),
    ("The model was new.", "model"),
)
RED_CAR = "the red car that John bought yesterday broke down on the highway ."
PAIRS = (  # the lecture's strong attention relationships, each with the head that has to find it
    ("red", "car", cars.MODIFICATION, "adjective modifies noun"),
    ("car", "broke", cars.GRAMMATICAL, "subject, verb"),
    ("that", "car", cars.LONG_RANGE, "relative pronoun"),
    ("John", "bought", cars.GRAMMATICAL, "subject, verb"),
    ("bought", "car", cars.GRAMMATICAL, "verb, object"),
    ("yesterday", "bought", cars.MODIFICATION, "time"),
    ("broke", "highway", cars.MODIFICATION, "location"),
    ("broke", "car", cars.LONG_RANGE, "long-range subject"),  # from its solution's third head
)


@dataclass
class Settings:
    """What can be set on the command line."""

    sentence: str = "Was the bank flooded?"
    """to follow step by step, made of the words that the made sentences have"""
    word: str = "bank"
    """of the sentence, whose vector is followed"""
    width: int = 16
    """numbers in a word's vector, for the single head"""
    steps: int = 1500
    """of the training of the single head; the three heads take half as many"""
    page: bool = False
    """whether to write a page on which one steps through the single head, attention.html"""
    seed: int = 0
    """of the sentences and the first weights"""
    out: Path = Path("out/attention")
    """folder for the pictures"""


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


class ThreeHeads(nn.Module):
    """Three heads in parallel, each with an answer of its own, and W_O, which brings them together."""

    def __init__(self, words: int, longest: int, descriptions: int, heads: int = 3, head_dim: int = 16) -> None:
        width = heads * head_dim
        self.heads, self.head_dim = heads, head_dim
        self.W_E, self.positions = nn.Embedding(words, width), nn.Embedding(longest, width)
        for table in (self.W_E, self.positions):
            nn.init.normal_(table.weight, 0, 0.5)  # small scores at first, so that each head looks at all words
        self.W_Q, self.W_K, self.W_V, self.W_O = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.answer = nn.ModuleList([nn.Linear(head_dim, words, bias=False) for _ in range(heads)])
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


def learn_senses(course: senses.Course, width: int, steps: int) -> OneHead:
    """Train the single head to say what the word with several senses means."""
    model = OneHead(len(course.vocabulary), width, len(senses.SENSES))
    optimizer = nn.optim.AdamW(model.parameters(), 0.01, weight_decay=0.3)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, 50, steps)
    cross_entropy = nn.CrossEntropyLoss()
    for step in range(1, steps + 1):
        rows = tl.randint(0, len(course.tokens), (64,)).numpy()  # a mini-batch
        logits = model(tl.tensor(course.tokens[rows])).logits[np.arange(64), course.at[rows]]  # (64, senses)
        loss = cross_entropy(logits, tl.tensor(course.senses[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        report.progress(step, steps, loss.item())
    return model


def learn_cars(course: cars.Course, steps: int) -> ThreeHeads:
    """Train the three heads: each to answer its questions, and all together to describe the thing."""
    model = ThreeHeads(len(cars.VOCABULARY), cars.LONGEST, len(cars.DESCRIPTIONS))
    optimizer = nn.optim.AdamW(model.parameters(), 0.01, weight_decay=0.1)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, 50, steps)
    cross_entropy = nn.CrossEntropyLoss(ignore_index=cars.IGNORED)
    for step in range(1, steps + 1):
        rows = tl.randint(0, len(course.tokens), (64,)).numpy()
        _, _, each, after = model(tl.tensor(course.tokens[rows]))
        loss = tl.tensor(0.0)
        for h in range(model.heads):
            logits = model.answer[h](each[:, h])  # (64, n, words)
            loss = loss + cross_entropy(logits.swapaxes(1, 2), tl.tensor(course.answers[rows, h]))
        logits = model.describe(after[np.arange(64), course.thing[rows]])  # (64, descriptions)
        for g, group in enumerate(cars.GROUPS):
            loss = loss + cross_entropy(logits[:, group], tl.tensor(course.right[rows, g]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # a large step can fix a head to a wrong word
        optimizer.step()
        schedule.step()
        report.progress(step, steps, loss.item())
    return model


def main(settings: Settings) -> None:
    """One head and its senses; then three heads and the red car."""
    tl.manual_seed(settings.seed)
    draw = Random(settings.seed)
    shown = [sentence for sentence, _ in SENTENCES]
    course = senses.make(4000, draw, without=[*shown, settings.sentence])
    tokens = course.encode(settings.sentence)
    i = report.place(settings.word, settings.sentence)

    report.senses_begin(course)
    one = learn_senses(course, settings.width, settings.steps)
    with tl.no_grad():
        reading = one(tl.tensor(tokens))
        report.step_by_step(settings.sentence, i, reading)
        readings = [one(tl.tensor(course.encode(sentence))) for sentence in shown]
        report.contexts(SENTENCES, readings)

    if settings.page:
        with tl.Graph() as graph:  # it watches what is computed
            log_p = tl.log_softmax(one(tl.tensor(tokens)).logits[i], -1)  # (senses,): what the word means
            log_p.max().backward()
        path = tl.page(
            graph, settings.out / "attention.html", tokens=senses.words(settings.sentence), title="Attention"
        )
        print(f"\nA page to step through: {path}")

    # The exercise: three attention heads that focus on different types of relationships
    course_of_cars = cars.make(5000, draw, without=RED_CAR.split())
    report.cars_begin(course_of_cars)
    three = learn_cars(course_of_cars, settings.steps // 2)
    new = cars.make(1000, draw, without=RED_CAR.split())  # sentences to be tested on
    with tl.no_grad():
        report.right_answers(new, three)
        words = RED_CAR.split()
        _, weights, each, _ = three(tl.tensor(cars.encode(words)[None]))
        answers = [three.answer[h](each[0, h]).argmax(-1).tolist() for h in range(three.heads)]  # for each word
        report.pairs(PAIRS, words, weights.numpy()[0], answers)
        described = report.car_as_it_is_read(three, words)
        report.without_a_head(new, three)

    print("\nPictures:")
    pictures.steps(settings.sentence, i, reading, settings.out / "steps.png")
    pictures.bank(SENTENCES[1:3], readings[1:3], one, course, settings.out / "bank.png")
    pictures.red_car(PAIRS, words, weights.numpy()[0], settings.out / "red_car.png")
    pictures.car(described, settings.out / "car.png")


if __name__ == "__main__":
    start(main, Settings)
