"""For 12_arithmetic.py: sums as texts, "  7+ 58=65.", a model's answers, what is printed and drawn.

    notation = Notation(digits=2, operation="+", reverse=False)
    notation.question(7, 58), notation.answer(7, 58)            # "  7+ 58=", "65."
    learn, held_out = deal(notation, held_out=1500, seed=0)     # pairs of numbers, (n, 2) each
    answers(model, notation, held_out)                          # ["65", ...]

Numbers are right-aligned, with one place more than they need, so that larger ones than those learnt from can be asked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lecture as tl
from helpers.drawing import BLUE, DARK, GREEN, ORANGE, PURPLE, VERMILION, bars, chart, new_figure, percent, save
from helpers.program import DataError, by_chance
from helpers.real import answers as answers_of
from helpers.real import chat, numbers_said, smollm2
from helpers.training import tokens_and_targets
from tinygrad_lecture.files import atomic_write
from transformer import GPT, CharTokenizer

END = "."
TOKENIZER = CharTokenizer(f"0123456789+-={END} ")


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
    def length(self) -> int:
        """Most characters in question and answer, for the sum of the largest numbers that can be written."""
        return 3 * self.places + 4

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
    questions = [TOKENIZER.encode(notation.question(a, b)) for a, b in pairs.tolist()]
    (stop,), most = TOKENIZER.encode(END), notation.places + 2
    found = model.generate_batch(questions, max_new_tokens=most, temperature=0, stop=stop)
    return [notation.turned(TOKENIZER.decode(answer)) for answer in found]


# --- the learning curve, kept beside the Trainer's file ---------------------------------------------------------------


class Point(NamedTuple):
    """How good it is after some steps: right answers, and right digits: of the units, the tens, ..."""

    step: int
    right: float
    digits: list[float]


class Curve:
    """The points of a run. continued: whether to take up those in the file; raises DataError if it is damaged."""

    def __init__(self, path: Path, continued: bool) -> None:
        self.path = path
        self.points: list[Point] = []
        if continued and path.exists():
            try:
                self.points = [Point(**point) for point in json.loads(path.read_text(encoding="utf-8"))]
            except (ValueError, TypeError) as error:
                raise DataError(f"{path} is damaged, or of another program: {error}") from error

    def add(self, point: Point) -> None:
        """Append a point, and forget later ones: a run that was killed comes to them again."""
        self.points = [p for p in self.points if p.step < point.step] + [point]
        with atomic_write(self.path) as temporary:
            temporary.write_text(json.dumps([p._asdict() for p in self.points], indent=1), encoding="utf-8")


# --- what is printed --------------------------------------------------------------------------------------------------


PLACES = ("units", "tens", "hundreds", "thousands")


class Exam(NamedTuple):
    """Problems, the model's answers, and the right ones."""

    notation: Notation
    pairs: np.ndarray  # (n, 2)
    said: np.ndarray  # (n,), texts
    true: np.ndarray  # (n,), texts

    @property
    def right(self) -> float:
        """The share of right answers."""
        return float(np.mean(self.said == self.true))

    @property
    def digits(self) -> list[float]:
        """The share of right digits: of the units, the tens, ...; a missing one counts as 0."""
        rows = [*zip(self.said, self.true, strict=True)]
        places = range(self.notation.digits + (self.notation.operation == "+"))
        return [float(np.mean([digit(x, k) == digit(y, k) for x, y in rows])) for k in places]


def digit(number: str, place: int) -> str:
    """The digit that stands at a place, 0 for the units."""
    return number.lstrip("-").rjust(place + 1, "0")[-1 - place]


def examine(model: GPT, notation: Notation, pairs: np.ndarray) -> Exam:
    """Ask the model."""
    return Exam(notation, pairs, np.array(answers(model, notation, pairs)), results(notation, pairs))


def results(notation: Notation, pairs: np.ndarray) -> np.ndarray:
    """The right results of pairs (n, 2), as texts: (n,)."""
    return np.array([notation.result(a, b) for a, b in pairs.tolist()])


# --- printing ---------------------------------------------------------------------------------------------------------


def problems(notation: Notation, learnt: np.ndarray, held_out: np.ndarray) -> None:
    """Print the number of problems, and some examples."""
    order = "with its units first" if notation.reverse else "as one writes it"
    print(f"{len(learnt):,} problems to learn from, {len(held_out):,} held out; the answer is written {order}:")
    for a, b in learnt[:3].tolist():
        print(f'  "{notation.question(a, b)}{notation.answer(a, b)}"')


def asked(notation: Notation, a: int, b: int, said: str) -> None:
    """Print the answer to a user's problem."""
    right = notation.result(a, b)
    print(f"{a} {notation.operation} {b} = {said or 'nothing'}{'' if said == right else f'   wrong, it is {right}'}")


def table(exams: Mapping[str, Exam], notation: Notation) -> None:
    """Print how many answers are right."""
    print(f"\nRight answers. Larger: than {notation.numbers - 1}, which it has never seen.")
    for name, exam in exams.items():
        print(f"  {name:22} {exam.right:7.2%}   {(exam.said == exam.true).sum():5,} of {len(exam.true):,}")


def consistency(mirrored: Exam, there: Exam) -> None:
    """Print whether b + a gets the answer of a + b, and b - a its negative."""
    sign = there.notation.operation
    back = mirrored.said if sign == "+" else np.array([negative(x) for x in mirrored.said])
    different = there.pairs[:, 0] != there.pairs[:, 1]
    same = (there.said == back) & different
    print(f"\nConsistency: a {sign} b against b {sign} a{', which is its negative' if sign == '-' else ''}.")
    print(f"  The two answers agree for {same.sum():,} of {different.sum():,} pairs.")
    n = (same & (there.said != there.true)).sum()
    often = f"happened {n:,} times" if n > 1 else "happened once" if n else "never happened"
    print(f"  Consistent does not mean right: both answers may be the same and wrong. Here that {often}.")


def negative(number: str) -> str:
    """The number with the other sign, as text."""
    return number if number == "0" else number[1:] if number.startswith("-") else f"-{number}"


def kinds_of_mistakes(exam: Exam, when: str) -> None:
    """Print the mistakes, sorted by how far they are off."""
    wrong = exam.said != exam.true
    found = Counter(map(kind_of, exam.said[wrong], exam.true[wrong]))
    title = f"Errors of the {when} model, {exam.right:.0%} right: {found.total():,} of {len(exam.true):,}, by kind"
    print(f"\n{title if when else f'Its {found.total()} wrong sums of two digits, by kind'}")
    for kind in ("off by one", "a carry (off by 10, 100, ...)", "other", "no number"):
        print(f"  {kind:30} {found[kind]:5,}")


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
    larger = [exam for name, exam in exams.items() if "larger" in name]
    right = np.concatenate([exam.said == exam.true for exam in larger])
    short = np.concatenate([e.said == results(e.notation, e.pairs % e.notation.numbers) for e in larger])
    ignores, wrong = (short & ~right).sum(), (~right).sum()
    print(f"\nOf the mistakes with larger numbers, {ignores:,} of {wrong:,} are the right answer", end=" ")
    print("without the extra digit.")
    ignored = "learnt to ignore it" if 2 * ignores > wrong else "not learnt to read a digit there"
    print(f"  The place before a number was always empty in training. The model has {ignored}.")
    if (short & right).any():
        like = f"{(short & right).sum():,} are right without it too, as 745 - 712 = 45 - 12."
        print(f"  Of the {right.sum():,} right answers {like}")


def other_operation(exam: Exam, learnt: Notation) -> None:
    """Print how many answers to the operation that it has not learnt are right, and how many are those of the other."""
    same = np.mean(exam.said == results(learnt, exam.pairs))
    print(f"\nAn operation not seen in training: asked a {exam.notation.operation} b, it is right for", end=" ")
    print(f"{exam.right:.1%}, and gives the result of a {learnt.operation} b for {same:.1%}.")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_learning(points: Sequence[Point], notation: Notation, path: Path) -> None:
    """The shares of right digits and answers, by step."""
    if not points:
        return
    order = "with its units first" if notation.reverse else "as one writes it"
    steps, shares = [point.step for point in points], {"whole answers": [point.right for point in points]}
    shares |= {PLACES[k]: [point.digits[k] for point in points] for k in range(len(points[0].digits))}
    axes = chart(
        f"Which digit is learnt first? The answer is written {order}",
        {name: (steps, values) for name, values in shares.items()}, (DARK, BLUE, ORANGE, GREEN, PURPLE), "-",
        ylim=(0, 1.03), xlabel="step", ylabel="right, of problems held out",
    )  # fmt: skip
    percent(axes.yaxis)
    save(axes.figure, path)


def draw_mistakes(exams: Mapping[str, Exam], path: Path) -> None:
    """The share of wrong answers for each group of problems."""
    figure = new_figure(9.5, 3.8, "Has it learnt a rule? Wrong answers, by the size of the numbers")
    axes, wrong = figure.subplots(), [1 - exam.right for exam in exams.values()]
    colours = [VERMILION if "larger" in name else BLUE for name in exams]
    bars(axes, [*exams], wrong, colours, [f"{share:.1%}" for share in wrong])
    axes.set(xlim=(0, 1.12), xlabel="wrong answers")
    percent(axes.xaxis)
    save(figure, path)


# --- a real model -----------------------------------------------------------------------------------------------------


def real(settings: Any) -> None:
    """SmolLM2 adds: numbers of one to five digits, both ways round, and one sum twenty times."""
    model, draw = smollm2("to add"), np.random.default_rng(settings.seed)
    a, b = 48293, 19387
    (text,) = answers_of(model, [f"What is {a} + {b}?"], 45)
    print(f"\nWhat is {a} + {b}? In truth {a + b}. It answers, at temperature 0:")
    print("\n".join(f"  | {line}" for line in text.strip().splitlines()))
    print('\nIts answers are begun for it, "12 + 30 =". Of 30 sums each:')
    print(f"  {'digits':8}{'right':>8}{'units':>11}{'tens':>11}{'hundreds':>11}  digits right")
    exams = {}
    for digits in (1, 2, 3, 5):
        pairs = draw.integers(10 ** (digits - 1) if digits > 1 else 1, 10**digits, (30, 2))
        exams[digits] = exam = examined(model, pairs, digits)
        places = "".join(f"{share:11.0%}" for share in exam.digits[: min(digits + 1, 3)])
        print(f"  {digits:<8}{exam.right:8.0%}{places}", flush=True)
    by_size = [exam.right for exam in exams.values()]
    falls = by_size[0] > by_size[1] > by_size[-1]
    print(f"  Larger numbers: {'fewer right, as by heart and not by a rule' if falls else 'no worse'}.")
    (units, *_), n = exams[5].digits, len(exams[5].said)
    guess = ", hardly more than a guess" if units < 0.1 + by_chance(n, 0.1) else ""
    print(f"  With 5 digits even the units are right for {units:.0%}{guess}.")
    kinds_of_mistakes(exams[2], "")
    consistency(examined(model, exams[2].pairs[:, ::-1], 2), exams[2])
    print("\nLuck: one question twenty times, at temperature 0.7. Right, and the answers:")
    for a, b in ((2, 3), (12, 30), tuple(exams[2].pairs[0].tolist())):
        said = asked_to_add(model, [(a, b)] * 20, 0.7)
        often = ", ".join(f"{x or 'none'} {n}x" for x, n in Counter(said).most_common(4))
        print(f"  {a} + {b} = {a + b}".ljust(20) + f"{said.count(str(a + b)):3} of 20: {often}")


def examined(model: Any, pairs: np.ndarray, digits: int) -> Exam:
    """Ask SmolLM2 sums, at temperature 0."""
    notation = Notation(digits)
    return Exam(notation, pairs, np.array(asked_to_add(model, pairs.tolist(), 0)), results(notation, pairs))


def asked_to_add(model: Any, pairs: Sequence[Sequence[int]], T: float) -> list[str]:
    """The numbers with which SmolLM2 goes on after "12 + 30 =", asked in a chat; "" for none."""
    prompts = [chat(model, f"What is {a} + {b}?", f"{a} + {b} =") for a, b in pairs]
    return numbers_said(model, prompts, len(str(max(map(sum, pairs)))) + 2, T)
