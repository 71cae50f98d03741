"""For 12_arithmetic.py: sums as texts, "  7+ 58=65.", a model's answers, what is printed and drawn.

    notation = Notation(digits=2, operation="+", reverse=False)
    notation.question(7, 58), notation.answer(7, 58)            # "  7+ 58=", "65."
    learn, held_out = deal(notation, held_out=1500, seed=0)     # pairs of numbers, (n, 2) each
    answers(model, notation, held_out)                          # ["65", ...]

Numbers are right-aligned, with one place more than they need, so that larger ones than those learnt from can be asked.
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from helpers.drawing import chart
from helpers.program import Measured, elsewhere, holds
from helpers.real import answers as answers_of, chat, in_tens, numbers_said, smollm2
from helpers.training import tokens_and_targets
from transformer import CharTokenizer

END = "."
TOKENIZER = CharTokenizer(f"0123456789+-={END} ")


@dataclass(frozen=True)
class Notation:
    """How a problem is written.  digits: of the largest number to learn from.  reverse: the answer, units first."""

    digits: int = 2
    operation: str = "+"
    reverse: bool = True

    @property
    def numbers(self):
        """The numbers to learn from are those below this."""
        return 10**self.digits

    @property
    def places(self):
        """Places of a number in a question."""
        return self.digits + 1

    def question(self, a, b):
        """Return a question, such as "  7+ 58="."""
        return f"{a:{self.places}}{self.operation}{b:{self.places}}="

    def result(self, a, b):
        """Return the right result as it is read: "65"."""
        return str(a + b if self.operation == "+" else a - b)

    def answer(self, a, b):
        """Return the right answer as it is written: "65.", or "56." in reverse."""
        return self.turned(self.result(a, b)) + END

    def turned(self, answer):
        """Convert an answer between the way it is written and the way it is read."""
        return answer[::-1] if self.reverse else answer


def encode(notation, pairs):
    """Tokens and targets of pairs (n, 2): the next character, where it belongs to the answer: (n, longest - 1) each."""
    questions = [TOKENIZER.encode(notation.question(a, b)) for a, b in pairs.tolist()]
    return tokens_and_targets(questions, [TOKENIZER.encode(notation.answer(a, b)) for a, b in pairs.tolist()])


def deal(notation, held_out, seed):
    """Return all pairs of numbers in random order, those to learn from and those held out: (n, 2) each."""
    order = np.random.default_rng(seed).permutation(notation.numbers**2)
    pairs = np.stack(np.divmod(order, notation.numbers), axis=1)
    return pairs[held_out:], pairs[:held_out]


def answers(model, notation, pairs):
    """Return the model's answers as they are read, decoded greedily."""
    questions = [TOKENIZER.encode(notation.question(a, b)) for a, b in pairs.tolist()]
    (stop,), most = TOKENIZER.encode(END), notation.places + 2
    found = model.generate_batch(questions, max_new_tokens=most, temperature=0, stop=stop)
    return [notation.turned(TOKENIZER.decode(answer)) for answer in found]


# --- judging ---------------------------------------------------------------------------------------------------------


PLACES = ("units", "tens", "hundreds", "thousands")


class Exam(NamedTuple):
    """Problems, the model's answers, and the right ones."""

    notation: Notation
    pairs: np.ndarray  # (n, 2)
    said: np.ndarray  # (n,), texts
    true: np.ndarray  # (n,), texts

    @property
    def right(self):
        """The share of right answers."""
        return float(np.mean(self.said == self.true))

    @property
    def digits(self):
        """The share of right digits: of the units, the tens, ...; a missing one counts as 0."""
        rows = [*zip(self.said, self.true, strict=True)]
        places = range(self.notation.digits + (self.notation.operation == "+"))
        return [float(np.mean([digit(x, k) == digit(y, k) for x, y in rows])) for k in places]


def digit(number, place):
    """The digit that stands at a place, 0 for the units."""
    return number.lstrip("-").rjust(place + 1, "0")[-1 - place]


def examine(model, notation, pairs):
    """Ask the model."""
    return Exam(notation, pairs, np.array(answers(model, notation, pairs)), results(notation, pairs))


def results(notation, pairs):
    """The right results of pairs (n, 2), as texts: (n,)."""
    return np.array([notation.result(a, b) for a, b in pairs.tolist()])


def judge(m):
    """Add to what was measured the numbers on which claims are decided."""
    m.right = {name: exam.right for name, exam in m.exams.items()}
    m.larger = float(np.mean([share for name, share in m.right.items() if "larger" in name]))
    exams = [*m.points.values()]  # after more and more steps
    m.after = {"a quarter": exams[len(exams) // 4].right, "all": m.right["held out"]}  # of the steps
    m.half_after = {place: next((step for step, exam in m.points.items() if exam.digits[k] > 0.5), max(m.points))
                    for k, place in enumerate(PLACES[: len(exams[0].digits)])}  # fmt: skip
    m.agree, m.both_wrong = consistency(m.exams["held out"], m.mirrored)
    m.mistakes = mistakes(m.half_trained)
    m.sensible = m.mistakes["off by one"] + m.mistakes[CARRY]
    m.extra = extra_digit(m.exams.values())
    m.ignores = m.extra["wrong, as without it"] / max(1, m.extra["wrong"])


def consistency(there, mirrored):
    """How often b + a gets the answer of a + b, or b - a its negative; and how often both are the same and wrong."""
    back = mirrored.said if there.notation.operation == "+" else np.array([negative(x) for x in mirrored.said])
    different = there.pairs[:, 0] != there.pairs[:, 1]
    same = (there.said == back)[different]
    return float(same.mean()), int((same & (there.said != there.true)[different]).sum())


def negative(number):
    """The number with the other sign, as text."""
    return number if number == "0" else number[1:] if number.startswith("-") else f"-{number}"


CARRY = "a carry (off by 10, 100, ...)"
KINDS = ("off by one", CARRY, "other", "no number")


def mistakes(exam):
    """The share of each kind among the wrong answers, by how far they are off."""
    wrong = exam.said != exam.true
    found = Counter(map(kind_of, exam.said[wrong], exam.true[wrong]))
    return {kind: found[kind] / max(1, found.total()) for kind in KINDS}


def kind_of(said, true):
    """How a wrong answer differs from the right one."""
    try:
        off = abs(int(said) - int(true))
    except ValueError:
        return "no number"
    if off == 1:
        return "off by one"
    return CARRY if off in (10, 100, 1000, 10000) else "other"


def extra_digit(exams):
    """Of the answers to larger numbers: how many are wrong, and of these how many right without the extra digit."""
    larger = [exam for exam in exams if (exam.pairs >= exam.notation.numbers).any()]
    right = np.concatenate([exam.said == exam.true for exam in larger])
    short = np.concatenate([e.said == results(e.notation, e.pairs % e.notation.numbers) for e in larger])
    found = {"wrong": ~right, "wrong, as without it": short & ~right}
    return {name: int(these.sum()) for name, these in found.items()}


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    notation, sign = m.notation, m.notation.operation
    order = "with its units first" if notation.reverse else "as one writes it"
    print(f"{len(m.learnt):,} problems to learn from, {len(m.held_out):,} held out; the answer is written {order}:")
    for a, b in m.learnt[:2].tolist():
        print(f'  "{notation.question(a, b)}{notation.answer(a, b)}"')
    print(f"\nRight answers. Larger: than {notation.numbers - 1}, which it has never seen.")
    for name, exam in m.exams.items():
        print(f"  {name:22} {exam.right:7.2%}   {(exam.said == exam.true).sum():5,} of {len(exam.true):,}")
    wrong, without = m.extra.values()
    places = elsewhere("places", ".0%", m)
    print(f"  Of {wrong:,} mistakes with larger numbers {without:,} are the answer without the extra digit{places}.")
    ignored = "learnt to ignore it" if holds("places", m) else "not learnt to read a digit there"
    print(f"  The place before a number was always empty in training. The model has {ignored}.")
    new, right, same = "-" if sign == "+" else "+", *m.other.values()
    print(f"\nAn operation not seen in training, a {new} b: {right:.1%} are right, {same:.1%} equal a {sign} b.")
    agreement(m.agree, m.both_wrong, sign)
    print(f"\nErrors of the half-trained model, {m.half_trained.right:.0%} right, by kind:")
    print("  " + ", ".join(f"{kind} {share:.0%}" for kind, share in m.mistakes.items()))

    steps, exams = [*m.points], m.points.values()
    curves = {"whole answers": (steps, [exam.right for exam in exams])}
    curves |= {PLACES[k]: (steps, digits) for k, digits in enumerate(zip(*(e.digits for e in exams), strict=True))}
    title, path = "Which digit is learnt first?", settings.out / "learning.png"
    chart(path, title, curves, "step", "right, of problems held out", "-", shares=True)


def agreement(agree, both_wrong, sign):
    """Print how often b + a gets the answer of a + b, or b - a its negative."""
    swapped = "b + a" if sign == "+" else "-(b - a)"
    print(f"\nConsistency: the answers to a {sign} b and {swapped} agree for {agree:.1%} of the pairs.")
    often = f"happened {both_wrong:,} times" if both_wrong > 1 else "happened once" if both_wrong else "never happened"
    print(f"  Consistent does not mean right: both answers may be the same and wrong. Here that {often}.")


# --- a real model -----------------------------------------------------------------------------------------------------


def measure_real(settings):
    """SmolLM2 adds: thirty sums of each size, in ten groups of three, both ways round, and one sum twenty times."""
    model, draw, n = smollm2("to add"), np.random.default_rng(settings.seed), 30
    exams = {}
    for digits in (1, 2, 3, 5):
        pairs = draw.integers(10 ** (digits - 1) if digits > 1 else 1, 10**digits, (n, 2))
        exams[digits] = examined(model, pairs, digits)
    two, mirrored = exams[2], examined(model, exams[2].pairs[:, ::-1], 2)
    one_digit, two_digits, _, five_digits = (in_tens(exam.said == exam.true) for exam in exams.values())
    m = Measured(exams=exams, one_digit=one_digit, two_digits=two_digits, five_digits=five_digits)
    m.agree = in_tens((two.said == mirrored.said) & (two.said != ""))
    m.agreement, m.both_wrong = consistency(two, mirrored)
    m.large = (48293, 19387)
    (m.said,) = answers_of(model, ["What is {} + {}?".format(*m.large)], 45)
    asked = (2, 3), (12, 30), tuple(two.pairs[0].tolist())
    m.twenty = {pair: asked_to_add(model, [pair] * 20, 0.7) for pair in asked}
    return m


def real(m, settings):
    """Print how SmolLM2 adds."""
    a, b = m.large
    print(f"\nWhat is {a} + {b}? In truth {a + b}. It answers, at temperature 0:")
    print("\n".join(f"  | {line}" for line in m.said.strip().splitlines()))
    print('\nIts answers are begun for it, "12 + 30 =". Right, of 30 sums of so many digits:')
    print("  " + ", ".join(f"{digits}: {exam.right:.0%}" for digits, exam in m.exams.items()))
    agreement(m.agreement, m.both_wrong, "+")
    print("\nLuck: one question twenty times, at temperature 0.7. Right, and the answers:")
    for (a, b), said in m.twenty.items():
        often = ", ".join(f"{x or 'none'} {n}x" for x, n in Counter(said).most_common(4))
        print(f"  {a} + {b} = {a + b}".ljust(20) + f"{said.count(str(a + b)):3} of 20: {often}")


def examined(model, pairs, digits):
    """Ask SmolLM2 sums, at temperature 0."""
    notation = Notation(digits)
    return Exam(notation, pairs, np.array(asked_to_add(model, pairs.tolist(), 0)), results(notation, pairs))


def asked_to_add(model, pairs, T):
    """The numbers with which SmolLM2 goes on after "12 + 30 =", asked in a chat; "" for none."""
    prompts = [chat(model, f"What is {a} + {b}?", f"{a} + {b} =") for a, b in pairs]
    return numbers_said(model, prompts, len(str(max(map(sum, pairs)))) + 2, T)
