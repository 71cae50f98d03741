"""What 12_arithmetic.py prints: how many answers are right, and which mistakes a model makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from helpers.sums.problems import Notation, answers
from transformer import GPT

PLACES = ("units", "tens", "hundreds", "thousands")


@dataclass(frozen=True)
class Exam:
    """Problems, the model's answers, and the right ones."""

    notation: Notation
    pairs: np.ndarray  # (n, 2)
    said: list[str]
    true: list[str]

    @property
    def right(self) -> float:
        """The share of right answers."""
        return self.share(self.said, self.true)

    @property
    def digits(self) -> list[float]:
        """The share of right digits: of the units, the tens, ...; a missing one counts as 0."""
        places = range(self.notation.digits + (self.notation.operation == "+"))
        return [self.share([digit(x, k) for x in self.said], [digit(x, k) for x in self.true]) for k in places]

    @staticmethod
    def share(said: list[str], true: list[str]) -> float:
        """How many are equal, from 0 to 1."""
        return sum(x == y for x, y in zip(said, true, strict=True)) / len(true)


def digit(number: str, place: int) -> str:
    """The digit that stands at a place, 0 for the units."""
    return number.lstrip("-").rjust(place + 1, "0")[-1 - place]


def examine(model: GPT, notation: Notation, pairs: np.ndarray) -> Exam:
    """Ask the model."""
    return Exam(notation, pairs, answers(model, notation, pairs), [notation.result(a, b) for a, b in pairs.tolist()])


# --- printing -----------------------------------------------------------------------------------------------


def problems(notation: Notation, learnt: np.ndarray, held_out: np.ndarray) -> None:
    """Print the number of problems, and some examples."""
    order = "with its units first" if notation.reverse else "as one writes it"
    print(f"{len(learnt):,} problems to learn from, {len(held_out):,} held out; the answer is written {order}:")
    for a, b in learnt[:3].tolist():
        print(f'  "{notation.question(a, b)}{notation.answer(a, b)}"')


def parameters(model: GPT, steps: int) -> None:
    """Print the size of the model."""
    print(f"A GPT of {model.config.parameter_count():,} parameters, {steps:,} steps of 128 problems:")


def asked(notation: Notation, a: int, b: int, said: str) -> None:
    """Print the answer to a user's problem."""
    right = notation.result(a, b)
    print(f"{a} {notation.operation} {b} = {said or 'nothing'}{'' if said == right else f'   wrong, it is {right}'}")


def table(exams: Mapping[str, Exam], notation: Notation) -> None:
    """Print how many answers are right."""
    print(f"\nRight answers. Larger: than {notation.numbers - 1}, which it has never seen.")
    for name, exam in exams.items():
        n = sum(x == y for x, y in zip(exam.said, exam.true, strict=True))
        print(f"  {name:22} {exam.right:7.2%}   {n:5,} of {len(exam.true):,}")


def consistency(mirrored: Exam, there: Exam) -> None:
    """Print whether b + a gets the answer of a + b, and b - a its negative."""
    sign = there.notation.operation
    back = mirrored.said if sign == "+" else [negative(x) for x in mirrored.said]
    different = there.pairs[:, 0] != there.pairs[:, 1]
    same = np.array([x == y for x, y in zip(there.said, back, strict=True)]) & different
    wrong = np.array([x != y for x, y in zip(there.said, there.true, strict=True)])
    print(f"\nConsistency: a {sign} b against b {sign} a{', which is its negative' if sign == '-' else ''}.")
    print(f"  The two answers agree for {same.sum():,} of {different.sum():,} pairs held out.")
    n = (same & wrong).sum()
    often = f"happened {n:,} times" if n > 1 else "happened once" if n else "never happened"
    print(f"  Consistent is not yet right: both answers may be the same and wrong. Here that {often}.")


def negative(number: str) -> str:
    """The number with the other sign, as text."""
    return number if number == "0" else number[1:] if number.startswith("-") else f"-{number}"


def kinds_of_mistakes(exam: Exam, when: str) -> None:
    """Print the mistakes, sorted by how far they are off."""
    found = Counter(kind_of(said, true) for said, true in zip(exam.said, exam.true, strict=True) if said != true)
    print(f"\nErrors of the {when} model, {exam.right:.0%} right: {found.total():,} of {len(exam.true):,}, by kind")
    for kind in ("off by one", "a carry (off by 10, 100, ...)", "other", "no number"):
        print(f"  {kind:30} {found[kind]:5,}")
    wrong = [i for i, (x, y) in enumerate(zip(exam.said, exam.true, strict=True)) if x != y]
    for i in wrong[:4]:
        a, b = exam.pairs[i].tolist()
        said = exam.said[i] or "nothing"
        kind = kind_of(exam.said[i], exam.true[i])
        print(f"    {a} {exam.notation.operation} {b} = {exam.true[i]}, it says {said}: {kind}")


def kind_of(said: str, true: str) -> str:
    """How a wrong answer differs from the right one."""
    try:
        off = abs(int(said) - int(true))
    except ValueError:
        return "no number"
    if off == 1:
        return "off by one"
    return "a carry (off by 10, 100, ...)" if off in (10, 100, 1000, 10000) else "other"


def overlooked(exams: Mapping[str, Exam]) -> None:
    """Print how many answers to larger numbers are the result without the extra digit: of the wrong, of the right."""
    wrong, right = [], []  # whether each wrong answer, and each right one, is this result
    for name, exam in exams.items():
        n = exam.notation.numbers
        for (a, b), said, true in zip(exam.pairs.tolist(), exam.said, exam.true, strict=True):
            if "larger" in name:
                (right if said == true else wrong).append(said == exam.notation.result(a % n, b % n))
    print(f"\nOf the mistakes with larger numbers, {sum(wrong):,} of {len(wrong):,}", end=" ")
    print("are the right answer without the extra digit.")
    print("  The place before a number was always empty in training.", end=" ")
    print(
        "The model has learnt to ignore it."
        if 2 * sum(wrong) > len(wrong)
        else "It has not learnt to read a digit there."
    )
    if any(right):
        print(f"  Of the {len(right):,} right answers {sum(right):,} are right without it too, as 745 - 712 = 45 - 12.")


def other_operation(exam: Exam, learnt: Notation) -> None:
    """Print how many answers to the operation that it has not learnt are right, and how many are those of the other."""
    others = [learnt.result(a, b) for a, b in exam.pairs.tolist()]
    same = sum(said == other for said, other in zip(exam.said, others, strict=True))
    print(f"\nAn operation not seen in training: asked a {exam.notation.operation} b, it is right for", end=" ")
    print(f"{exam.right:.1%}, and gives the result of a {learnt.operation} b for {same / len(others):.1%}.")
