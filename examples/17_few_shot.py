"""Few-shot learning: worked lines before a question tell the task, and no weight changes.

    python examples/17_few_shot.py
    python examples/17_few_shot.py --real                   # what a real language model can do
    python examples/17_few_shot.py --kept-back 3 5 7 9      # six shifts to learn from are too few

A task is a shift k: each digit x is answered by (x + k) mod 10. The task is never named. A text holds five worked lines
of one task, and the decoder can only find k from the lines before:

    1=4  6=9  8=?          k = 3, so 1

It learns from the shifts that are not kept back. Then it is tested on these, and on shifts that it has never seen.
"""

from helpers.program import Measured, RealToo, start
from helpers.training import train
from show import few_shot as show

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig

DIGITS, EQUALS, NEWLINE = 10, 10, 11  # the vocabulary: 0 to 9, "=" and the end of a line
LINES = 5


def measure(settings: "Settings") -> Measured:
    """Train on some tasks, and test on these and on others, after 0 to 4 worked lines."""
    draw = np.random.default_rng(settings.seed)
    new = np.array(settings.kept_back)
    known = np.setdiff1d(np.arange(DIGITS), new)
    m = Measured(shifts=(known, new), texts=[written(text) for text in make(3, known, draw)])

    model = GPT(GPTConfig(vocab_size=12, context=4 * LINES, layers=2, heads=4, width=64, init_std=None))
    optimizer = nn.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, 60, 2 * settings.steps + 120)  # ends at half the rate

    def loss_of_answers() -> tl.Tensor:
        text = make(64, known, draw)  # (64, tokens)
        answers = np.where(text[:, :-1] == EQUALS, text[:, 1:], -100)  # the token after each "="; -100 does not count
        return model.loss(text[:, :-1], answers)

    print("It learns. Right answers by line, of the tasks that it learns from:")
    train(loss_of_answers, optimizer, settings.steps, schedule,
          report=lambda step, loss: show.progress(step, loss, right(model, make(500, known, draw))))  # fmt: skip

    # The exam: no weight changes any more. What it learns now, it learns from the lines before.
    m.known, m.new = (right(model, make(1000, shifts, draw)) for shifts in m.shifts)  # (LINES,) each
    return m


def make(n: int, shifts: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Texts of five lines "x=y", each of one task: (n, 4 * LINES) tokens."""
    k = draw.choice(shifts, n)[:, None]  # (n, 1)
    x = draw.permuted(np.tile(np.arange(DIGITS), (n, 1)), axis=1)[:, :LINES]  # (n, LINES), all different
    y = (x + k) % DIGITS
    lines = np.stack([x, np.full_like(x, EQUALS), y, np.full_like(x, NEWLINE)], axis=-1)  # (n, LINES, 4)
    return lines.reshape(n, 4 * LINES)


def right(model: GPT, text: np.ndarray) -> np.ndarray:
    """The share of right answers in the first line, the second, ...: (LINES,)."""
    with tl.no_grad():
        said = model(text[:, :-1]).numpy().argmax(-1)  # (n, tokens - 1)
    return (said == text[:, 1:])[:, 1::4].mean(axis=0)


def written(text: np.ndarray) -> str:
    """As "1=4  6=9  8="."""
    return "".join("=" if t == EQUALS else "  " if t == NEWLINE else str(t) for t in text).rstrip()


class Settings(RealToo, out="few_shot", ask_real=(show.measure_real, show.real)):
    """What can be set on the command line."""

    kept_back: tuple[int, ...] = (3, 7)  # shifts that it does not learn from
    steps: int = 800  # of the optimiser, with 64 texts each


if __name__ == "__main__":
    start(measure, Settings, show.report)
