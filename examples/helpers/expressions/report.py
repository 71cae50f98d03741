"""What 18_expressions.py prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from helpers.expressions.problems import FORMS, Expression


def expressions(learnt: Sequence[Expression], held_out: Sequence[Expression]) -> None:
    """Print how many there are, and some of them."""
    print(f"{len(learnt):,} expressions to learn from, {len(held_out)} held out, for example:")
    for expression in held_out[:4]:
        print(f"  {expression.text}={expression.answer(True)[:-1]}")


def heading(name: str) -> None:
    """Print which model learns."""
    print(f"\nA GPT learns to answer {'at once' if name == 'at once' else 'with its steps written out'}:")


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
    print(f"  {'':44}{'how many':>9}" + "".join(f"{name:>15}" for name in said))
    groups = {
        "all": [True] * len(held_out),
        **{f"of the form {example}": [e.form == form for e in held_out] for form, example in FORMS.items()},
        "that need order of operations, as 2+3x4": [e.needs_order for e in held_out],
        "with x": ["x" in e.text for e in held_out],
        "with + and - only": ["x" not in e.text for e in held_out],
    }
    for name, chosen in groups.items():
        here = np.flatnonzero(chosen)
        cells = [np.mean([texts[i].split("=")[-1] == str(held_out[i].result) for i in here]) for texts in said.values()]
        print(f"  {name:44}{len(here):9}" + "".join(f"{share:15.1%}" for share in cells))


def steps_and_results(held_out: Sequence[Expression], said: Sequence[str]) -> None:
    """Print how often the step is right, and how often the result is, given the step."""
    step = np.array([text.split("=")[0] == e.step for text, e in zip(said, held_out, strict=True)])
    result = np.array([text.split("=")[-1] == str(e.result) for text, e in zip(said, held_out, strict=True)])
    print(f"\nThe written step is right for {step.sum()} of {len(step)}.")
    for name, these in (("right", step), ("wrong", ~step)):
        if these.any():
            print(f"  Where the step is {name}, the result is right for {result[these].sum()} of {these.sum()}.")


def mistakes(held_out: Sequence[Expression], said: Mapping[str, Sequence[str]]) -> None:
    """Print some wrong answers of each model."""
    print("\nMistakes:")
    for name, texts in said.items():
        wrong = [(e, t) for e, t in zip(held_out, texts, strict=True) if t.split("=")[-1] != str(e.result)]
        shown = ", ".join(f"{e.text}={t} (it is {e.result})" for e, t in wrong[:4])
        print(f"  {name:14} {len(wrong):3}: {shown or 'none'}")


def operations_heading(exams: Mapping[str, tuple[Sequence[Expression], Sequence[Expression]]]) -> None:
    """Print how many problems of each operation there are."""
    print("\nFour operations with larger numbers:")
    for sign, (learnt, held_out) in exams.items():
        examples = ", ".join(f"{e.text}={e.result}" for e in held_out[:3])
        print(f"  {sign}   {len(learnt):5,} to learn from, {len(held_out)} held out, for example {examples}")
    print("One GPT learns all of them, and answers at once:")


def operations(shares: Mapping[str, tuple[float, ...]]) -> None:
    """Print for each operation how many are right, of those learnt from and of those held out."""
    print("\nLearnt, or known by heart? Right results of the third GPT:")
    print(f"  {'':4}{'learnt from':>13}{'held out':>11}")
    for sign, (old, new) in shares.items():
        print(f"  {sign:4}{old:13.0%}{new:11.0%}")
    by_heart = [sign for sign, (old, new) in shares.items() if old > 2 * new]
    if by_heart:
        print(
            f"  Results of {' and '.join(by_heart)} are known by heart: less than half as many new problems are right."
        )
