"""Sums as texts: "  7+ 58=65." The problems that 12_arithmetic.py learns from, and what a model answers.

    notation = Notation(digits=2, operation="+", reverse=False)
    notation.question(7, 58), notation.answer(7, 58)            # "  7+ 58=", "65."
    learn, held_out = deal(notation, held_out=1500, seed=0)     # pairs of numbers, (n, 2) each
    answers(model, notation, held_out)                          # ["65", ...]

Numbers stand right-aligned, in one place more than they need, so that larger ones than those learnt from can be asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from transformer import GPT, CharTokenizer
from transformer.training.loss import IGNORED

END = "."
TOKENIZER = CharTokenizer(f"0123456789+-={END} ")
AT_ONCE = 2000  # problems in a batch, where nothing is learnt


@dataclass(frozen=True)
class Notation:
    """How a problem is written.  digits: of the numbers to learn from, at most.  reverse: the answer's units first."""

    digits: int = 2
    operation: str = "+"
    reverse: bool = True

    @property
    def numbers(self) -> int:
        """How many numbers there are to learn from: 0 to this, without it."""
        return 10**self.digits

    @property
    def places(self) -> int:
        """That a number has in a question."""
        return self.digits + 1

    @property
    def asked(self) -> int:
        """Characters of a question."""
        return 2 * self.places + 2

    @property
    def length(self) -> int:
        """The most characters of question and answer; the sum of the largest numbers that can be written fits."""
        return self.asked + self.places + 2

    def question(self, a: int, b: int) -> str:
        """As "  7+ 58="."""
        return f"{a:{self.places}}{self.operation}{b:{self.places}}="

    def result(self, a: int, b: int) -> str:
        """What is right, as one reads it: "65"."""
        return str(a + b if self.operation == "+" else a - b)

    def answer(self, a: int, b: int) -> str:
        """What is right, as it is to be written: "65.", or "56." in reverse."""
        return self.turned(self.result(a, b)) + END

    def turned(self, answer: str) -> str:
        """An answer from the way it is written to the way it is read, or back."""
        return answer[::-1] if self.reverse else answer

    def carries(self, a: int, b: int) -> int:
        """How many digits of the answer depend on their neighbour: carried ones in a sum, borrowed in a difference."""
        a, b = (a, b) if self.operation == "+" else (max(a, b), min(a, b))
        found = carried = 0
        while a or b:
            x, y = a % 10, b % 10
            carried = int(x + y + carried >= 10 if self.operation == "+" else x - y - carried < 0)
            found, a, b = found + carried, a // 10, b // 10
        return found


class Problems:
    """Pairs of numbers (n, 2) as a data set: characters, and for each the one after it, where that is of the answer."""

    takes_many = True

    def __init__(self, notation: Notation, pairs: np.ndarray) -> None:
        self.notation, self.pairs = notation, pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, rows: Any) -> tuple[tl.Tensor, tl.Tensor]:
        """tokens and targets, (n, longest length - 1); targets are IGNORED within the question and after the end."""
        pairs = self.pairs[rows].tolist()
        asked = self.notation.asked
        answers = [self.notation.answer(a, b) for a, b in pairs]
        texts = [self.notation.question(a, b) + answer for (a, b), answer in zip(pairs, answers, strict=True)]
        length = max(map(len, texts))
        characters = np.array([TOKENIZER.encode(text.ljust(length)) for text in texts])  # (n, length)
        targets = characters[:, 1:].copy()
        targets[:, : asked - 1] = IGNORED
        ends = np.array([asked + len(answer) for answer in answers])
        targets[np.arange(1, length) >= ends[:, None]] = IGNORED
        return tl.tensor(characters[:, :-1]), tl.tensor(targets)


def deal(notation: Notation, held_out: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of numbers in random order, those to learn from and those that are held out: (n, 2) each."""
    order = np.random.default_rng(seed).permutation(notation.numbers**2)
    pairs = np.stack(np.divmod(order, notation.numbers), axis=1)
    return pairs[held_out:], pairs[:held_out]


def answers(model: GPT, notation: Notation, pairs: np.ndarray) -> list[str]:
    """What the model answers, the most probable character each time, as one reads it."""
    found = []
    for some in range(0, len(pairs), AT_ONCE):
        questions = [TOKENIZER.encode(notation.question(a, b)) for a, b in pairs[some : some + AT_ONCE].tolist()]
        (stop,) = TOKENIZER.encode(END)
        most = notation.length - notation.asked
        found += model.generate_batch(questions, max_new_tokens=most, temperature=0, stop=stop)
    return [notation.turned(TOKENIZER.decode(answer)) for answer in found]


def surprise(model: GPT, problems: Problems) -> np.ndarray:
    """-log of the probability that the model gives to the whole right answer: (n,)."""
    found = []
    with tl.no_grad():
        for some in range(0, len(problems), AT_ONCE):
            tokens, targets = problems[some : some + AT_ONCE]
            counted = targets != IGNORED
            log_p = tl.log_softmax(model(tokens), -1)  # (n, length - 1, characters)
            of_target = tl.gather(log_p, -1, tl.unsqueeze(tl.where(counted, targets, 0), -1))
            found.append(-tl.where(counted, of_target.squeeze(-1), 0.0).sum(axis=-1).numpy())
    return np.concatenate(found)
