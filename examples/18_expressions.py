"""Expressions: order of operations, steps written out, and what is learnt by heart.

    python examples/18_expressions.py
    python examples/18_expressions.py --ask "(2+3)x4" "2+3x4" "12x7" "100/4"

Two GPTs of the same size learn the same expressions at equal compute, with + - x and parentheses, from numbers up to 6:

    at once            2+3x4=14.
    steps written      2+3x4=2+12=14.          a chain of thought: each step is one operation, and the next reads it

A third one learns + - x / with larger numbers: 12x7=84, 100/4=25. Does it learn the operations, or their results?

The loss is the cross-entropy of all that follows the first "=". The expressions of the tests are held out.
"""

from helpers import expressions as show
from helpers.expressions import TOKENIZER, Expression, encode, four_operations, parse, right, small_expressions
from helpers.program import Common, start
from helpers.training import small_gpt, train

from collections.abc import Sequence

import numpy as np

import tinygrad_lecture as tl
from transformer import GPT

Expressions = Sequence[Expression]
Curve = list[tuple[int, float]]  # tokens learnt from, share of right answers


def main(settings: "Settings") -> None:
    """Answer at once or in steps; then four operations with larger numbers."""
    asked = [parse(text) for text in settings.ask]
    kept = {expression.text for expression in asked}
    draw = np.random.default_rng(settings.seed)

    # "Order of operations", and "Intermediate reasoning: step-by-step solutions"
    two, three = small_expressions()  # such as 2+3, and such as (2+3)x4
    order = [three[i] for i in draw.permutation(len(three)) if three[i].text not in kept]
    held_out, learnt = order[:300], order[300:] + 10 * two
    show.expressions(learnt, held_out)
    curves: dict[str, Curve] = {}
    said: dict[str, list[str]] = {}
    short, long = (encode(learnt, steps_written)[0].shape[1] for steps_written in (False, True))  # tokens of a text
    as_much = settings.steps * long // short  # steps with short texts that cost as much as those with long ones
    for name, steps_written, steps in (("at once", False, as_much), ("steps written", True, settings.steps)):
        print(f"\nA GPT learns to answer {'with its steps written out' if steps_written else 'at once'}:")
        model, curves[name] = learn(learnt, held_out, steps_written, steps, settings.seed)
        said[name] = written(model, held_out)
        small = [expression for expression in asked if expression in three]
        show.answers(small, written(model, small))
    show.by_form(held_out, said)
    show.steps_and_results(held_out, said, as_much * short, settings.steps * long)

    # "Systematic vs. memorization": all four operations, with larger numbers
    known: list[Expression] = []
    exams: dict[str, tuple[list[Expression], list[Expression]]] = {}  # by operation: learnt from, held out
    for sign, expressions in four_operations().items():
        order = [expressions[i] for i in draw.permutation(len(expressions)) if expressions[i].text not in kept]
        exams[sign] = order[100:], order[:100]
        known += order[100:] * (2500 // len(expressions))  # as many of each operation
    print("\nFour operations with larger numbers. One GPT learns all of them, and answers at once:")
    all_new = [expression for _, new in exams.values() for expression in new]
    model, _ = learn(known, all_new, False, 2 * settings.steps, settings.seed)
    shares = {sign: tuple(right(written(model, some), some).mean() for some in (old[:300], new))
              for sign, (old, new) in exams.items()}  # fmt: skip
    show.operations(shares)
    large = [expression for expression in asked if expression not in three]
    show.answers(large, written(model, large))

    print("\nPictures:")
    show.draw_curves(curves, settings.out / "expressions.png")
    show.draw_operations(shares, settings.out / "by_heart.png")


def learn(learnt: Expressions, held_out: Expressions, steps_written: bool, steps: int, seed: int) -> tuple[GPT, Curve]:
    """A GPT that has learnt expressions; and after how many tokens which share of those held out was right."""
    tl.manual_seed(seed)
    draw = np.random.default_rng(seed)
    tokens, targets = encode(learnt, steps_written)  # (n, longest) each
    model, optimizer, schedule = small_gpt(TOKENIZER.vocab_size, 64, steps)
    curve = []

    def loss_of_answers() -> tl.Tensor:
        rows = draw.integers(0, len(tokens), 64)
        return model.loss(tokens[rows], targets[rows])

    def look(step: int, loss: float) -> None:
        curve.append((step * tokens[:64].size, right(written(model, held_out), held_out).mean()))
        show.progress(step, loss, curve[-1][1])

    train(loss_of_answers, optimizer, steps, schedule, clip=1.0, report=look, reports=4)
    return model, curve


def written(model: GPT, expressions: Sequence[Expression]) -> list[str]:
    """What the model writes after each "expression=", always the likeliest character, up to the full stop."""
    if not expressions:
        return []
    prompts = [TOKENIZER.encode(f"{expression.text}=") for expression in expressions]
    stop = TOKENIZER.encode(".")
    answers = model.generate_batch(prompts, max_new_tokens=14, temperature=0, stop=stop)
    return [TOKENIZER.decode(answer) for answer in answers]


class Settings(Common, out="expressions"):
    """What can be set on the command line."""

    ask: tuple[str, ...] = ("(2+3)x4", "2+3x4", "12x7", "100/4")  # expressions that it does not learn from
    steps: int = 900  # of the optimiser with steps written, 64 expressions each; for the third twice as many


if __name__ == "__main__":
    start(main, Settings)
