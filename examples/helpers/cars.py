"""Made sentences such as "The red car that John bought yesterday broke down on the highway.", with questions.

Each head of 07_attention.py has a question of its own, and each word has none or one for each head:

    grammatical      a thing: what did it do?   a person: what did they do?     the buyer's verb: what was bought?
    modification     a colour, "old": of what?  a time: when what happened?     what a thing did: where?
    coreference,     "that", "it": which thing?                                 what a thing did: which thing did it?
    long range       "bought ... because it broke": why?

And the thing is described by the whole sentence: its colour, its owner, when it was bought, whether it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from helpers.program import data

DATA = data("cars.toml")
HEADS, FINAL, PAIRS, PARTS = (DATA[k] for k in ("heads", "final", "pairs", "parts"))
RED_CAR, CAUSE = (DATA[k].split() for k in ("red_car", "cause"))
GRAMMATICAL, MODIFICATION, LONG_RANGE = range(3)
IGNORED = -100  # no question here
WORDS = ("things", "colours", "people", "buying", "times", "deeds", "looks", "places", "others")
THINGS, COLOURS, PEOPLE, BUYING, TIMES, DEEDS, LOOKS, PLACES, OTHERS = (DATA[k] for k in WORDS)
VOCABULARY = ["<pad>", *(word for kind in WORDS for word in DATA[kind])]
KINDS = {  # of each kind one description is right; the first if nothing is said
    "colour": ["any colour", *COLOURS],
    "owner": ["anybody's", *(f"{name}'s" for name in PEOPLE)],
    "bought": ["any time", "lately", "long ago"],
    "runs": ["may run", "unreliable", "reliable"],
}
DESCRIPTIONS = [description for kind in KINDS.values() for description in kind]
GROUPS = [np.array([DESCRIPTIONS.index(description) for description in kind]) for kind in KINDS.values()]  # as numbers
LONGEST = 15  # words of a sentence


def encode(words: Sequence[str]) -> np.ndarray:
    """The tokens of a sentence, (n,)."""
    return np.array([VOCABULARY.index(word) for word in words])


@dataclass
class Sentence:
    """A sentence: its questions (head, place of the word that asks, place of the answer), its descriptions (kind, place
    of the word that gives it, number), and the place of its thing."""

    words: list[str] = field(default_factory=list)
    questions: list[tuple[int, int, int]] = field(default_factory=list)
    descriptions: list[tuple[int, int, int]] = field(default_factory=list)
    thing: int = 0

    def add(self, *words: str) -> int:
        """Append words, and return the place of the last."""
        self.words += words
        return len(self.words) - 1

    def ask(self, head: int, word: int, answer: int) -> None:
        self.questions.append((head, word, answer))

    def describe(self, kind: str, word: int, description: str) -> None:
        self.descriptions.append(([*KINDS].index(kind), word, KINDS[kind].index(description)))

    def until(self, length: int) -> "Sentence":
        """The beginning of the sentence, with the questions that it answers and the descriptions that it gives."""
        asked = [question for question in self.questions if max(question[1:]) < length]
        given = [description for description in self.descriptions if description[1] < length]
        return Sentence(self.words[:length], asked, given, self.thing)


@dataclass(frozen=True)
class Course:
    """Sentences as numbers."""

    texts: list[str]
    tokens: np.ndarray  # (sentences, LONGEST), filled up with 0
    answers: np.ndarray  # (sentences, heads, LONGEST): the word that answers the question, or IGNORED
    thing: np.ndarray  # (sentences,): where the thing is
    right: np.ndarray  # (sentences, kinds): which description of the kind is right


def make(sentences: int, draw: Random, without: Sequence[Sequence[str]]) -> Course:
    """Make sentences, none of them among `without`; half of them end early, anywhere after the thing."""
    made: list[Sentence] = []
    while len(made) < sentences:
        sentence = tell(draw)
        if sentence.words not in without:
            early = draw.randint(sentence.thing + 1, len(sentence.words))
            made.append(sentence.until(early) if draw.random() < 0.5 else sentence)
    tokens = np.zeros((sentences, LONGEST), np.int64)
    answers = np.full((sentences, len(HEADS), LONGEST), IGNORED, np.int64)
    right = np.zeros((sentences, len(KINDS)), np.int64)
    for i, sentence in enumerate(made):
        numbers = tokens[i, : len(sentence.words)] = encode(sentence.words)
        for head, asks, answer in sentence.questions:
            answers[i, head, asks] = numbers[answer]
        for kind, _, number in sentence.descriptions:
            right[i, kind] = number
    texts = [" ".join(sentence.words) for sentence in made]
    return Course(texts, tokens, answers, np.array([sentence.thing for sentence in made]), right)


def tell(draw: Random) -> Sentence:
    """A sentence of one of four forms."""
    s = Sentence()
    form = draw.choice(("that", "that", "that", "plain", "buys", "because"))
    if form in ("that", "plain"):
        tell_thing(s, draw)
        if form == "that":
            s.ask(LONG_RANGE, s.add("that"), s.thing)
            verb = tell_buying(s, draw)
            s.ask(GRAMMATICAL, verb, s.thing)
            tell_time(s, draw, verb, bought=True)
        deed = tell_deed(s, draw, s.thing)
        if form == "plain":
            tell_time(s, draw, deed, bought=False)
        tell_place(s, draw, deed)
    else:
        verb = tell_buying(s, draw)
        tell_thing(s, draw)
        s.ask(GRAMMATICAL, verb, s.thing)
        tell_time(s, draw, verb, bought=True)
        if form == "because":
            s.ask(LONG_RANGE, s.add("because", "it"), s.thing)
            deed = tell_deed(s, draw, s.thing)
            s.ask(LONG_RANGE, verb, deed)
            tell_place(s, draw, deed)
    s.add(".")
    return s


def tell_thing(s: Sentence, draw: Random) -> None:
    s.add("the")
    if draw.random() < 0.6:
        colour = draw.choice(COLOURS)
        place = s.add(colour)
        s.ask(MODIFICATION, place, place + 1)  # the thing is the next word
        s.describe("colour", place, colour)
    s.thing = s.add(draw.choice(THINGS))


def tell_buying(s: Sentence, draw: Random) -> int:
    person = draw.choice(PEOPLE)
    who, verb = s.add(person), s.add(draw.choice(BUYING))
    s.ask(GRAMMATICAL, who, verb)
    s.describe("owner", who, f"{person}'s")
    return verb


def tell_time(s: Sentence, draw: Random, verb: int, bought: bool) -> None:
    if draw.random() < 0.6:
        time = draw.choice([*TIMES])
        place = s.add(time)
        s.ask(MODIFICATION, place, verb)
        if bought:
            s.describe("bought", place, TIMES[time])


def tell_deed(s: Sentence, draw: Random, thing: int) -> int:
    word = draw.choice([*DEEDS])
    deed = s.add(word)
    s.ask(GRAMMATICAL, thing, deed)
    s.ask(LONG_RANGE, deed, thing)
    s.describe("runs", deed, DEEDS[word])
    if draw.random() < 0.5:
        s.add("down")  # after any of them, so that it does not give the verb away
    return deed


def tell_place(s: Sentence, draw: Random, deed: int) -> None:
    if draw.random() < 0.7:
        s.add("on", "the")
        if draw.random() < 0.5:
            s.ask(MODIFICATION, s.add(draw.choice(LOOKS)), len(s.words))
        s.ask(MODIFICATION, deed, s.add(draw.choice(PLACES)))
