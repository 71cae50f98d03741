"""Attention: "Was the bank flooded?" A word asks the others what it means, and takes over what they answer.

    python examples/07_attention.py

Before attention, the vector of `bank` is the same in every sentence: a row of W_E. A head of attention lets it ask.
Every word has a query, what it asks, a key, what it is found by, and a value, what it hands on:

    q = W_Q x    k = W_K x    v = W_V x
    weights = softmax(q k^T / sqrt(d))          how much a word looks at each word, together 1
    x + weights v                               what it takes over is added to what it was

The program trains such a head, three matrices and no more, in seconds on sentences that it makes (meanings.py). After
attention a word is to say what it means there:

    bank                          of a river, of money, or either, if nothing says which
    vehicles   car, bus, ...      which colour it has
    colours    red, blue, ...     whose colour it is: printed as red: car
    deeds      stopped, ...       who did it
    it                            what it stands for

Nobody tells it where to look; that comes from being right. The sentences that are shown are none that it learnt from.

Weights are not reasons: with --seed 3 `it` knows that it is the car without looking at it, for there "car" has become
what it says when it finds no other vehicle. And the words have no positions here: the head knows which words there are,
not in which order, and mixes up two vehicles, or a vehicle and a bank. Real models have positions, many such heads side
by side, and layers above each other.

    bank.png        what `bank` looks at in two sentences, and its vector before and after: the same, then apart
    sentence.png    "The red car stopped because it was out of fuel.": who looks at whom
    steps.png       queries, keys, scores, softmax, weighted sum, for one word of it

    python examples/07_attention.py --sentence "Did the old bank refuse loans again?" --word bank
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.attention import meanings, pictures
from helpers.attention.meanings import Sentence
from helpers.known_words import known_words
from helpers.lecture import DataError, carry_out, command_line, positive, save, whole
from tinygrad_lecture.inspect.picture import require_matplotlib
from transformer import SingleHeadAttention, WordTokenizer, token_cross_entropy
from transformer.tokenizer.word import words
from transformer.training.loss import IGNORED

PAD = "<pad>"  # fills up the shorter sentences of a batch; nobody may look at it
BANKS = ("Was the bank flooded?", "Did the bank lend money?")
RED_CAR = "The red car stopped because it was out of fuel."
SENTENCES = 3000  # that it makes
MOST = 30  # words of a sentence that can be drawn
SHOWN = 8  # numbers of a vector that are printed

# --- the model ----------------------------------------------------------------------------------------------


class Reader(nn.Module):
    """Vectors of words, one head of attention, and what the words mean: (..., tokens) -> (..., tokens, meanings)."""

    def __init__(self, vocabulary: int, pad: int, width: int, meanings: int) -> None:
        self.W_E = nn.Embedding(vocabulary, width)
        self.head = SingleHeadAttention(width, width)
        self.W_U = nn.Linear(width, meanings)
        self.pad = pad

    def forward(self, tokens: tl.Tensor) -> tl.Tensor:
        x = self.W_E(tokens)  # (..., tokens, width)
        found, _ = self.head(x, mask=tl.unsqueeze(tokens != self.pad, -2))
        return self.W_U(x + found)


@dataclass(frozen=True)
class Reading:
    """What happens to a sentence of n words in the head. All arrays but weights and p are (n, width)."""

    words: list[str]
    x: np.ndarray
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    weights: np.ndarray  # (n, n)
    after: np.ndarray
    p: np.ndarray  # (n, meanings)

    def place(self, word: str) -> int:
        """Where a word stands, in small or capital letters; the first, if there are several. Raises DataError."""
        lower = [w.lower() for w in self.words]
        if word.lower() not in lower:
            raise DataError(f"there is no {word!r} in the sentence {' '.join(self.words)!r}")
        return lower.index(word.lower())

    def favourite(self) -> int:
        """Where the word stands that is followed if nobody says which: `it`, else `bank`, else the first."""
        lower = [w.lower() for w in self.words]
        return next((lower.index(word) for word in ("it", "bank") if word in lower), 0)


@dataclass(frozen=True)
class Course:
    """What is to be learnt: the sentences, the words and meanings in them, which words are asked for."""

    tokenizer: WordTokenizer
    meanings: list[str]
    asked: frozenset[str]
    learn: list[Sentence]
    test: list[Sentence]

    @property
    def pad(self) -> int:
        return self.tokenizer.special_tokens[PAD]

    def data(self, sentences: list[Sentence]) -> nn.TensorDataset:
        """Tokens and, where a word is asked for, the number of its meaning: (sentences, longest) both."""
        number = {meaning: i for i, meaning in enumerate(self.meanings)}
        tokens = [self.tokenizer.encode(text_of(sentence)) for sentence in sentences]
        targets = [[IGNORED if m is None else number[m] for _, m in sentence] for sentence in sentences]
        return nn.TensorDataset(nn.data.pad_sequence(tokens, self.pad), nn.data.pad_sequence(targets, IGNORED))

    def encode(self, sentence: str) -> list[int]:
        """The tokens of a sentence that somebody wrote.

        Raises DataError for words that the made sentences lack, too many words, or none.
        """
        found = known_words(sentence, set(self.tokenizer.words))
        if not 0 < len(found) <= MOST:
            raise DataError(f"a sentence has 1 to {MOST} words and signs here, not {len(found)}")
        return self.tokenizer.encode(" ".join(found))


def text_of(sentence: Sentence) -> str:
    return " ".join(word for word, _ in sentence)


def prepare(seed: int, shown: Sequence[str]) -> Course:
    """Make sentences, four fifths to learn from and the rest to be tested on; those that are shown are left out."""
    made = meanings.make(SENTENCES, Random(seed))
    left_out = {" ".join(words(text.lower())) for text in shown}
    kept = [sentence for sentence in made if text_of(sentence) not in left_out]
    tokenizer = WordTokenizer.train(" ".join(text_of(sentence) for sentence in made), special_tokens=[PAD])
    asked = frozenset(word for sentence in made for word, meaning in sentence if meaning)
    known = sorted({meaning for sentence in made for _, meaning in sentence if meaning})
    cut = len(kept) * 4 // 5
    return Course(tokenizer, known, asked, kept[:cut], kept[cut:])


def train(model: Reader, course: Course, epochs: int, rate: float) -> nn.History:
    """Teach the model the meanings of the asked words. Ctrl-C ends it, and what was learnt is kept.

    Raises FloatingPointError where the rate is so large that the loss is no longer a number.
    """
    batches = nn.DataLoader(course.data(course.learn), 32, shuffle=True)
    optimizer = nn.optim.AdamW(model.parameters(), rate, weight_decay=0.1)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, 50, epochs * len(batches), rate / 20)
    trainer = nn.Trainer(
        model,
        batches,
        token_cross_entropy,
        optimizer,
        epochs=epochs,
        test=nn.DataLoader(course.data(course.test), 256),
        schedule=schedule,
        clip_norm=0.3,  # large steps would make the softmax so sure of itself that it learns no more
        record_every=len(batches) * max(1, epochs // 6),
    )
    return trainer.fit()


def read(model: Reader, course: Course, sentence: str) -> Reading:
    """Let the model read a sentence, and keep every step."""
    x = model.W_E(tl.tensor(course.encode(sentence)))  # (n, width)
    head = model.head
    with tl.no_grad():
        found, weights = head(x)
        after = x + found
        steps = x, head.W_Q(x), head.W_K(x), head.W_V(x), weights, after, tl.softmax(model.W_U(after), -1)
    return Reading(words(sentence), *(step.detach().numpy() for step in steps))


def accuracy(model: Reader, course: Course) -> dict[str, tuple[int, int]]:
    """How many answers are right, of how many, in the sentences to be tested on, for `bank`, `it`, and the others."""
    tokens, targets = course.data(course.test).tensors
    with tl.no_grad():
        said = model(tokens).numpy().argmax(-1)
    right = said == targets.numpy()  # IGNORED is never said
    asked = targets.numpy() != IGNORED
    groups = {"bank": {"bank"}, "it": {"it"}, "vehicles": {*meanings.VEHICLES}, "colours": {*meanings.COLOURS}}
    groups["deeds"] = {*meanings.STOPS}
    counts = {}
    for name, group in groups.items():
        here = asked & np.isin(tokens.numpy(), [course.tokenizer.encode(word)[0] for word in group])
        counts[name] = int((right & here).sum()), int(here.sum())
    return counts


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("07_attention.py", __doc__, "out/attention")
    add = parser.add_argument_group("the sentence").add_argument
    add("--sentence", default=RED_CAR, metavar="TEXT", help=f"to be read ({RED_CAR})")
    add("--word", metavar="WORD", help="of it, whose attention is followed step by step (it, bank, or the first)")
    add = parser.add_argument_group("the learning").add_argument
    add("--epochs", type=whole(1), default=30, metavar="N", help="passes over the made sentences (30)")
    add("--width", type=whole(2), default=8, metavar="N", help="numbers in each vector (8)")
    add("--rate", type=positive, default=0.02, metavar="R", help="learning rate of AdamW at its highest (0.02)")
    carry_out(run, parser, parser.parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Learn; then look at the two banks, at the sentence, and at one word of it step by step; draw."""
    require_matplotlib()  # better to know before the learning than after it
    tl.manual_seed(options.seed)
    course = prepare(options.seed, [*BANKS, options.sentence])
    model = Reader(course.tokenizer.vocab_size, course.pad, options.width, len(course.meanings))
    untrained = [read(model, course, text) for text in BANKS]
    first = read(model, course, options.sentence)  # better now than after the learning
    place = first.place(options.word) if options.word else first.favourite()
    explain_course(course, model)
    if train(model, course, options.epochs, options.rate).interrupted:
        print("Ended by Ctrl-C; what follows is of what was learnt so far.")
    explain_accuracy(accuracy(model, course))

    banks = [read(model, course, text) for text in BANKS]
    explain_banks(course, untrained, banks)
    reading = read(model, course, options.sentence)
    explain_sentence(course, reading, options.sentence)
    explain_steps(course, reading, place)

    print("\nPictures:")
    others = bank_vectors(model, course)
    save(pictures.draw_banks(BANKS, banks, *others), options.out / "bank.png")
    save(
        pictures.draw_sentence(reading, [w.lower() in course.asked for w in reading.words]),
        options.out / "sentence.png",
    )
    save(pictures.draw_steps(reading, place), options.out / "steps.png")


def bank_vectors(model: Reader, course: Course) -> tuple[np.ndarray, list[str]]:
    """The vectors of `bank` after attention in the sentences to be tested on, (n, width), and what it means there."""
    vectors, senses = [], []
    for sentence in course.test:
        for i, (word, meaning) in enumerate(sentence):
            if word == "bank" and meaning is not None:
                vectors.append(read(model, course, text_of(sentence)).after[i])
                senses.append(meaning)
    return np.array(vectors).reshape(-1, model.W_E.embedding_dim), senses


# --- what is printed ----------------------------------------------------------------------------------------


def explain_course(course: Course, model: Reader) -> None:
    """Print what it learns from."""
    print(f"{len(course.learn):,} made sentences to learn from, {len(course.test):,} others for the test, such as")
    for sentence in course.learn[:6]:
        means = ", ".join(f"{word}: {meaning}" for word, meaning in sentence if meaning)
        print(f"  {text_of(sentence):60} {means}")
    count = sum(p.numel() for p in model.parameters())
    print(f"{len(course.tokenizer.words)} words and signs, {len(course.meanings)} meanings.")
    print(f"The network: vectors of {model.W_E.embedding_dim} numbers, {count:,} parameters.\n")


def explain_accuracy(counts: dict[str, tuple[int, int]]) -> None:
    """Print how often it is right."""
    print("\nRight in the sentences of the test:")
    for name, (right, asked) in counts.items():
        if asked:
            print(f"  {name:10} {right:5,} of {asked:5,}   {right / asked:6.1%}")


def explain_banks(course: Course, untrained: Sequence[Reading], banks: Sequence[Reading]) -> None:
    """Print what `bank` looks at in the two sentences, untrained and trained, and what becomes of its vector."""
    for text, before, after in zip(BANKS, untrained, banks, strict=True):
        i = after.place("bank")
        print(f"\n{text} What `bank` looks at:")
        print(f"  {'':16}" + "".join(f"{word:>9}" for word in after.words))
        for when, reading in (("before learning", before), ("after learning", after)):
            print(f"  {when:16}" + "".join(f"{weight:9.2f}" for weight in reading.weights[i]))
        print(f"  It takes `bank` as: {listed(course.meanings, after.p[i], 2)}")
    flooded, the = (banks[0].weights[banks[0].place("bank"), banks[0].place(word)] for word in ("flooded", "the"))
    print(f"\nFrom `bank` to `flooded` {flooded:.3f}, to `the` {the:.3f}.")
    pairs = [[reading.x[reading.place("bank")] for reading in banks], [r.after[r.place("bank")] for r in banks]]
    print("The vectors of `bank` in the two sentences:")
    for when, (a, b) in zip(("before attention", "after attention"), pairs, strict=True):
        cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
        print(f"  {when:17} cosine {cosine:5.2f}, distance {np.linalg.norm(a - b):5.2f}")


def explain_sentence(course: Course, reading: Reading, text: str) -> None:
    """Print for each word what it means, at whom it looks, and who looks at it."""
    width = max(len("word"), *map(len, reading.words)) + 2
    asked = [word.lower() in course.asked for word in reading.words]
    print(f"\n{text}\n")
    print(f"  {'word':{width}}{'means':14}{'looks at':36}is looked at by")
    for i, word in enumerate(reading.words):
        means = course.meanings[reading.p[i].argmax()] if asked[i] else ""
        looked = [(reading.weights[j, i], reading.words[j]) for j in range(len(asked)) if asked[j]]
        by = ", ".join(f"{other} {weight:.2f}" for weight, other in looked if weight >= 0.1)
        looks = listed(reading.words, reading.weights[i], 2) if asked[i] else ""
        print(f"  {word:{width}}{means:14}{looks:36}{by}".rstrip())
    print(
        "  Only of the words whose meaning the made sentences ask for: where the others look was never put to the test."
    )


def listed(names: Sequence[str], p: np.ndarray, most: int) -> str:
    """The largest, as "river 0.98, either 0.02"."""
    best = [i for i in np.argsort(-p, kind="stable")[:most] if p[i] >= 0.02]
    return ", ".join(f"{names[i]} {p[i]:.2f}" for i in best)


def explain_steps(course: Course, reading: Reading, i: int) -> None:
    """Print how a word's vector comes about, number by number."""
    d = reading.q.shape[1]
    width = max(7, *map(len, reading.words)) + 2
    word = reading.words[i]
    scores = reading.k @ reading.q[i]

    def row(name: str, vector: np.ndarray) -> str:
        more = " ..." if d > SHOWN else ""
        return f"  {name:{width}}" + "".join(f"{number:7.2f}" for number in vector[:SHOWN]) + more

    indent = width + 7 * min(d, SHOWN) + (6 if d > SHOWN else 2)
    print(f"\nOne head, step by step, for `{word}`; each vector has d = {d} numbers")
    print(f"\n  1. The vector of `{word}`, its row of W_E, and its query, what it asks: q = W_Q x")
    print(row("x", reading.x[i]))
    print(row("q", reading.q[i]))
    print("\n  2. Each word's key, what it is found by: k = W_K x. The score says how well question and key fit")
    print(f"  {'':{indent}}{'q · k':>8}{'/ sqrt(d)':>11}{'softmax':>9}")
    for name, key, score, weight in zip(reading.words, reading.k, scores, reading.weights[i], strict=True):
        print(f"{row(name, key):{indent + 2}}{score:8.2f}{score / np.sqrt(d):11.2f}{weight:9.3f}")
    print("\n  3. Each word's value, what it hands on: v = W_V x; and their sum, each times its weight")
    for name, value, weight in zip(reading.words, reading.v, reading.weights[i], strict=True):
        print(f"{row(name, value):{indent + 2}}   times {weight:.3f}")
    print(row("sum", reading.weights[i] @ reading.v))
    print("\n  4. That is added to what it was: x + sum, the vector after attention")
    print(row("after", reading.after[i]))
    if word.lower() in course.asked:
        print(f"  And W_U reads in it: {listed(course.meanings, reading.p[i], 3)}")


if __name__ == "__main__":
    main()
