"""For 11_spam.py: messages as rows of numbers, networks and rules that find spam, what is printed and drawn.

    tokens       tokenize("WIN £100! Txt 80086")    win [money] ! txt [short code] [length: 0-39] [digits: 5-14]
    bag of words how often each token of the vocabulary occurs; the order is lost
    TF-IDF       the same, but rarer tokens weigh more, and each row has length 1

The digits of a number say little, but its kind says much: a phone number occurs once, but every second spam has one. So
numbers, sums of money and addresses become classes, in square brackets.
"""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from helpers import drawing
from helpers.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, beside, chart, columns, new_figure, save
from helpers.emails import Messages, deal, leetspeak
from helpers.program import Measured, data, detail, elsewhere, holds, table, until_ctrl_c

# Tried in this order at each place of the lower-case text; the group's name is the class.
TOKENS = re.compile(
    r"""
      (?P<web_address>  (?:https?://|www\.)\S+ | \b[\w.-]+\.(?:com|co\.uk|uk|net|org|info|biz|tv)\b\S* )
    | (?P<email>        \S+@\S+ )
    | (?P<money>        [£$€]\s?\d[\d,.]*\w* | \b\d+\s?(?:pounds?|gbp|quid)\b )
    | (?P<pence>        \b\d+(?:\.\d+)?p(?:pm|/\w+|\s?per\s?\w+)?\b | \b\d+\s?pence\b )
    | (?P<phone_number> \+?\b\d[\d\s-]{8,}\d\b )
    | (?P<time>         \b\d{1,2}[:.]\d\d(?:\s?[ap]m)?\b | \b\d{1,2}\s?[ap]\.?m\b | <time> )
    | (?P<short_code>   \b\d{5,6}\b )
    | (?P<mixed>        \b(?=\w*\d)(?=\w*[a-z])\w{3,}\b )  # as 2nite, gr8, po19
    | (?P<number>       \d+ | <\#> | <decimal> )
    | (?P<smiley>       [:;=]-?[)(dp/]+ )
    | (?P<word>         [^\W\d_]+(?:'[a-z]+)? )
    | (?P<mark>         !+ | \?+ | \.\.+ | £ )
    """,
    re.VERBOSE,
)
CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
WORDS = re.compile(r"[A-Za-z]{2,}")


def split(messages: Messages, seed: int) -> tuple[Messages, Messages]:
    """Return the messages to learn from and a fifth for the test.

    Messages that differ in numbers only are on the same side, so that nothing in the test is known by heart.
    """
    part = deal([" ".join(words(text)) for text in messages.texts], messages.spam, 5, seed)
    return messages.where(part > 0), messages.where(part == 0)


@cache  # the same messages are asked for by each representation and each seed
def tokenize(text: str) -> tuple[str, ...]:
    """Return the words of a message in order, then the tokens that describe its look."""
    return (*words(text), *looks(text))


def words(text: str) -> list[str]:
    """Return the words of a message in lower case; numbers, addresses and the like as classes: [phone number]."""
    tokens = []
    for match in TOKENS.finditer(_clean(text).lower()):
        kind, found = match.lastgroup, match.group()
        if kind == "word":
            tokens.append(found)
        elif kind == "mark":
            tokens.append("..." if found[0] == "." else found[0])
        else:
            tokens.append(f"[{str(kind).replace('_', ' ')}]")
    return tokens


def looks(text: str) -> list[str]:
    """Return tokens for the look of a message: its length, its digits, its capitals."""
    text = _clean(text)
    length = min(len(text) // 40, 4) * 40
    digits = sum(c.isdigit() for c in text)
    capitals = len(CAPITALS.findall(text))
    found = [f"[length: {length}{'+' if length == 160 else f'-{length + 39}'}]"]
    if digits:
        found.append("[digits: 1-4]" if digits < 5 else "[digits: 5-14]" if digits < 15 else "[digits: 15+]")
    if capitals >= 3:
        found.append("[CAPITALS: most]" if capitals > 0.9 * len(WORDS.findall(text)) else "[CAPITALS: some]")
    return found


def _clean(text: str) -> str:
    """Unescape HTML, twice since some messages were escaped twice, and unify apostrophes."""
    return html.unescape(html.unescape(text)).replace("\x92", "'").replace("’", "'")


def make_inputs(name: str, texts: Sequence[str]) -> Inputs:
    """Return one of the four representations, with the vocabulary of these texts: words that two of them have."""
    if name == "characters":
        counts = Counter(c for text in texts for c in {*text.lower()})
        return Ids(["", *sorted(c for c, n in counts.items() if n >= 2)], str.lower, 160, 8)
    documents = [{*tokenize(text)} for text in texts]
    counts = Counter(token for tokens in documents for token in tokens)
    words = sorted(token for token, n in counts.items() if n >= 2)
    if name == "embeddings":
        return Ids(["", *words], tokenize, 60, 1)
    idf = np.log((1 + len(texts)) / (1 + np.array([counts[word] for word in words]))) + 1
    return Bag(words, idf.astype(np.float32) if name == "TF-IDF" else None)


@dataclass(frozen=True, eq=False)
class Bag:
    """Bag of words, or TF-IDF. idf: a word's weight, log((1 + messages) / (1 + messages with it)) + 1."""

    words: list[str]
    idf: NDArray[np.float32] | None

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, words): how often each word occurs; unknown words are ignored."""
        column = {word: i for i, word in enumerate(self.words)}
        rows = np.zeros((len(texts), len(self.words)), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for token, count in Counter(tokenize(text)).items():
                if token in column:
                    row[column[token]] = count
        if self.idf is not None:
            rows *= self.idf
            rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return rows


@dataclass(frozen=True, eq=False)
class Ids:
    """Words, or characters, as numbers in their order. 0 fills the rows; unknown ones are left out."""

    words: list[str]
    cut: Callable[[str], Iterable[str]]
    most: int
    least: int

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return (texts, longest)."""
        number = {word: i for i, word in enumerate(self.words)}
        found = [[number[piece] for piece in self.cut(text) if piece in number][: self.most] for text in texts]
        return nn.utils.rnn.pad_sequence([[0] * self.least, *found], batch_first=True).numpy()[1:]


Inputs = Bag | Ids


# --- networks, one for each way to turn messages into numbers ---------------------------------------------------------


def build(name: str, size: int) -> nn.Module:
    """The network for an input: of `size` numbers, words or characters."""
    if name == "embeddings":
        return nn.Sequential(Pooled(size), nn.Linear(16, 1))
    if name == "characters":
        return nn.Sequential(Patterns(size), nn.Linear(32, 1))
    return nn.MLP([size, 16, 1])  # one input for each word of the vocabulary


class Pooled(nn.Module):
    """The mean of the vectors of a message's words; word 0 fills the row and does not count."""

    def __init__(self, words: int) -> None:
        self.embedding = nn.Embedding(words, 16)

    def forward(self, ids: tl.Tensor) -> tl.Tensor:
        """(batch, longest) -> (batch, 16)."""
        there = (ids.numpy() > 0)[..., None].astype(np.float32)  # (batch, longest, 1)
        return (self.embedding(ids) * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)


class Patterns(nn.Module):
    """The strongest answer of 32 patterns of 5 characters, wherever in the message they match."""

    def __init__(self, characters: int) -> None:
        self.embedding = nn.Embedding(characters, 12)
        self.pattern = nn.Conv1d(12, 32, 5)

    def forward(self, ids: tl.Tensor) -> tl.Tensor:
        """(batch, longest) -> (batch, 32)."""
        x = tl.swapaxes(self.embedding(ids), 1, 2)  # (batch, 12, longest)
        return tl.relu(self.pattern(x)).amax(-1)  # (batch, 32, longest - 4) -> (batch, 32)


def train(model: nn.Module, rows: np.ndarray, spam: np.ndarray, epochs: int) -> nn.Module:
    """Mini-batches of 32 messages, shuffled anew in each epoch."""
    optimizer = nn.optim.Adam(model.parameters(), lr=0.005)
    loss = nn.BCEWithLogitsLoss()
    data = nn.TensorDataset(tl.tensor(rows), tl.tensor(spam[:, None].astype(np.float32)))
    for _ in until_ctrl_c(range(epochs)):
        for x, y in nn.DataLoader(data, 32, shuffle=True):
            cost = loss(model(x), y)  # (batch, 1) each
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
    return model


def judge(model: nn.Module, inputs: Callable[[Sequence[str]], np.ndarray], texts: Sequence[str]) -> np.ndarray:
    """The probability of spam for each message: (messages,)."""
    with tl.no_grad():
        return tl.sigmoid(model(tl.tensor(inputs(texts)))).numpy()[:, 0]


# --- rules written by hand: points for patterns that look suspicious --------------------------------------------------


ENOUGH_POINTS = 4  # points


class Rule(NamedTuple):
    points: int
    reason: str
    pattern: re.Pattern[str]


RULES = [Rule(points, reason, re.compile(pattern)) for points, reason, pattern in data("messages.toml")["rules"]]


def rule_points(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the points of each message, (n,): each rule counts once, however often it matches."""
    return np.array([sum(rule.points for rule in reasons(text)) for text in texts], dtype=np.int64)


def reasons(text: str) -> list[Rule]:
    """Return the rules that match a message."""
    return [rule for rule in RULES if rule.pattern.search(text)]


# --- precision and recall ---------------------------------------------------------------------------------------------


class Counts(NamedTuple):
    """How well a filter judges.  precision, recall: nan if nothing is called spam, or nothing is."""

    accuracy: float  # the share of all messages that went the right way
    precision: float  # the share of spam among the messages called spam
    recall: float  # the share of the spam that was found
    missed: int  # spam let through
    lost: int  # ham called spam


def count(called: NDArray[np.bool_], spam: NDArray[np.bool_]) -> Counts:
    """Count the messages called spam, (n,), against those that are spam, (n,)."""
    shares = [float(right.mean()) if right.size else math.nan for right in (called == spam, spam[called], called[spam])]
    return Counts(*shares, int((spam & ~called).sum()), int((called & ~spam).sum()))


def curve(scores: NDArray[Any], spam: NDArray[np.bool_]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every distinct threshold of scores (n,), highest first, precision and recall there: (thresholds,) each."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    last = np.append(ordered[1:] != ordered[:-1], True)  # equal scores share a threshold
    found = np.cumsum(spam[order])[last]
    return ordered[last], found / (np.flatnonzero(last) + 1), found / spam.sum()


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m: Measured, settings: Any) -> None:
    """Print what was measured, and draw it."""
    scores(m)
    needed(m)
    adversarial(m)
    retraining(m)
    black_box(m)
    combinations(m)
    if settings.message:
        judged(settings.message, m.asked)
    print("\nPictures:")
    draw_precision_recall(m.p, m.points, m.test.spam, settings.out / "precision_recall.png")
    draw_adversarial(m, settings.out / "adversarial.png")
    draw_words(m.words, m.push, settings.out / "words.png")


def scores(m: Measured) -> None:
    """Print some messages, and how well each filter judges those of the test."""
    learn, test = m.learn, m.test
    print(f"{len(learn):,} messages to learn from, {len(test):,} for the test, {learn.source}. For example:")
    for is_spam in (False, True):
        some = [test.texts[i] for i in np.flatnonzero(test.spam == is_spam) if len(test.texts[i]) < 90]
        print("\n".join(f"  {'spam' if is_spam else 'ham':5} {text}" for text in some[:1]))
    print("\nThe test. A probability of 0.5 or more is called spam:")
    rows = {}
    for name, c in m.tested.items():
        rows[name] = *(f"{share:.3f}".replace("nan", "-") for share in c[:3]), c.missed, c.lost
    table(("accuracy", "precision", "recall", "spam missed", "ham lost"), rows)
    detail("  Precision: what part of the messages called spam is spam. Recall: what part of the spam is found.")
    print(f"  Calling everything ham is right for {m.all_ham:.0%}: with unequal classes accuracy says little.")
    detail(f"  The rarer class: {m.missed:.0%} of the spam are missed, {m.lost:.0%} of the ham are lost.")
    detail("\nThe threshold, for TF-IDF: a lower one finds more spam and loses more ham")
    table(("accuracy", "precision", "recall"), {name: c[:3] for name, c in m.thresholds.items()}, ".3f", say=detail)
    one, zero = m.spam_where.values()
    detail(f"  Of messages with 0.9 or more {one:.0%} are spam, of those with 0.1 or less {zero:.0%}.")


def needed(m: Measured) -> None:
    """Print how often a filter is right that has learnt from so many messages, and how many are as good as all."""
    print("\nHow many examples does TF-IDF need? Trained anew each time, it is right in the test after")
    print("  " + "   ".join(f"{n} {share:.1%}" for n, share in m.after.items()))
    if "1000 messages" in m.after and not holds("thousands", m):
        print(f"  1,000 are about as good as {len(m.learn):,}: the difference may be chance.")


def adversarial(m: Measured) -> None:
    """Print how much disguised spam each filter finds."""
    print("\nAdversarial examples. The part of the spam that is found:")
    table(m.found["rules"], {name: shares.values() for name, shares in m.found.items()}, ".0%")
    hides = ["hide" if holds(claim, m) else "do not hide" for claim in ("good words", "leetspeak")]
    print(f"  Good words {hides[0]} spam from TF-IDF{elsewhere('good words', '.0%', m)}.", end=" ")
    print(f"Signs for letters {hides[1]} it{elsewhere('leetspeak', '.0%', m)}.")
    detail(f"  In leetspeak: {leetspeak(m.test.texts[int(m.test.spam.argmax())])[:110]}")


def retraining(m: Measured) -> None:
    """Print what retraining with a few examples of a new kind of spam does."""
    print("\nSpam changes. A new kind, about parcels, comes up. TF-IDF is trained anew with some of it, labelled:")
    table(m.new, {"new spam found": m.new.values(), "right in the old test": m.old.values()}, ".1%")
    detail(f"  The rules find {m.new_by_rules:.0%} of it, until a person writes the next rule.")


def black_box(m: Measured) -> None:
    """Print the words that push the output most, and what the one that pushes most decides."""
    order = np.argsort(m.push, kind="stable")
    print("\nA black box, but its gradient tells which words push the output (mean of x * d output / dx):")
    for name, ids in (("to spam", order[::-1][:8]), ("to ham", order[:8])):
        print(f"  {name:8} " + ", ".join(f"{m.words[i]} {m.push[i]:+.1f}" for i in ids))
    detail(f"  Without the word that pushes most, {m.turned:.0%} of what it calls spam would be ham.")


def combinations(m: Measured) -> None:
    """Print how often a neuron that only adds is right, and how often a network that can combine."""
    combined = m.right["bag of words"]
    detail("\nCombinations of features. One neuron adds up its words; only hidden ones can combine them. Right:")
    detail(f"  one neuron {m.added:.1%}, with 16 hidden ones {combined:.1%}")
    helps = "help" if holds("combinations", m) else "decide little"
    detail(f"  So combinations {helps} here: {100 * (combined - m.added):+.1f} points.")


def judged(texts: Sequence[str], p: Mapping[str, np.ndarray]) -> None:
    """Print the verdicts on the user's messages."""
    for i, text in enumerate(texts):
        print(f"\n{text}")
        for name, probabilities in p.items():
            print(f"  {name:14} P(spam) = {probabilities[i]:.3f}")
        why = ", ".join(f"{rule.reason} {rule.points:+}" for rule in reasons(text)) or "none applies"
        points = sum(rule.points for rule in reasons(text))
        print(f"  rules          {points} points ({ENOUGH_POINTS} or more: spam): {why}")


def real(m: Measured, settings: Any) -> None:
    """Print how often filters are right with learnt embeddings and with those of MiniLM."""
    print(f"MiniLM, a real model of 23 million weights, gives each of {m.messages:,} messages the mean of its words'")
    print("vectors. A small network reads them. Right in the test, over ten splits, the mean, the least and the most:")
    found = {"four fifths": (m.learnt, m.pretrained)}
    found[f"{m.few} messages"] = m.learnt_from_few, m.pretrained_from_few
    rows = {name: [f"{np.mean(x):.1%} ({min(x):.1%}-{max(x):.1%})" for x in both] for name, both in found.items()}
    table(("embeddings learnt here", "pre-trained"), rows, corner="learnt from")


# --- the pictures -----------------------------------------------------------------------------------------------------


COLOURS = {"bag of words": ORANGE, "TF-IDF": BLUE, "embeddings": GREEN, "characters": PURPLE}


def draw_precision_recall(p: Mapping[str, np.ndarray], points: np.ndarray, spam: np.ndarray, path: Path) -> None:
    """Precision against recall for every threshold; the dots are 0.5, and the rules' 4 points."""
    curves = {name: curve(probabilities, spam)[:0:-1] for name, probabilities in p.items()}  # recall, precision
    title = "A threshold trades precision for recall. Dots: the threshold 0.5; square: the rules"
    axes = chart(title, curves, [*COLOURS.values()], "-",
                 ylabel="precision: part of the called that is spam")  # fmt: skip
    for name, probabilities in p.items():
        at = count(probabilities >= 0.5, spam)
        axes.plot(at.recall, at.precision, "o", color=COLOURS[name], markersize=8)
    at = count(points >= ENOUGH_POINTS, spam)
    axes.plot(at.recall, at.precision, "s", color=GREY, markersize=9, label=f"rules, {ENOUGH_POINTS}+ points")
    lowest = max(0, min(0.9, at.precision, at.recall) - 0.05)
    note = "\n(neither axis begins at 0)" if lowest else ""
    axes.set(xlim=(lowest, 1.01), ylim=(lowest, 1.01), xlabel=f"recall: part of the spam that is found{note}")
    beside(axes)
    save(axes.figure, path)


def draw_adversarial(m: Measured, path: Path) -> None:
    """Bars for each filter: how much of the spam is found as it is, and disguised."""
    axes = new_figure(10, 5, "Disguised spam: how much of it does each filter find?").subplots()
    shares = {disguise: [found[disguise] for found in m.found.values()] for disguise in m.found["rules"]}
    columns(axes, [*m.found], shares, (GREY, VERMILION, PURPLE))
    axes.set_ylabel("part of the spam that is found")
    save(axes.figure, path)


def draw_words(names: Sequence[str], push: np.ndarray, path: Path, most: int = 12) -> None:
    """The words that push most towards spam and towards ham."""
    order = np.argsort(-push, kind="stable")
    chosen = [*order[:most], *order[-most:]]
    axes = new_figure(8.5, 7, "Which words push a message towards spam, and which towards ham?").subplots()
    drawing.bars(axes, [names[i] for i in chosen], push[chosen], drawing.by_sign(push[chosen]))
    axes.axvline(0, color="black", linewidth=1)
    axes.set(xlabel="mean push on the output: left to ham, right to spam", xmargin=0.12)
    save(axes.figure, path)
