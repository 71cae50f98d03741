"""For 18_expressions.py: (2+3)x4, with the step "5x4" and the result 20, and others; what is printed and drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREY, ORANGE, chart, columns, new_figure, percent, save
from helpers.program import DataError, by_chance, detail
from helpers.training import tokens_and_targets
from transformer import CharTokenizer

LARGEST = 6  # number in the expressions of two or three numbers
TERMS, FACTORS = range(30), range(1, 26)  # of the four operations with larger numbers
TOKENIZER = CharTokenizer("0123456789+-x/()=.")
FORMS = {"": "a ∘ b ∘ c", "left": "(a ∘ b) ∘ c", "right": "a ∘ (b ∘ c)"}  # where the parentheses are


@dataclass(frozen=True)
class Expression:
    """step: what is left after the first operation, "" for two numbers. form: where the parentheses are."""

    text: str
    form: str
    step: str
    result: int

    @property
    def needs_order(self) -> bool:
        """Whether reading from left to right would give another result: without parentheses, x after + or -."""
        return self.form == "" and re.fullmatch(r"\d[+-]\dx\d", self.text) is not None

    def answer(self, steps_written: bool) -> str:
        """What follows "text="."""
        return f"{self.step}={self.result}." if steps_written and self.step else f"{self.result}."


def apply(a: int, sign: str, b: int) -> int:
    """a + b, a - b or a x b."""
    return a + b if sign == "+" else a - b if sign == "-" else a * b


def make(a: int, first: str, b: int, second: str, c: int, form: str) -> Expression:
    """An expression of three numbers; without parentheses x comes before + and -."""
    left, right = f"{a}{first}{b}", f"{b}{second}{c}"
    texts = {"": f"{left}{second}{c}", "left": f"({left}){second}{c}", "right": f"{a}{first}({right})"}
    if form == "right" or (form == "" and second == "x" and first != "x"):
        inner = apply(b, second, c)
        return Expression(texts[form], form, f"{a}{first}{inner}", apply(a, first, inner))
    inner = apply(a, first, b)
    return Expression(texts[form], form, f"{inner}{second}{c}", apply(inner, second, c))


@cache
def small_expressions() -> tuple[list[Expression], list[Expression]]:
    """Return those of two numbers, and those of three with one x at most."""
    numbers = range(LARGEST + 1)
    two = [Expression(f"{a}{sign}{b}", "", "", apply(a, sign, b)) for a, sign, b in product(numbers, "+-x", numbers)]
    signs = [pair for pair in product("+-x", "+-x") if pair != ("x", "x")]
    three = [
        make(a, first, b, second, c, form)
        for form in FORMS
        for first, second in signs
        for a, b, c in product(numbers, numbers, numbers)
    ]
    return two, three


@cache
def four_operations() -> dict[str, list[Expression]]:
    """Return a + b and a - b of numbers below 30, a x b of factors up to 25, and the divisions that undo these."""
    return {
        "+": [Expression(f"{a}+{b}", "", "", a + b) for a, b in product(TERMS, TERMS)],
        "-": [Expression(f"{a}-{b}", "", "", a - b) for a, b in product(TERMS, TERMS)],
        "x": [Expression(f"{a}x{b}", "", "", a * b) for a, b in product(FACTORS, FACTORS)],
        "/": [Expression(f"{a * b}/{b}", "", "", a) for a, b in product(FACTORS, FACTORS)],
    }


def parse(text: str) -> Expression:
    """The expression that a user types; spaces, `*`, `×` and `÷` are allowed. Raises DataError for one not known."""
    plain = text.replace(" ", "").replace("*", "x").replace("×", "x").replace("÷", "/")
    _, three = small_expressions()
    for expression in (*three, *(e for some in four_operations().values() for e in some)):
        if expression.text == plain:
            return expression
    raise DataError(
        f"--ask {text}: it knows expressions of three numbers up to {LARGEST}, such as (2+3)x4, and of two: "
        f"a+b and a-b up to {TERMS[-1]}, axb up to {FACTORS[-1]}, and divisions without a remainder, such as 100/4"
    )


def encode(expressions: Sequence[Expression], steps_written: bool) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and targets, (n, longest) each: the next token, where it follows the first "="."""
    questions = [TOKENIZER.encode(f"{expression.text}=") for expression in expressions]
    return tokens_and_targets(questions, [TOKENIZER.encode(e.answer(steps_written)) for e in expressions])


# --- what is printed --------------------------------------------------------------------------------------------------


def expressions(learnt: Sequence[Expression], held_out: Sequence[Expression]) -> None:
    """Print how many there are, and some of them."""
    print(f"{len(learnt):,} expressions to learn from, {len(held_out)} held out, for example:")
    for expression in held_out[:2]:
        print(f"  {expression.text}={expression.answer(True)[:-1]}")


def progress(step: int, loss: float, right: float) -> None:
    """Print the loss, and how many results are right."""
    print(f"  step {step:5}: loss {loss:.3f}, of those held out {right:.0%} right", flush=True)


def answers(asked: Sequence[Expression], said: Sequence[str]) -> None:
    """Print what it writes for the user's expressions."""
    for expression, text in zip(asked, said, strict=True):
        right = text.split("=")[-1] == str(expression.result)
        print(f"  {expression.text}={text}   {'right' if right else f'wrong, it is {expression.result}'}")


def by_form(held_out: Sequence[Expression], said: Mapping[str, Sequence[str]]) -> None:
    """Print how many are right, by where the parentheses are and by operation."""
    print("\nRight results, of the expressions held out (none of them learnt from):")
    print(f"  {'∘: any of + - x':44}{'how many':>9}" + "".join(f"{name:>15}" for name in said))
    groups = {
        "all": [True] * len(held_out),
        **{f"of the form {example}": [e.form == form for e in held_out] for form, example in FORMS.items()},
        "that need order of operations, as 2+3x4": [e.needs_order for e in held_out],
        "with x": ["x" in e.text for e in held_out],
        "with + and - only": ["x" not in e.text for e in held_out],
    }
    behind = []  # by how much fewer are right with steps written, of how many, and how much chance explains
    for name, chosen in groups.items():
        here = np.flatnonzero(chosen)
        cells = [np.mean([texts[i].split("=")[-1] == str(held_out[i].result) for i in here]) for texts in said.values()]
        print(f"  {name:44}{len(here):9}" + "".join(f"{share:15.1%}" for share in cells))
        behind.append((cells[0] - cells[-1], len(here), by_chance(len(here), *cells)))
    gap, n, chance = max(behind)
    if gap > 0:
        print(f"  Not in every row are more right with steps written: of {n} expressions {100 * gap:.0f} points fewer;")
        print(f"  {'these are few, ' if chance > gap else ''}chance alone explains up to {100 * chance:.0f} points.")


def steps_and_results(held_out: Sequence[Expression], said: Mapping[str, Sequence[str]], *tokens: int) -> None:
    """Print how often the step is right, and the result, given the step; and what steps are worth at equal compute.

    tokens: of each text that was learnt from, times the steps, at once and with steps written.
    """
    step = np.array([text.split("=")[0] == e.step for text, e in zip(said["steps written"], held_out, strict=True)])
    at_once, result = (np.array([text.split("=")[-1] == str(e.result) for text, e in zip(texts, held_out, strict=True)])
                       for texts in said.values())  # fmt: skip
    print(f"\nThe written step is right for {step.sum()} of {len(step)}.")
    for name, these in (("right", step), ("wrong", ~step)):
        if these.any():
            print(f"  Where the step is {name}, the result is right for {result[these].sum()} of {these.sum()}.")
    lengths = [np.mean([len(e.answer(written)) for e in held_out]) for written in (False, True)]
    right = at_once.mean(), result.mean()
    more, chance = right[1] - right[0], by_chance(len(step), *right)
    verdict = "over all written steps help" if more > chance else "over all written steps do not help"
    print(f"  Equal compute: {64 * tokens[0]:,} tokens learnt from at once, {64 * tokens[1]:,} with steps written.")
    print(f"  {right[0]:.1%} and {right[1]:.1%} are right:", end=" ")
    print("no more difference than by chance." if abs(more) <= chance else f"{verdict}.", end=" ")
    print(f"But an answer costs more: {lengths[1]:.1f} characters, not {lengths[0]:.1f}.")


def operations_heading(exams: Mapping[str, tuple[Sequence[Expression], Sequence[Expression]]]) -> None:
    """Print how many problems of each operation there are."""
    print("\nFour operations with larger numbers. One GPT learns all of them, and answers at once:")
    for sign, (learnt, held_out) in exams.items():
        examples = ", ".join(f"{e.text}={e.result}" for e in held_out[:3])
        detail(f"  {sign}   {len(learnt):5,} to learn from, {len(held_out)} held out, for example {examples}")


def operations(shares: Mapping[str, tuple[float, ...]]) -> None:
    """Print for each operation how many are right, of those learnt from and of those held out."""
    print("\nLearnt, or known by heart? Right results of the third GPT:")
    print(f"  {'':4}{'learnt from':>13}{'held out':>11}")
    for sign, (old, new) in shares.items():
        print(f"  {sign:4}{old:13.0%}{new:11.0%}")
    if by_heart := [sign for sign, (old, new) in shares.items() if old > max(2 * new, 0.5)]:
        print(f"  {' and '.join(by_heart)}: results are known by heart. Less than half as many new problems are right.")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_curves(found: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    """The share of right results against the tokens learnt from: equal compute."""
    curves = {name: tuple(zip(*points, strict=True)) for name, points in found.items()}
    at_once, in_steps = (points[-1][1] for points in found.values())
    title = f"In the end {in_steps:.0%} are right with the steps written, and {at_once:.0%} at once"
    axes = chart(title, curves, (ORANGE, BLUE), ylim=(0, 1.03))
    axes.set(xlabel="tokens learnt from", ylabel="right results, of expressions held out")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    percent(axes.yaxis)
    save(axes.figure, path)


def draw_operations(shares: Mapping[str, tuple[float, ...]], path: Path) -> None:
    """Right results of each operation, learnt from beside held out."""
    figure = new_figure(9, 4.8, "Learnt, or known by heart? Right results, by operation")
    axes = figure.subplots()
    terms, factors = f"\nup to {TERMS[-1]}", f"\nup to {FACTORS[-1]}"
    names = ["a + b" + terms, "a - b" + terms, "a x b" + factors, "ab / b" + factors]
    learnt, new = zip(*shares.values(), strict=True)
    columns(axes, names, {"learnt from": learnt, "held out": new}, (GREY, BLUE))
    axes.set_ylabel("right results")
    save(figure, path)
