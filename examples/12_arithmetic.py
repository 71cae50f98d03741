"""A transformer learns to add: the lecture's exercise, with sums as characters.

    python examples/12_arithmetic.py                    # two-digit sums, the answer's units first
    python examples/12_arithmetic.py --answer plain     # the answer as one writes it, which is harder
    python examples/12_arithmetic.py --operation -      # differences, with negative ones
    python examples/12_arithmetic.py --real             # ask a real language model to add

A small GPT reads "  7+ 58=" and continues. It is never told what a digit is, or to carry one.

    tokens          characters: 0 to 9, + - = . and the space
    training data   all pairs of numbers below 100, but 1,500 that are held out
    objective       the next token; loss = cross-entropy of the answer's characters (the question's do not count)
    evaluation      pairs held out, b + a against a + b, larger numbers and the other sign, kinds of mistakes

18_expressions.py has order of operations, written steps and all four operations; 19_tokens_and_size.py compares
tokenizers and sizes.
"""

from helpers.program import Measured, RealToo, start
from helpers.training import train
from show import arithmetic as show

from dataclasses import replace
from typing import Literal

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, decay_groups


def measure(settings: "Settings") -> Measured:
    """Learn; answer; be examined."""
    notation = show.Notation(settings.digits, settings.operation, settings.answer == "reverse")
    draw = np.random.default_rng(settings.seed)
    learnt, held_out = show.deal(notation, min(1500, notation.numbers**2 * 15 // 100), settings.seed)  # (n, 2) each
    m = Measured(notation=notation, learnt=learnt, held_out=held_out, points={}, half_trained=None)

    longest = 3 * notation.places + 4  # question and answer, for the sum of the largest numbers that can be written
    sizes = {"context": longest, "layers": settings.layers, "heads": 4, "width": settings.width}
    model = GPT(GPTConfig(vocab_size=show.TOKENIZER.vocab_size, activation="relu", tied=False, **sizes))
    optimizer = nn.optim.AdamW(decay_groups(model, 0.1), lr=0.002, betas=(0.9, 0.99))
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, min(100, settings.steps // 10), settings.steps)

    def loss_of_answers() -> tl.Tensor:
        return model.loss(*show.encode(notation, learnt[draw.integers(0, len(learnt), 128)]))

    def look(step: int, loss: float) -> None:
        """Now and then: how many of 500 pairs held out are right?"""
        exam = show.examine(model, notation, held_out[:500])
        m.points[step] = exam
        if len(m.points) % 4 == 1:
            print(f"  after {step:5,} steps {exam.right:6.1%} of 500 held out are right", flush=True)
        m.half_trained = min(m.half_trained or exam, exam, key=lambda some: abs(some.right - 0.5))

    print(f"A GPT of {model.config.parameter_count():,} parameters, {settings.steps:,} steps of 128 problems:")
    train(loss_of_answers, optimizer, settings.steps, schedule, clip=1.0, report=look, reports=24)

    # Evaluation: what is learnt by heart, what generalises, what is consistent, which mistakes it makes
    asked = {"learnt from": learnt[:3000], "held out": held_out, **larger(notation, settings.seed)}
    m.exams = {name: show.examine(model, notation, pairs) for name, pairs in asked.items()}
    m.mirrored = show.examine(model, notation, held_out[:, ::-1])
    other = show.examine(model, replace(notation, operation="-" if notation.operation == "+" else "+"), held_out[:500])
    m.other = {"right": other.right, "as learnt": np.mean(other.said == show.results(notation, other.pairs))}
    show.judge(m)
    return m


def larger(notation: show.Notation, seed: int) -> dict[str, np.ndarray]:
    """Pairs with numbers larger than any learnt from, 300 of each kind."""
    draw = np.random.default_rng([seed, 1])
    n = notation.numbers
    large, small = draw.integers(n, 10 * n, (300, 2)), draw.integers(0, n, (300, 2))
    return {
        "first number larger": np.stack([large[:, 0], small[:, 1]], axis=1),
        "second number larger": np.stack([small[:, 0], large[:, 1]], axis=1),
        "both larger": large,
    }


class Settings(RealToo, out="arithmetic", ask_real=(show.measure_real, show.real)):
    """What can be set on the command line."""

    operation: Literal["+", "-"] = "+"  # sums or differences
    digits: Literal[1, 2, 3] = 2  # of the numbers, at most
    answer: Literal["reverse", "plain"] = "reverse"  # the answer's units first, or as one writes it
    width: int = 128  # of the vectors
    layers: int = 2  # blocks
    steps: int = 500  # of the optimiser, with 128 problems each


if __name__ == "__main__":
    start(measure, Settings, show.report)
