"""For 18_expressions.py: (2+3)x4, with the step "5x4" and the result 20, and others; what is printed and drawn."""

import re
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from helpers.drawing import chart
from helpers.program import DataError, elsewhere, holds, table
from helpers.training import tokens_and_targets
from transformer import CharTokenizer

LARGEST = 6  # number in the expressions of two or three numbers
TERMS, FACTORS = range(30), range(1, 26)  # of the four operations with larger numbers
TOKENIZER = CharTokenizer("0123456789+-x/()=.")
FORMS = {"": "a ∘ b ∘ c", "left": "(a ∘ b) ∘ c", "right": "a ∘ (b ∘ c)"}  # where the parentheses are


class Expression(NamedTuple):
    """step: what is left after the first operation, "" for two numbers. form: where the parentheses are."""

    text: str
    form: str
    step: str
    result: int

    @property
    def needs_order(self):
        """Whether reading from left to right would give another result: without parentheses, x after + or -."""
        return self.form == "" and re.fullmatch(r"\d[+-]\dx\d", self.text) is not None

    def answer(self, steps_written):
        """What follows "text="."""
        return f"{self.step}={self.result}." if steps_written and self.step else f"{self.result}."


def apply(a, sign, b):
    """a + b, a - b or a x b."""
    return a + b if sign == "+" else a - b if sign == "-" else a * b


def make(a, first, b, second, c, form):
    """An expression of three numbers; without parentheses x comes before + and -."""
    left, right = f"{a}{first}{b}", f"{b}{second}{c}"
    texts = {"": f"{left}{second}{c}", "left": f"({left}){second}{c}", "right": f"{a}{first}({right})"}
    if form == "right" or (form == "" and second == "x" and first != "x"):
        inner = apply(b, second, c)
        return Expression(texts[form], form, f"{a}{first}{inner}", apply(a, first, inner))
    inner = apply(a, first, b)
    return Expression(texts[form], form, f"{inner}{second}{c}", apply(inner, second, c))


@cache
def small_expressions():
    """Return those of two numbers, and those of three with one x at most."""
    numbers = range(LARGEST + 1)
    two = [Expression(f"{a}{sign}{b}", "", "", apply(a, sign, b)) for a, sign, b in product(numbers, "+-x", numbers)]
    signs = [pair for pair in product("+-x", "+-x") if pair != ("x", "x")]
    cases = product(FORMS, signs, numbers, numbers, numbers)
    return two, [make(a, first, b, second, c, form) for form, (first, second), a, b, c in cases]


@cache
def four_operations():
    """Return a + b and a - b of numbers below 30, a x b of factors up to 25, and the divisions that undo these."""
    return {
        "+": [Expression(f"{a}+{b}", "", "", a + b) for a, b in product(TERMS, TERMS)],
        "-": [Expression(f"{a}-{b}", "", "", a - b) for a, b in product(TERMS, TERMS)],
        "x": [Expression(f"{a}x{b}", "", "", a * b) for a, b in product(FACTORS, FACTORS)],
        "/": [Expression(f"{a * b}/{b}", "", "", a) for a, b in product(FACTORS, FACTORS)],
    }


def parse(text):
    """The expression that a user types; spaces, `*`, `×` and `÷` are allowed. Raises DataError for one not known."""
    plain = text.replace(" ", "").replace("*", "x").replace("×", "x").replace("÷", "/")
    _, three = small_expressions()
    for expression in (*three, *(e for some in four_operations().values() for e in some)):
        if expression.text == plain:
            return expression
    two = f"of two: sums up to {TERMS[-1]}+{TERMS[-1]}, products up to {FACTORS[-1]}x{FACTORS[-1]}, such as 12x7, 100/4"
    raise DataError(f"--ask {text}: it knows expressions of three numbers up to {LARGEST}, such as (2+3)x4, and {two}")


def encode(expressions, steps_written):
    """Tokens and targets, (n, longest) each: the next token, where it follows the first "="."""
    questions = [TOKENIZER.encode(f"{expression.text}=") for expression in expressions]
    return tokens_and_targets(questions, [TOKENIZER.encode(e.answer(steps_written)) for e in expressions])


def right(said, expressions):
    """Whether each text ends in the right result: (n,)."""
    return np.array([text.split("=")[-1] == str(e.result) for text, e in zip(said, expressions, strict=True)])


def forms(expressions):
    """Which expressions (n,) are of which form: where the parentheses are, and which operations."""
    groups = {f"of the form {example}": [e.form == form for e in expressions] for form, example in FORMS.items()}
    groups["that need order of operations, as 2+3x4"] = [e.needs_order for e in expressions]
    groups["with x"] = ["x" in e.text for e in expressions]
    groups["with + and - only"] = ["x" not in e.text for e in expressions]
    return {name: np.array(chosen) for name, chosen in groups.items()}


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    print(f"\n{m.learnt:,} expressions were learnt from, {len(m.held_out)} held out. It writes:")
    for name in m.said:
        answers(m, name)

    # How many are right, by where the parentheses are and by operation
    print("\nRight results, of the expressions held out (none of them learnt from):")
    rows = {"all": (f"{len(m.held_out)}", *m.right.values())}
    rows |= {name: (f"{chosen.sum()}", *m.by_form[name]) for name, chosen in forms(m.held_out).items()}
    table(("how many", *m.said), rows, ".1%", "∘: any of + - x")

    # How often the step is right, and the result, given the step; and what steps are worth at equal compute
    result = right(m.said["steps written"], m.held_out)
    print(f"\nThe written step is right for {m.step.sum()} of {len(m.step)}.", end=" ")
    known = [f"where it is {name}, for {result[these].sum()} of {these.sum()}"
             for name, these in (("right", m.step), ("wrong", ~m.step)) if these.any()]  # fmt: skip
    print(f"The result is right, {', and '.join(known)}.")
    print("  Equal compute: " + " and ".join(f"{n:,} tokens {name}" for name, n in m.tokens.items()) + ".")
    print("  " + " and ".join(f"{share:.1%} {name}" for name, share in m.right.items()) + " are right:", end=" ")
    helps = "written steps help" if holds("steps", m) else "chance alone may explain a difference like this"
    print(f"{helps}{elsewhere('steps', '.1%', m)}.")

    # For each operation how many are right, of those learnt from and of those held out
    print("\nLearnt, or known by heart? Four operations with larger numbers. Right results:")

    answers(m, "four operations")
    table(m.old, {"learnt from": m.old.values(), "held out": m.new.values()}, ".0%")
    if holds("by heart", m):
        print("  x: results are known by heart. Less than half as many new problems are right.")

    curves = {name: tuple(zip(*points, strict=True)) for name, points in m.curves.items()}  # equal compute
    at_once, in_steps = (points[-1][1] for points in m.curves.values())
    title = f"In the end {in_steps:.0%} are right with the steps written, and {at_once:.0%} at once"
    path, ylabel = settings.out / "expressions.png", "right results, of expressions held out"
    chart(path, title, curves, "tokens learnt from", ylabel, shares=True)


def answers(m, name):
    """Print what is written for the user's expressions."""
    for expression, text in m.answers[name].items():
        verdict = "right" if right([text], [expression]).all() else f"wrong, it is {expression.result}"
        print(f"  {name:16}{expression.text}={text}   {verdict}")
