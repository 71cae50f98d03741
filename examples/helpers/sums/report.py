"""The report on a model that does sums: held-out problems, swapped ones, and larger numbers.

    exam = examine(model, notation, learnt, held_out, seed=0)
    print_exam(exam)

Used by 12_arithmetic.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers.sums.problems import Notation, answers
from transformer import GPT

PLACES = ("units", "tens", "hundreds", "thousands")
BEYOND = 500  # problems of each kind with larger numbers
EXAMPLES = ((2, 3), (9, 8))  # always shown, and swapped, whether learnt from or held out


@dataclass(frozen=True)
class Marked:
    """Problems with the model's answers, and which are right."""

    notation: Notation
    pairs: np.ndarray  # (n, 2)
    said: list[str]

    @property
    def right(self) -> np.ndarray:
        """Which answers are right, (n,) of bools."""
        results = [self.notation.result(a, b) for a, b in self.pairs.tolist()]
        return np.array([said == result for said, result in zip(self.said, results, strict=True)], np.bool_)

    def where(self, chosen: np.ndarray) -> Marked:
        """Select problems by a mask or by indices."""
        rows = np.arange(len(self.pairs))[chosen]
        return Marked(self.notation, self.pairs[rows], [self.said[i] for i in rows])

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class Exam:
    """The model's answers to problems held out, learnt from, swapped, and with larger numbers."""

    notation: Notation
    held_out: Marked
    learnt: Marked
    mirrors: Marked  # b, a for every a, b held out
    mirror_learnt: np.ndarray  # (held out,) of bools: whether b, a was learnt from
    beyond: dict[str, Marked]
    examples: Marked  # each of EXAMPLES, then its mirror


def mark(model: GPT, notation: Notation, pairs: np.ndarray) -> Marked:
    """Let the model answer the problems."""
    return Marked(notation, pairs, answers(model, notation, pairs))


def examine(model: GPT, notation: Notation, learnt: np.ndarray, held_out: np.ndarray, seed: int) -> Exam:
    """Ask the model all problems; of those learnt from, at most 10,000."""
    draw = np.random.default_rng([seed, 1])
    n, larger = notation.numbers, 10**notation.places
    large, small = draw.integers(n, larger, (BEYOND, 3)), draw.integers(0, n, (BEYOND, 2))
    kinds = {
        "the first number": np.stack([large[:, 0], small[:, 0]], axis=1),
        "the second number": np.stack([small[:, 1], large[:, 1]], axis=1),
        "both": large[:, 1:],
    }
    reached = set(map(tuple, held_out.tolist()))
    return Exam(
        notation,
        mark(model, notation, held_out),
        mark(model, notation, learnt[:10_000]),
        mark(model, notation, held_out[:, ::-1]),
        np.array([(b, a) not in reached for a, b in held_out.tolist()]),
        {name: mark(model, notation, pairs) for name, pairs in kinds.items()},
        mark(model, notation, np.array([pair for a, b in EXAMPLES for pair in ((a, b), (b, a))])),
    )


def groups(exam: Exam) -> Iterator[tuple[str, list[tuple[str, Marked]]]]:
    """Yield the held-out problems in groups: a title, and the name and problems of each part that is not empty."""
    held_out, notation = exam.held_out, exam.notation
    pairs = held_out.pairs
    carries = np.array([notation.carries(a, b) for a, b in pairs.tolist()])
    one, several = ("carry", "carries") if notation.operation == "+" else ("borrow", "borrows")
    largest = np.array([len(str(max(pair))) for pair in pairs.tolist()])
    smallest = np.array([len(str(min(pair))) for pair in pairs.tolist()])
    by_carries = [(f"{k or 'no'} {one if k == 1 else several}", carries == k) for k in range(carries.max() + 1)]
    sizes = [(x, y) for x in range(1, notation.digits + 1) for y in range(x, notation.digits + 1)]
    by_size = [(f"{x} and {y} digits", (smallest == x) & (largest == y)) for x, y in sizes]
    sign = notation.operation
    by_mirror = [(f"b {sign} a learnt from", exam.mirror_learnt), (f"b {sign} a held out too", ~exam.mirror_learnt)]
    for title, parts in (("by carries", by_carries), ("by size", by_size), ("by the other way round", by_mirror)):
        yield title, [(name, held_out.where(chosen)) for name, chosen in parts if chosen.any()]


def mirrored(exam: Exam, there: Marked, back: Marked) -> np.ndarray:
    """Return whether b + a has the answer of a + b, or b - a its negative: (n,) of bools."""
    if exam.notation.operation == "+":
        return np.array([x == y for x, y in zip(there.said, back.said, strict=True)])
    return np.array([x == negative(y) for x, y in zip(there.said, back.said, strict=True)])


def negative(number: str) -> str:
    """Return the number with the other sign, as text."""
    return number if number == "0" else number[1:] if number.startswith("-") else f"-{number}"


def wrong_digits(marked: Marked) -> Counter[str]:
    """Count the places in which wrong answers are wrong; one may be wrong in several, or in its length or sign."""
    found: Counter[str] = Counter()
    for (a, b), said in zip(marked.pairs.tolist(), marked.said, strict=True):
        result = marked.notation.result(a, b)
        if said == result:
            continue
        if len(said) != len(result) or said.startswith("-") != result.startswith("-"):
            found["length or sign" if marked.notation.operation == "-" else "length"] += 1
        else:
            found.update(PLACES[k] for k, (x, y) in enumerate(zip(said[::-1], result[::-1], strict=True)) if x != y)
    return found


# --- printing -----------------------------------------------------------------------------------------------


def print_problems(notation: Notation, learnt: np.ndarray, held_out: np.ndarray) -> None:
    """Print the number of problems, and some examples."""
    order = "with its units first" if notation.reverse else "as one writes it"
    print(f"{len(learnt):,} problems to learn from, {len(held_out):,} held out; the answer is written {order}:")
    for a, b in learnt[:3].tolist():
        print(f'  "{notation.question(a, b)}{notation.answer(a, b)}"')


def print_exam(exam: Exam) -> None:
    """Print all tables."""
    held_out, notation, sign = exam.held_out, exam.notation, exam.notation.operation
    print(f"\n{'':24} {'right':>7}")
    line("learnt from", exam.learnt)
    line("held out", held_out)
    for title, parts in groups(exam):
        print(f" held out, {title}")
        for name, marked in parts:
            line(f"  {name}", marked)
    print(f" larger than {notation.numbers - 1}, which nobody has shown it")
    for name, marked in exam.beyond.items():
        line(f"  {name}", marked)

    both = held_out.pairs[:, 0] != held_out.pairs[:, 1]
    same = mirrored(exam, held_out, exam.mirrors)[both]
    what = "the same of b + a as of a + b" if sign == "+" else "of b - a the negative of a - b"
    print(f"\nThe other way round: it says {what} for {same.sum():,} of {len(same):,} pairs held out.")
    for (a, b), there, back in zip(EXAMPLES, exam.examples.said[::2], exam.examples.said[1::2], strict=True):
        print(f"  {a} {sign} {b} = {there or 'nothing'}, {b} {sign} {a} = {back or 'nothing'}")
    print_mistakes(exam)


def line(name: str, marked: Marked) -> None:
    right = marked.right
    print(f"{name:24} {right.mean():7.2%} {right.sum():6,} of {len(right):,}")


def print_mistakes(exam: Exam) -> None:
    """Print which digits are wrong, and some of the wrong answers."""
    for title, marked in (("held out", exam.held_out), ("with larger numbers", merged(exam))):
        wrong = marked.where(~marked.right)
        if not len(wrong):
            print(f"\nNo mistakes {title}.")
            continue
        print(f"\n{len(wrong):,} mistake{'s' if len(wrong) > 1 else ''} {title}. Wrong are:")
        found = wrong_digits(wrong)
        print("  " + ", ".join(f"{place} {n:,}" for place, n in found.most_common()))
        if marked is not exam.held_out:
            print(f"  As if the place that was always empty still were: {overlooked(wrong):,} of them.")
        for (a, b), said in list(zip(wrong.pairs.tolist(), wrong.said, strict=True))[:6]:
            sign = exam.notation.operation
            print(f"  {a} {sign} {b} = {exam.notation.result(a, b)}, and it says {said or 'nothing'}")


def overlooked(marked: Marked) -> int:
    """Return how many answers would be right if the numbers were cut to the digits of those learnt from."""
    n = marked.notation.numbers
    results = [marked.notation.result(a % n, b % n) for a, b in marked.pairs.tolist()]
    return sum(said == result for said, result in zip(marked.said, results, strict=True))


def merged(exam: Exam) -> Marked:
    """Return all problems with larger numbers, the kinds taking turns."""
    parts = list(exam.beyond.values())
    order = np.arange(sum(map(len, parts))).reshape(len(parts), -1).T.ravel()
    said = [answer for part in parts for answer in part.said]
    return Marked(exam.notation, np.concatenate([part.pairs for part in parts]), said).where(order)
