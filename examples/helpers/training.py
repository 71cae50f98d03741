"""Training in several programs: the loop, what a loss is compared with, and tokens, targets and sizes of a GPT.

losses = train(lambda: model.loss(tokens, targets), optimizer, steps, schedule, report=print)
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.program import until_ctrl_c
from transformer import GPT, GPTConfig, decay_groups
from transformer.training import IGNORED


def train(
    loss_of: Callable[[], tl.Tensor],
    optimizer: nn.optim.Optimizer,
    steps: int,
    schedule: nn.optim.lr_scheduler.LRScheduler | None = None,
    clip: float | None = None,
    report: Callable[[int, float], object] = lambda step, loss: None,
    reports: int = 4,
) -> list[float]:
    """The training loop: in each step the loss of a batch, its gradient, a step against it. Ctrl-C ends it early.

    clip: the largest norm of all gradients together.  report: called with step and loss, first after one step, then
    `reports` times. Returns the losses.
    """
    losses = []
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for step in until_ctrl_c(range(1, steps + 1)):
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(loss.item())
        if step == 1 or step % max(1, steps // reports) == 0:
            report(step, losses[-1])
    return losses


def xavier(model: nn.MLP, biases: bool = True) -> nn.MLP:
    """Give a network a start that keeps its sums where sigmoid and tanh have a slope. biases: whether they become 0."""
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if biases:
                nn.init.zeros_(layer.bias)
    return model


def digit_network(biases: bool = True) -> nn.MLP:
    """The lecture's network for digits, with random weights. biases: whether they begin at 0."""
    return xavier(nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid), biases)


def progress(step: int, loss: float) -> None:
    """Print the loss."""
    print(f"  step {step:5,}: loss {loss:.3f}", flush=True)


# --- a GPT that reads a text: 08, 26 ----------------------------------------------------------------------------------


GUESS, COUNTING = "a guess among all tokens", "counting which token follows which"


def baselines(n: int, learn: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """The test loss, in nats per token, of a guess among all n tokens, and of a table of which token follows which.

    learn, test: tokens of texts, (tokens,). Each count of the table has 1 added, so that no pair has probability 0.
    """
    counts = np.ones((n, n))
    np.add.at(counts, (learn[:-1], learn[1:]), 1)
    p = counts / counts.sum(axis=1, keepdims=True)
    return {GUESS: math.log(n), COUNTING: float(-np.log(p[test[:-1], test[1:]]).mean())}


# --- a GPT that reads rows of tokens: 12, 15, 18, 19, 26 --------------------------------------------------------------


def loss_of_rows(model: GPT, tokens: np.ndarray, targets: np.ndarray, n: int, seed: int) -> Callable[[], tl.Tensor]:
    """A function that draws n of the rows, each time others, and returns their loss."""
    draw = np.random.default_rng(seed)

    def loss() -> tl.Tensor:
        rows = draw.integers(0, len(tokens), n)
        return model.loss(tokens[rows], targets[rows])

    return loss


Rows = Sequence[Sequence[int]]


def tokens_and_targets(questions: Rows, answers: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and targets, (n, longest) each: a target is the next token, where that belongs to the answer.

    The last token of an answer ends it, and also fills the rows. Other targets are IGNORED: they do not count.
    """
    rows = [[*question, *answer] for question, answer in zip(questions, answers, strict=True)]
    texts = nn.utils.rnn.pad_sequence(rows, True, answers[0][-1]).numpy()
    starts, ends = (np.array([len(row) for row in some])[:, None] for some in (questions, rows))  # (n, 1) each
    place = np.arange(1, texts.shape[1])
    return texts[:, :-1], np.where((starts <= place) & (place < ends), texts[:, 1:], IGNORED)


def small_gpt(
    vocab_size: int, width: int, steps: int
) -> tuple[GPT, nn.optim.Optimizer, nn.optim.lr_scheduler.LRScheduler]:
    """Return a GPT of two blocks, AdamW, and a learning rate that rises for a tenth of the steps, then falls."""
    config = GPTConfig(vocab_size=vocab_size, context=24, layers=2, heads=4, width=width,
                       activation="relu", tied=False, init_std=None)  # fmt: skip
    model = GPT(config)
    optimizer = nn.optim.AdamW(decay_groups(model, 0.1), lr=3e-3, betas=(0.9, 0.99))
    return model, optimizer, nn.optim.lr_scheduler.CosineWithWarmup(optimizer, steps // 10, steps)
