"""Expressions: order of operations, steps written out, and what is learnt by heart.

    python examples/18_expressions.py
    python examples/18_expressions.py --ask "(2+3)x4" "2+3x4" "12x7" "100/4"

Two GPTs of the same size learn the same expressions at equal compute, with + - x and parentheses, from numbers up to 6:

    at once            2+3x4=14.
    steps written      2+3x4=2+12=14.          a chain of thought: each step is one operation, and the next reads it

A third one learns + - x / with larger numbers: 12x7=84, 100/4=25. Does it learn the operations, or their results?

The loss is the cross-entropy of all that follows the first "=". The expressions of the tests are held out.
"""

from helpers.program import Common, Measured, by_chance, start
from helpers.training import loss_of_rows, small_gpt, train
from show import expressions as show

from collections.abc import Sequence

import numpy as np

import tinygrad_lecture as tl
from transformer import GPT

Expressions = Sequence[show.Expression]
Curve = list[tuple[int, float]]  # tokens learnt from, share of right answers


def measure(settings: "Settings") -> Measured:
    """Answer at once or in steps; then four operations with larger numbers."""
    asked = [show.parse(text) for text in settings.ask]
    kept = {expression.text for expression in asked}
    draw = np.random.default_rng(settings.seed)
    m = Measured(curves={}, said={}, asked=asked, answers={})

    # "Order of operations", and "Intermediate reasoning: step-by-step solutions"
    two, three = show.small_expressions()  # such as 2+3, and such as (2+3)x4
    order = [three[i] for i in draw.permutation(len(three)) if three[i].text not in kept]
    m.held_out, learnt = order[:300], order[300:] + 10 * two
    m.learnt = len(learnt)
    short, long = (show.encode(learnt, steps_written)[0].shape[1] for steps_written in (False, True))  # tokens
    as_much = settings.steps * long // short  # steps with short texts that cost as much as those with long ones
    for name, steps_written, steps in (("at once", False, as_much), ("steps written", True, settings.steps)):
        how = "with its steps written out" if steps_written else "at once"
        print(f"A GPT learns to answer {how}; right, of those held out:", end="", flush=True)
        model, m.curves[name] = learn(learnt, m.held_out, steps_written, steps, settings.seed)
        m.said[name] = written(model, m.held_out)
        small = [expression for expression in asked if expression in three]
        m.answers[name] = dict(zip(small, written(model, small), strict=True))
    m.tokens = {"at once": 64 * as_much * short, "steps written": 64 * settings.steps * long}
    m.right = {name: show.right(said, m.held_out).mean() for name, said in m.said.items()}
    m.by_chance = by_chance(len(m.held_out), *m.right.values())  # how far these two differ by chance
    m.by_form = {name: [show.right(said, m.held_out)[chosen].mean() for said in m.said.values()]
                 for name, chosen in show.forms(m.held_out).items()}  # fmt: skip
    texts = zip(m.said["steps written"], m.held_out, strict=True)
    m.step = np.array([text.split("=")[0] == expression.step for text, expression in texts])
    m.step_right = m.step.mean()

    # "Systematic vs. memorization": all four operations, with larger numbers
    known: list[show.Expression] = []
    exams: dict[str, tuple[list[show.Expression], list[show.Expression]]] = {}  # by operation: learnt from, held out
    for sign, expressions in show.four_operations().items():
        order = [expressions[i] for i in draw.permutation(len(expressions)) if expressions[i].text not in kept]
        exams[sign] = order[100:], order[:100]
        known += order[100:] * (2500 // len(expressions))  # as many of each operation
    print("One GPT learns four operations with larger numbers, and answers at once:", end="", flush=True)
    model, _ = learn(known, [e for _, new in exams.values() for e in new], False, 2 * settings.steps, settings.seed)
    m.old, m.new = ({sign: show.right(written(model, two[k][:300]), two[k][:300]).mean() for sign, two in exams.items()}
                    for k in (0, 1))  # fmt: skip
    large = [expression for expression in asked if expression not in three]
    m.answers["four operations"] = dict(zip(large, written(model, large), strict=True))
    m.large_right = sum(show.right([said], [e]).all() for e, said in m.answers["four operations"].items())
    return m


def learn(learnt: Expressions, held_out: Expressions, steps_written: bool, steps: int, seed: int) -> tuple[GPT, Curve]:
    """A GPT that has learnt expressions; and after how many tokens which share of those held out was right."""
    tl.manual_seed(seed)
    tokens, targets = show.encode(learnt, steps_written)  # (n, longest) each
    model, optimizer, schedule = small_gpt(show.TOKENIZER.vocab_size, 64, steps)
    curve = []

    def look(step: int, loss: float) -> None:
        curve.append((step * tokens[:64].size, show.right(written(model, held_out), held_out).mean()))
        print(f" {curve[-1][1]:.0%}", end="", flush=True)

    loss_of_answers = loss_of_rows(model, tokens, targets, 64, seed)
    train(loss_of_answers, optimizer, steps, schedule, clip=1.0, report=look, reports=4)
    print()
    return model, curve


def written(model: GPT, expressions: Sequence[show.Expression]) -> list[str]:
    """What the model writes after each "expression=", always the likeliest character, up to the full stop."""
    if not expressions:
        return []
    prompts = [show.TOKENIZER.encode(f"{expression.text}=") for expression in expressions]
    stop = show.TOKENIZER.encode(".")
    answers = model.generate_batch(prompts, max_new_tokens=14, temperature=0, stop=stop)
    return [show.TOKENIZER.decode(answer) for answer in answers]


class Settings(Common, out="expressions"):
    """What can be set on the command line."""

    ask: tuple[str, ...] = ("(2+3)x4", "2+3x4", "12x7", "100/4")  # expressions that it does not learn from
    steps: int = 900  # of the optimiser with steps written, 64 expressions each; for the third twice as many


if __name__ == "__main__":
    start(measure, Settings, show.report)
