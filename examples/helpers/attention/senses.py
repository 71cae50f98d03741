"""Made sentences in which the words around "bank", "tower" and "model" tell, more or less surely, what it means.

    course = make(4000, random, without=["Was the bank flooded?"])
    course.tokens, course.at, course.senses     # (4000, longest), (4000,), (4000,)

The evidence is gradual, as in real text: "flooded" nearly always means the river, "was" means it in seven of
ten sentences, "the" says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from helpers.program import DataError
from transformer.tokenizer.word import words

SENTENCES = (  # the lecture's, and some like them, with the word that has several senses
    ("Was the bank flooded?", "bank"),
    ("The bank was flooded.", "bank"),
    ("I went to the bank.", "bank"),
    ("The tower was very tall.", "tower"),
    ("The Eiffel tower was very tall.", "tower"),
    ("The machine learning model was new.", "model"),
    ("The fashion model was new.", "model"),
    ("The model was new.", "model"),
)
PAD = "<pad>"  # fills up shorter sentences
SENSES = ("river bank", "money bank", "landmark in Paris", "landmark in Pisa", "a tower", "program", "person")
BANKS = {
    "river bank": (("flooded", "muddy", "steep", "sandy"), ("swam", "fished")),
    "money bank": (("robbed", "closed", "bankrupt", "rich"), ("paid", "borrowed")),
}
WHO = ("i", "we", "they")
EITHER = ("old", "big", "small", "new")  # said of anything, so that it tells nothing


@dataclass(frozen=True)
class Course:
    """Sentences as numbers, each with a word that has a sense."""

    vocabulary: list[str]
    texts: list[str]
    tokens: np.ndarray  # (sentences, longest), filled up with 0
    at: np.ndarray  # (sentences,): where the word is
    senses: np.ndarray  # (sentences,): its sense

    def encode(self, sentence: str) -> np.ndarray:
        """The tokens of a sentence, (n,). Raises DataError for words that the made sentences do not have."""
        found = words(sentence.lower())
        if unknown := [word for word in found if word not in self.vocabulary]:
            known = " ".join(self.vocabulary[1:])
            raise DataError(f"the made sentences do not have {', '.join(unknown)}; their words are: {known}")
        return np.array([self.vocabulary.index(word) for word in found])


def make(sentences: int, draw: Random, without: Sequence[str]) -> Course:
    """Make sentences, none of them among `without`."""
    left_out = {" ".join(words(sentence.lower())) for sentence in without}
    made: list[tuple[str, str, str]] = []
    while len(made) < sentences:
        text, word, sense = draw.choice((about_bank, about_tower, about_model))(draw)
        if text not in left_out:
            made.append((text, word, sense))
    texts = [text.split() for text, _, _ in made]
    vocabulary = [PAD, *sorted({word for text in texts for word in text})]
    number = {word: i for i, word in enumerate(vocabulary)}
    tokens = np.zeros((sentences, max(map(len, texts))), np.int64)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = [number[word] for word in text]
    at = np.array([text.index(word) for text, (_, word, _) in zip(texts, made, strict=True)])
    senses = np.array([SENSES.index(sense) for _, _, sense in made])
    return Course(vocabulary, [text for text, _, _ in made], tokens, at, senses)


def about_bank(draw: Random) -> tuple[str, str, str]:
    """As "was the bank flooded ?"; now and then the word that tells the bank is said of the other one."""
    sense, other = draw.sample([*BANKS], 2)
    states, deeds = BANKS[sense if draw.random() < 0.92 else other]
    state = draw.choice(states if draw.random() < 0.7 else EITHER)
    river = sense == "river bank"
    verb = "was" if draw.random() < (0.69 if river else 0.31) else "is"
    went = draw.random() < (0.3 if river else 0.7)  # who goes to a bank goes to a money bank, mostly
    text = draw.choice(
        (
            f"{verb} the bank {state} ?",
            f"the bank {verb} {state} .",
            f"{verb} the bank very {state} ?",
            f"{draw.choice(WHO)} {'went to' if went else draw.choice(deeds) + ' at'} the bank .",
        )
    )
    return text, "bank", sense


def about_tower(draw: Random) -> tuple[str, str, str]:
    """As "the eiffel tower was very tall ."; without a name it is some tower."""
    sense = draw.choice(("landmark in Paris", "landmark in Pisa", "a tower", "a tower"))
    names = {"landmark in Paris": "eiffel ", "landmark in Pisa": "leaning "}
    name, verb = names.get(sense, draw.choice(("", "old ", "big "))), draw.choice(("was", "is"))
    text = draw.choice(
        (
            f"the {name}tower {verb} very {draw.choice(('tall', 'old', 'big'))} .",
            f"{verb} the {name}tower tall ?",
            f"{draw.choice(WHO)} went to the {name}tower .",
        )
    )
    return text, "tower", sense


def about_model(draw: Random) -> tuple[str, str, str]:
    """As "the fashion model was tired ."; in some sentences nothing tells which."""
    sense = draw.choice(("program", "person"))
    kind, states = {
        "program": ("machine learning ", ("trained", "accurate", "large")),
        "person": ("fashion ", ("photographed", "tired", "tall")),
    }[sense]
    kind = kind if draw.random() < 0.6 else draw.choice(("", "new ", "big "))
    state = draw.choice(states if draw.random() < 0.6 else EITHER)
    verb = draw.choice(("was", "is"))
    return draw.choice((f"the {kind}model {verb} {state} .", f"{verb} the {kind}model {state} ?")), "model", sense
