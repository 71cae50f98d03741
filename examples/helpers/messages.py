"""Text messages, ham and spam of several kinds; as rows of numbers; and what finds the spam: for 11 and 20.

Some ham looks like spam (a dentist's reminder has a phone number), some spam like ham ("it's amy, my new number is").
About one message in seven could be either, so that no filter can be right every time.
A part of the ham is written in shorthand, which few of the spam messages are.

Then messages as rows of numbers, and what finds spam in them:

    tokens       tokenize("WIN £100! Txt 80086")    win [money] ! txt [short code] [length: 0-39] [digits: 5-14]
    bag of words how often each token of the vocabulary occurs; the order is lost
    TF-IDF       the same, but rarer tokens weigh more, and each row has length 1

The digits of a number say little, but its kind says much: a phone number occurs once, but every second spam has one. So
numbers, sums of money and addresses become classes, in square brackets.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from helpers.program import ENDED, DataError, data, in_pairs, text_of

DATA = data("messages.toml")
HAM, SPAM, EITHER, NEW = (DATA[k] for k in ("ham", "spam", "either", "new"))
SHORTHAND = in_pairs(DATA["shorthand"])


@dataclass(frozen=True, eq=False)
class Messages:
    """Text messages and whether each is spam; of made ones also of which kind, and whether it is in shorthand."""

    texts: Sequence[str]
    spam: NDArray[np.bool_]  # (n,)
    source: str = ""  # where they come from, for printing
    kinds: Sequence[str] = ()
    shorthand: Any = ()  # (n,)

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, chosen: NDArray[np.bool_]) -> "Messages":
        """Return the messages selected by a mask, (n,)."""
        return Messages([self.texts[i] for i in np.flatnonzero(chosen)], self.spam[chosen], self.source)

    def first(self, n: int) -> "Messages":
        """Return the first n messages."""
        return self.where(np.arange(len(self)) < n)


def make_messages(n: int, draw: Random, share: float = 0.15) -> Messages:
    """Return n messages: 15% that could be either, and of the others this share is spam."""
    kinds = (None if draw.random() < 0.15 else SPAM if draw.random() < share else HAM for _ in range(n))
    texts, spam, names, shorthand = zip(*(one(draw, kind) for kind in kinds), strict=True)
    return Messages(list(texts), np.array(spam), "made by the program", names, np.array(shorthand))


def one(draw: Random, kinds: dict[str, tuple[str, ...]] | None) -> tuple[str, bool, str, bool]:
    """Return a message of a random kind; None: one that could be either. (text, is it spam, kind, in shorthand)."""
    if kinds is None:
        kind, text = "could be either", draw.choice(list(EITHER))
        spam = draw.random() < EITHER[text]
    else:
        kind, spam = draw.choice(list(kinds)), kinds is not HAM
        text = draw.choice(kinds[kind])
    text = fill(draw.choice(DATA["openings"]) + text + draw.choice(DATA["ends"]), draw)
    shorthand = draw.random() < (0.05 if spam else 0.15)
    return shorten(text) if shorthand else text, spam, kind, shorthand


def fill(text: str, draw: Random) -> str:
    """Return the text with its gaps filled."""
    words = {name: draw.choice(DATA[f"{name}s"]) for name in ("name", "time", "place", "prize")}
    phone, code, money = (draw.randrange(*limits) for limits in ((10**9, 10**10 - 1), (10**4, 10**5), (5, 900)))
    return text.format(**words, phone=f"0{phone}", code=code, money=money)


def shorten(text: str) -> str:
    """Return the text in shorthand: "c u @ da pub"."""
    return " ".join(SHORTHAND.get(word, word) for word in text.split(" "))


# --- what a spammer tries ---------------------------------------------------------------------------------------------


def leetspeak(text: str) -> str:
    """Return the text with signs in place of some letters of its long words: "fr33 pr1z3"."""
    return re.sub(r"[A-Za-z]{4,}", lambda found: found[0].translate(str.maketrans("aeiost", "4310$7")), text)


def good_words(text: str) -> str:
    """Return the text with words of ordinary messages behind it."""
    return f"{text} see you at home, love mum. thanks for dinner, sleep well x"


# --- the messages: made ones, or a file -------------------------------------------------------------------------------


def load_messages(path: Path | None, seed: int) -> Messages:
    """Return 3,000 made messages or, with a path, those of a file: a label, a tab and a text in each line.

    Raises DataError that names the line if it is of another kind.
    """
    if path is None:
        return make_messages(3000, Random(seed))
    texts, labels = [], []
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        label, tab, text = line.partition("\t")
        if line.strip():
            if not tab or label.strip().lower() not in ("ham", "spam"):
                raise DataError(f"{path}, line {number}: wanted ham or spam, a tab and a text, not {line[:40]!r}")
            texts.append(text)
            labels.append(label.strip().lower())
    return Messages(texts, np.array(labels) == "spam", str(path))


# --- messages as rows of numbers --------------------------------------------------------------------------------------


# Tried in this order at each place of the lower-case text; the group's name is the class.
TOKENS = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in DATA["tokens"].items()))


def split(messages: Messages, seed: int) -> tuple[Messages, Messages]:
    """Return the messages to learn from and a fifth for the test, drawn at random with about an equal share of spam.

    Messages that differ in numbers only are on the same side. The collection has many duplicates, and a network tested
    on messages that it knows by heart would look better than it is.
    """
    twins: dict[str, list[int]] = {}
    for i, text in enumerate(messages.texts):
        twins.setdefault(" ".join(words(text)), []).append(i)
    groups = list(twins.values())
    part = np.empty(len(messages), dtype=np.int64)  # of five
    filled = np.zeros((5, 2), dtype=np.int64)  # how many ham and spam are in each part
    for g in np.random.default_rng(seed).permutation(len(groups)):
        kind = int(messages.spam[groups[g][0]])
        emptiest = filled[:, kind].argmin()
        part[groups[g]] = emptiest
        filled[emptiest, kind] += len(groups[g])
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
    capitals = len(re.findall(r"\b[A-Z]{2,}\b", text))
    found = [f"[length: {length}{'+' if length == 160 else f'-{length + 39}'}]"]
    if digits:
        found.append("[digits: 1-4]" if digits < 5 else "[digits: 5-14]" if digits < 15 else "[digits: 15+]")
    if capitals >= 3:
        most = capitals > 0.9 * len(re.findall(r"[A-Za-z]{2,}", text))
        found.append("[CAPITALS: most]" if most else "[CAPITALS: some]")
    return found


def _clean(text: str) -> str:
    """Unescape HTML, twice since some messages were escaped twice, and unify apostrophes."""
    return html.unescape(html.unescape(text)).replace("\x92", "'").replace("’", "'")


def make_inputs(name: str, texts: Sequence[str]) -> "Inputs":
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
    data = nn.TensorDataset(tl.tensor(rows), tl.tensor(spam[:, None].astype(np.float32)))  # targets: (n, 1)
    batches = nn.DataLoader(data, 32, shuffle=True)
    if nn.fit(model, batches, nn.BCEWithLogitsLoss(), optimizer, epochs, show=False).interrupted:
        print(ENDED)
    return model


def judge(model: nn.Module, inputs: Callable[[Sequence[str]], np.ndarray], texts: Sequence[str]) -> np.ndarray:
    """The probability of spam for each message: (messages,)."""
    with tl.no_grad():
        return tl.sigmoid(model(tl.tensor(inputs(texts)))).numpy()[:, 0]


ENOUGH_POINTS = 4  # points


def rule_points(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the points of each message, (n,): each rule counts once, however often it matches."""
    return np.array([sum(points for points, _ in reasons(text)) for text in texts], dtype=np.int64)


def reasons(text: str) -> list[tuple[int, str]]:
    """Return points and reason of the rules that match a message."""
    return [(points, reason) for points, reason, pattern in DATA["rules"] if re.search(pattern, text)]
