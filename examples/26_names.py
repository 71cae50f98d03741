"""Your own GPT in a minute: microgpt's model learns names, letter by letter, and makes up new ones.

    python examples/26_names.py                        # the loss, and ten names after every 100 steps
    python examples/26_names.py --begin "ol"           # which letter comes after "ol"?
    python -m examples.site --only names --offline --open      # the same in a browser's tab

microgpt (Andrej Karpathy, February 2026) is a GPT in one short file of plain Python: its engine computes with single
numbers. Here the same model computes with arrays:

    tokens        26 letters, and "." which begins and ends a name
    embed         token + position, then a norm
    transform     one block: x + attention(norm(x)), 4 heads; x + FFN(norm(x)), with ReLU
    unembed       a matrix of its own, not W_E

Vectors have 16 numbers. There are no biases, and the norms, RMSNorm, have no weights: 4,192 parameters. Each step
learns one name, by Adam with a rate that falls to 0. Two things differ from microgpt: numbers are float32, and the
matrices that write to the residual stream begin smaller, by 1 / sqrt(2), as in GPT-2. Ctrl-C ends the training.
"""

from helpers.program import Common, Measured, start, until_ctrl_c
from helpers.training import baselines, tokens_and_targets
from show import names as show

from collections.abc import Sequence

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, CharTokenizer, GPTConfig, probabilities

END = "."  # begins a name too
TOKENIZER = CharTokenizer(f"{END}abcdefghijklmnopqrstuvwxyz")
MICROGPT = GPTConfig(
    vocab_size=27, context=16, layers=1, heads=4, width=16, activation="relu",
    norm_kind="rms", embedding_norm=True, bias=False, tied=False, init_std=0.08,
)  # fmt: skip


class Learner:
    """A GPT that learns names, one a step. names: to learn from.  steps: after which the learning rate is 0."""

    def __init__(self, names: Sequence[str], steps: int = 1000) -> None:
        self.names, self.losses = names, []
        self.model = GPT(MICROGPT)
        self.model.norm = nn.Identity()  # there is none after the block
        for norm in (part for part in self.model.modules() if isinstance(part, nn.RMSNorm)):
            norm.weight.requires_grad_(False)  # it stays 1
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = nn.optim.Adam(self.parameters, 0.01, betas=(0.85, 0.99), eps=1e-8)
        self.schedule = nn.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.0, steps)

    def loss(self, names: Sequence[str]) -> tl.Tensor:
        """The mean cross-entropy of the letters of some names, and of their ends, each after those before it: 0-d."""
        names = [TOKENIZER.encode(f"{name}{END}") for name in names]
        return self.model.loss(*tokens_and_targets([TOKENIZER.encode(END)] * len(names), names))

    def next_name(self) -> str:
        """The one that the next step learns."""
        return self.names[len(self.losses) % len(self.names)]

    def step(self) -> None:
        """Learn a name."""
        loss = self.loss([self.next_name()])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.losses.append(loss.item())

    def write(self, count: int = 10, temperature: float = 0.5) -> list[str]:
        """New names, each letter drawn from the probabilities of the next."""
        begun, (end,) = [TOKENIZER.encode(END)] * count, TOKENIZER.encode(END)
        rows = self.model.generate_batch(begun, max_new_tokens=15, temperature=temperature, stop=end)
        return [TOKENIZER.decode(row) for row in rows]

    def next_letters(self, begin: str) -> dict[str, float]:
        """The probability of each letter, and of the end, after the first letters of a name."""
        with tl.no_grad():
            logits = self.model.next_logits(TOKENIZER.encode(END + begin))
        return dict(zip(TOKENIZER.characters, probabilities(logits).tolist(), strict=True))


def measure(settings: "Settings") -> Measured:
    """Train, and print ten names after every 100 steps; then ask which letter comes next."""
    TOKENIZER.encode(settings.begin)  # raises for what is no letter: now, not after the training
    held_out, names = np.split(show.load_names(settings.seed), [500])
    learner = Learner(names, settings.steps)
    texts = [np.array(TOKENIZER.encode(END + END.join(some) + END)) for some in (names, held_out)]
    m = Measured(names=names, held_out=held_out, loss=baselines(len(TOKENIZER), *texts))
    with tl.no_grad():
        m.loss["the model before training"] = learner.loss(held_out).item()
    parameters = sum(p.numel() for p in learner.parameters)
    print(f"{len(names):,} names to learn from, as {', '.join(names[:3])}; {len(held_out):,} held out.")
    print(f"A GPT with {parameters:,} parameters learns one a step. Ten names, drawn at temperature 0.5:\n")
    print("   step    loss")  # the head of the table that progress writes
    for step in until_ctrl_c(range(1, settings.steps + 1)):
        learner.step()
        if step == 1 or step % 100 == 0:
            show.progress(learner.losses, learner.write())
    with tl.no_grad():
        m.loss["the model"] = learner.loss(held_out).item()
    m.made_up = [name for name in learner.write(200) if name not in names]
    m.new, m.losses, m.next = len(m.made_up) / 200, learner.losses, learner.next_letters(settings.begin)
    m.attention = learner.model.trace(TOKENIZER.encode(END + settings.begin)).attention[0]  # (heads, tokens, tokens)
    return m


class Settings(Common, out="names"):
    """What can be set on the command line."""

    steps: int = 1000  # of the optimiser, with a name each
    begin: str = "mar"  # first letters of a name


if __name__ == "__main__":
    start(measure, Settings, show.report)
