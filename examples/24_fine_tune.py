"""Fine-tuning: fifty examples teach a real language model to write addresses as labels, in a few minutes.

    python examples/24_fine_tune.py                    # needs SmolLM2; the program says how to install it
    python examples/24_fine_tune.py --resume           # continue the run in --out, bit for bit

"Neural networks can be retrained on new data." All 135 million weights stay as they are. Beside W_Q and W_V of each
block two small matrices are learnt, whose product is added to W (LoRA: Hu et al., arXiv:2106.09685):

    y = W x + B A x     W: 576 x 576, frozen.  A: 8 x 576, random.  B: 576 x 8, zeros: at first nothing changes

    Anna Becker lives at 14 Rose Street in Munich, postal code 80331.
    -> Becker, Anna | Rose Street 14 | 80331 Munich
"""

from helpers.program import Common, Measured, open_run, start
from helpers.real import smollm2
from show import fine_tune as show

import sys

import nn
import tinygrad_lecture as tl
from transformer import Llama, TokenCrossEntropy


class LoRA(nn.Module):
    """W x + B A x: W stays, and A and B are learnt, two matrices of rank r."""

    def __init__(self, W: nn.Linear, rank: int) -> None:
        self.W = W.forward  # a function and no module, so that W is neither learnt nor saved
        self.A = nn.Parameter(tl.randn(rank, W.in_features) / W.in_features**0.5)
        self.B = nn.Parameter(tl.zeros(W.out_features, rank))

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """(..., in) -> (..., out)."""
        return self.W(x) + x @ self.A.T @ self.B.T


class Adapted(nn.Module):
    """A language model, frozen, with LoRA at W_Q and W_V of each block. Its parameters are those of LoRA alone."""

    def __init__(self, model: Llama, rank: int) -> None:
        model.requires_grad_(False)
        self.layers = nn.ModuleList()
        for block in model.blocks:
            for name in ("W_Q", "W_V"):
                layer = LoRA(getattr(block.attention, name), rank)
                setattr(block.attention, name, layer)
                self.layers.append(layer)
        self.read = model.forward

    def forward(self, tokens: tl.Tensor) -> tl.Tensor:
        """(batch, tokens) -> (batch, tokens, vocab_size)."""
        return self.read(tokens)


def measure(settings: "Settings") -> Measured:
    """Ask, learn, ask again."""
    model = smollm2()
    learnt, held_out = show.make(settings.examples, settings.held_out, settings.seed)
    open_run(settings.out, settings.resume, settings.again)
    print("Asked before it learns; that takes some seconds ...", flush=True)
    m = Measured(learnt=learnt, held_out=held_out, before=show.examine(model, held_out, learnt[:4]))
    m.history = train(model, learnt, held_out, settings).history
    m.after = show.examine(model, held_out)
    m.right_before, m.right_after = (show.right(exam.labels, held_out) for exam in (m.before, m.after))  # (held out,)
    m.knew, m.knows = ([city in answer for city, answer in zip(show.CAPITALS.values(), exam.capitals, strict=True)]
                       for exam in (m.before, m.after))  # fmt: skip
    m.right_shown = show.right(m.before.with_examples, held_out)
    return m


def train(model: Llama, learnt: list[show.Address], held_out: list[show.Address], settings: "Settings") -> nn.Trainer:
    """Train LoRA's matrices, with a saved state of some megabytes from which --resume continues."""
    adapted = Adapted(model, settings.rank)
    few, all_ = sum(p.numel() for p in adapted.parameters()), model.config.parameter_count()
    print(f"\nLoRA learns {few:,} weights, {few / all_:.2%} of the model's. The cross-entropy of the labels:")
    data, test = (nn.data.TensorDataset(*show.encoded(model.tokenizer, some)) for some in (learnt, held_out))
    optimizer = nn.optim.AdamW(adapted.parameters(), lr=2e-3, weight_decay=0.0)
    trainer = nn.Trainer(
        adapted,
        nn.DataLoader(data, min(4, len(learnt)), shuffle=True, drop_last=True),
        TokenCrossEntropy(),
        optimizer,
        steps=settings.steps,
        schedule=nn.optim.lr_scheduler.CosineWithWarmup(optimizer, min(5, settings.steps // 5), settings.steps),
        clip_norm=1.0,
        test=nn.DataLoader(test, 4),
        record_every=max(1, settings.steps // 5),
        on_record=show.progress,
        folder=settings.out,
        save_seconds=20,
        show=sys.stdout.isatty(),
        settings={name: getattr(settings, name) for name in ("examples", "held_out", "rank", "steps", "seed")},
    )
    if trainer.fit(settings.resume).interrupted:
        print("Ended by Ctrl-C; what follows is of what was learnt so far, and --resume continues.")
    return trainer


class Settings(Common, out="fine_tune"):
    """What can be set on the command line."""

    examples: int = 50  # to learn from
    held_out: int = 20  # addresses of other people in other streets and cities, to test with
    rank: int = 8  # of the matrices that are learnt
    steps: int = 50  # of the optimiser, with 4 examples each
    resume: bool = False  # continue the run in --out, with the same settings
    again: bool = False  # replace the run in --out by a new one


if __name__ == "__main__":
    start(measure, Settings, show.report)
