"""Text messages that the program makes: ham and spam of several kinds, so that no data is needed.

Some ham looks like spam (a dentist's reminder has a phone number), some spam like ham ("it's amy, my new number is").
About one message in seven could be either, so that no filter can be right every time.
A part of the ham is written in shorthand, which few of the spam messages are.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.files import as_text, read
from helpers.program import DataError, data

DATA = data("messages.toml")
HAM, SPAM, EITHER, NEW, SHORTHAND = (DATA[k] for k in ("ham", "spam", "either", "new", "shorthand"))


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

    def where(self, chosen: NDArray[np.bool_]) -> Messages:
        """Return the messages selected by a mask, (n,)."""
        return Messages([self.texts[i] for i in np.flatnonzero(chosen)], self.spam[chosen], self.source)

    def first(self, n: int) -> Messages:
        """Return the first n messages."""
        return self.where(np.arange(len(self)) < n)


def made(messages: Iterable[tuple[str, bool, str, bool]]) -> Messages:
    """Return messages, of each the text, whether it is spam, its kind, and whether it is in shorthand."""
    texts, spam, kinds, shorthand = zip(*messages, strict=True)
    return Messages(list(texts), np.array(spam), "made by the program", kinds, np.array(shorthand))


def make_messages(n: int, draw: Random, share: float = 0.15) -> Messages:
    """Return n messages: 15% that could be either, and of the others this share is spam."""
    return made(one(draw, None if draw.random() < 0.15 else SPAM if draw.random() < share else HAM) for _ in range(n))


def make_new(n: int, draw: Random) -> Messages:
    """Return n messages of the spam that comes up later."""
    return made(one(draw, NEW) for _ in range(n))


def one(draw: Random, kinds: dict[str, tuple[str, ...]] | None) -> tuple[str, bool, str, bool]:
    """Return one message of a random kind, as `made` takes them; None: of those that could be either."""
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

LEET = str.maketrans("aeiost", "4310$7")
GOOD = "see you at home, love mum. thanks for dinner, sleep well x"


def leetspeak(text: str) -> str:
    """Return the text with signs in place of some letters of its long words: "fr33 pr1z3"."""
    return re.sub(r"[A-Za-z]{4,}", lambda found: found[0].translate(LEET), text)


def good_words(text: str) -> str:
    """Return the text with words of ordinary messages behind it."""
    return f"{text} {GOOD}"


# --- the messages: made ones, or a file -------------------------------------------------------------------------------


MADE = 3000  # messages
FEWEST = 25  # messages of a kind, so that a fifth of a fifth still has one


def load_messages(path: Path | None, seed: int) -> Messages:
    """Return made messages or, with a path, those of a file. Raises DataError if it is unreadable or no such file."""
    if path is None:
        return make_messages(MADE, Random(seed))
    return parse(read(path), str(path))


def parse(content: bytes, source: str) -> Messages:
    """Parse the messages in a file's bytes; `source` is the file's name, for errors.

    Raises DataError that names the line (no tab, an unknown label), for bytes that are not UTF-8, or for too few
    messages.
    """
    texts, labels = [], []
    for number, line in enumerate(as_text(content, source).split("\n"), start=1):
        label, tab, text = line.partition("\t")
        if line.strip():
            if not tab or label.strip().lower() not in ("ham", "spam"):
                raise DataError(f"{source}, line {number}: wanted ham or spam, a tab and a text, not {line[:40]!r}")
            texts.append(text)
            labels.append(label.strip().lower())
    for kind in ("ham", "spam"):
        if labels.count(kind) < FEWEST:
            raise DataError(f"{source} has {labels.count(kind)} messages labelled {kind}; {FEWEST} of each are needed")
    return Messages(texts, np.array(labels) == "spam", source)


def deal(keys: Sequence[Hashable], labels: NDArray[np.bool_], parts: int, seed: int) -> NDArray[np.int64]:
    """Split messages at random into parts of about equal size and equal share of spam: the part of each, (n,).

    Messages with the same key go to the same part. The collection has many duplicates, and a network tested on messages
    it has memorised would look better than it is. Raises DataError if so many are duplicates that a part has no
    message of a kind.
    """
    twins: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        twins.setdefault(key, []).append(i)
    groups = list(twins.values())
    part = np.empty(len(keys), dtype=np.int64)
    filled = np.zeros((parts, 2), dtype=np.int64)  # how many ham and spam are in each part
    for g in np.random.default_rng(seed).permutation(len(groups)):
        kind = int(labels[groups[g][0]])
        emptiest = filled[:, kind].argmin()
        part[groups[g]] = emptiest
        filled[emptiest, kind] += len(groups[g])
    if not filled.all():
        raise DataError(f"there are too few different messages to deal ham and spam into {parts} parts each")
    return part
