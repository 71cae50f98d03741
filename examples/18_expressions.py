"""Order of operations: "2 + 3 x 4" and "(2 + 3) x 4", answered at once, or with the steps written out.

    python examples/18_expressions.py
    python examples/18_expressions.py --ask "(2+3)x4" "2+3x4"

Two GPTs of the same size learn the same expressions, with + - x and parentheses, from numbers up to 6:

    at once            2+3x4=14.
    steps written      2+3x4=2+12=14.          a chain of thought: each step is one operation, and the next reads it

The loss is the cross-entropy of all that follows the first "=". 300 expressions are held out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.expressions import pictures, report
from helpers.expressions.problems import TOKENIZER, Expression, all_expressions, encode, parse
from helpers.program import start, until_ctrl_c
from transformer import GPT, GPTConfig, decay_groups


@dataclass
class Settings:
    """What can be set on the command line."""

    ask: tuple[str, ...] = ("(2+3)x4", "2+3x4")
    """expressions of two or three numbers up to 6"""
    steps: int = 900
    """of the optimiser, for each of the two, with 64 expressions each"""
    seed: int = 0
    """of what is held out, the first weights and the batches"""
    out: Path = Path("out/expressions")
    """folder for the picture"""


def main(settings: Settings) -> None:
    """Train one to answer at once, and one to write its steps; compare them."""
    asked = [parse(text) for text in settings.ask]
    draw = np.random.default_rng(settings.seed)
    two, three = all_expressions()  # such as 2+3, and such as (2+3)x4
    kept = {expression.text for expression in asked}
    order = [three[i] for i in draw.permutation(len(three)) if three[i].text not in kept]
    held_out, learnt = order[:300], order[300:] + 10 * two
    report.expressions(learnt, held_out)

    curves: dict[str, list[tuple[int, float]]] = {}
    said: dict[str, list[str]] = {}
    for name, steps_written in (("at once", False), ("steps written", True)):
        tl.manual_seed(settings.seed)
        report.heading(name)
        tokens, targets = encode(learnt, steps_written)  # (n, longest) each
        model = GPT(GPTConfig(vocab_size=TOKENIZER.vocab_size, context=24, layers=2, heads=4, width=64,
                              activation="relu", tied=False, init_std=None))  # fmt: skip
        optimizer = nn.optim.AdamW(decay_groups(model, 0.1), lr=3e-3, betas=(0.9, 0.99))
        schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, settings.steps // 10, settings.steps)
        curves[name] = []
        for step in until_ctrl_c(range(1, settings.steps + 1)):
            rows = draw.integers(0, len(tokens), 64)
            loss = model.loss(tokens[rows], targets[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if step % max(1, settings.steps // 6) == 0:
                right = share_right(written(model, held_out), held_out)
                curves[name].append((step, right))
                report.progress(step, loss.item(), right)
        said[name] = written(model, held_out)
        report.answers(asked, written(model, asked))

    report.by_form(held_out, said)
    report.steps_and_results(held_out, said["steps written"])
    report.mistakes(held_out, said)
    print("\nPictures:")
    pictures.curves(curves, settings.out / "expressions.png")


def written(model: GPT, expressions: list[Expression]) -> list[str]:
    """What the model writes after each "expression=", always the likeliest character, up to the full stop."""
    prompts = [TOKENIZER.encode(f"{expression.text}=") for expression in expressions]
    stop = TOKENIZER.encode(".")
    answers = model.generate_batch(prompts, max_new_tokens=14, temperature=0, stop=stop)
    return [TOKENIZER.decode(answer) for answer in answers]


def share_right(said: list[str], expressions: list[Expression]) -> float:
    """How many end in the right result."""
    return float(np.mean([text.split("=")[-1] == str(e.result) for text, e in zip(said, expressions, strict=True)]))


if __name__ == "__main__":
    start(main, Settings)
