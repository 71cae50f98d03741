"""Sums as texts, "  7+ 58=65.": the problems that 12_arithmetic.py learns from, and a model's answers.

    notation = Notation(digits=2, operation="+", reverse=False)
    notation.question(7, 58), notation.answer(7, 58)            # "  7+ 58=", "65."
    learn, held_out = deal(notation, held_out=1500, seed=0)     # pairs of numbers, (n, 2) each
    answers(model, notation, held_out)                          # ["65", ...]

Numbers are right-aligned, with one place more than they need, so that larger ones than those learnt from can be asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from helpers.program import DataError
from helpers.question_and_answer import tokens_and_targets
from transformer import GPT, CharTokenizer
from transformer.training import IGNORED

END = "."
TOKENIZER = CharTokenizer(f"0123456789+-={END} ")
AT_ONCE = 2000  # problems in a batch, outside of training


@dataclass(frozen=True)
class Notation:
    """How a problem is written.  digits: of the largest number to learn from.  reverse: the answer, units first."""

    digits: int = 2
    operation: str = "+"
    reverse: bool = True

    @property
    def numbers(self) -> int:
        """The numbers to learn from are those below this."""
        return 10**self.digits

    @property
    def places(self) -> int:
        """Places of a number in a question."""
        return self.digits + 1

    @property
    def asked(self) -> int:
        """Characters in a question."""
        return 2 * self.places + 2

    @property
    def length(self) -> int:
        """Most characters in question and answer, for the sum of the largest numbers that can be written."""
        return self.asked + self.places + 2

    def question(self, a: int, b: int) -> str:
        """Return a question, such as "  7+ 58="."""
        return f"{a:{self.places}}{self.operation}{b:{self.places}}="

    def result(self, a: int, b: int) -> str:
        """Return the right result as it is read: "65"."""
        return str(a + b if self.operation == "+" else a - b)

    def answer(self, a: int, b: int) -> str:
        """Return the right answer as it is written: "65.", or "56." in reverse."""
        return self.turned(self.result(a, b)) + END

    def turned(self, answer: str) -> str:
        """Convert an answer between the way it is written and the way it is read."""
        return answer[::-1] if self.reverse else answer


class Problems:
    """Pairs of numbers (n, 2) as a data set: characters, and for each the next one if it belongs to the answer."""

    takes_many = True

    def __init__(self, notation: Notation, pairs: np.ndarray) -> None:
        self.notation, self.pairs = notation, pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, rows: Any) -> tuple[tl.Tensor, tl.Tensor]:
        """Return tokens and targets, (n, longest - 1); targets are IGNORED in the question and after the end."""
        pairs = self.pairs[rows].tolist()
        questions = [TOKENIZER.encode(self.notation.question(a, b)) for a, b in pairs]
        answers = [TOKENIZER.encode(self.notation.answer(a, b)) for a, b in pairs]
        tokens, targets = tokens_and_targets(questions, answers)
        return tl.tensor(tokens), tl.tensor(targets)


def parse(text: str, notation: Notation) -> tuple[int, int]:
    """The numbers of a problem such as "58+67". Raises DataError if the notation has no place for it."""
    found = re.fullmatch(rf"\s*(\d+)\s*{re.escape(notation.operation)}\s*(\d+)\s*", text, re.ASCII)
    largest = 10**notation.places - 1
    if found is None or max(int(found[1]), int(found[2])) > largest:
        sign = notation.operation
        raise DataError(f"--ask {text}: it can be asked a {sign} b, with numbers up to {largest}, such as 58{sign}67")
    return int(found[1]), int(found[2])


def deal(notation: Notation, held_out: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of numbers in random order, those to learn from and those held out: (n, 2) each."""
    order = np.random.default_rng(seed).permutation(notation.numbers**2)
    pairs = np.stack(np.divmod(order, notation.numbers), axis=1)
    return pairs[held_out:], pairs[:held_out]


def answers(model: GPT, notation: Notation, pairs: np.ndarray) -> list[str]:
    """Return the model's answers as they are read, decoded greedily."""
    found = []
    for some in range(0, len(pairs), AT_ONCE):
        questions = [TOKENIZER.encode(notation.question(a, b)) for a, b in pairs[some : some + AT_ONCE].tolist()]
        (stop,) = TOKENIZER.encode(END)
        most = notation.length - notation.asked
        found += model.generate_batch(questions, max_new_tokens=most, temperature=0, stop=stop)
    return [notation.turned(TOKENIZER.decode(answer)) for answer in found]


def cost_of(model: GPT, problems: Problems) -> np.ndarray:
    """Return -log p of the whole right answer, p by the model: (n,)."""
    found = []
    with tl.no_grad():
        for some in range(0, len(problems), AT_ONCE):
            tokens, targets = problems[some : some + AT_ONCE]
            counted = targets != IGNORED
            log_p = tl.log_softmax(model(tokens), -1)  # (n, length - 1, characters)
            of_target = tl.gather(log_p, -1, tl.unsqueeze(tl.where(counted, targets, 0), -1))
            found.append(-tl.where(counted, of_target.squeeze(-1), 0.0).sum(axis=-1).numpy())
    return np.concatenate(found)
