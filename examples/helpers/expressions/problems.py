"""Expressions such as (2+3)x4, with the step "5x4" and the result 20; and such as 12x7 and 100/4."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from helpers.program import DataError
from helpers.question_and_answer import tokens_and_targets
from transformer import CharTokenizer

LARGEST = 6  # number in the expressions of two or three numbers
TERMS, FACTORS = range(30), range(1, 26)  # of the four operations with larger numbers
TOKENIZER = CharTokenizer("0123456789+-x/()=.")
FORMS = {"": "a+bxc", "left": "(a+b)xc", "right": "ax(b+c)"}  # where the parentheses are


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
