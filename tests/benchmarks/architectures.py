"""Hidden words and words written backwards: the accuracy of 09_architectures.py's models here and in PyTorch.

    python tests/benchmarks/architectures.py

Ours start from the program's initial weights and train on the program's batches, so the figures are those of
`09_architectures.py --seed 0` and so on. PyTorch's are built from its TransformerEncoder and Transformer: the same
sizes, the same distribution of initial weights, the same batches in the same order, the same recipe (AdamW, warm-up and
cosine, gradient clipping). Prints the share of the test that is right, and the seconds of training.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "tests" / "helpers")]

import helpers.first  # noqa: F401, E402  before NumPy is imported

# isort: split

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn as torch_nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import nn  # noqa: E402
import tinygrad_lecture as tl  # noqa: E402
from programs import load  # noqa: E402

program = load("09_architectures")
tasks = program.tasks
SIZES = program.SIZES
LAYER = {
    "d_model": SIZES["width"],
    "nhead": SIZES["heads"],
    "dim_feedforward": SIZES["hidden"],
    "dropout": 0.0,
    "activation": SIZES["activation"],
    "layer_norm_eps": SIZES["eps"],
    "norm_first": True,
    "batch_first": True,
}


class Encoder(torch_nn.Module):
    """Token and position embeddings, two layers, W_U tied to the token embedding."""

    def __init__(self, vocabulary: int, context: int) -> None:
        super().__init__()
        width = SIZES["width"]
        self.words, self.places = torch_nn.Embedding(vocabulary, width), torch_nn.Embedding(context, width)
        layer = torch_nn.TransformerEncoderLayer(**LAYER)
        self.stack = torch_nn.TransformerEncoder(
            layer, 2, torch_nn.LayerNorm(width, SIZES["eps"]), enable_nested_tensor=False
        )

    def forward(self, tokens: Any, there: Any) -> Any:
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]]
        return self.stack(x, src_key_padding_mask=~there) @ self.words.weight.T


class EncoderDecoder(torch_nn.Module):
    """One layer of each over a shared token embedding, to which W_U is tied."""

    def __init__(self, vocabulary: int, context: int) -> None:
        super().__init__()
        width = SIZES["width"]
        self.letters = torch_nn.Embedding(vocabulary, width)
        self.places = torch_nn.ModuleList([torch_nn.Embedding(context, width) for _ in range(2)])
        layer = torch_nn.TransformerEncoderLayer(**LAYER)
        encoder = torch_nn.TransformerEncoder(
            layer, 1, torch_nn.LayerNorm(width, SIZES["eps"]), enable_nested_tensor=False
        )
        self.stacks = torch_nn.Transformer(num_decoder_layers=1, custom_encoder=encoder, **LAYER)

    def forward(self, source: Any, target: Any, there: Any) -> Any:
        x, y = (self.letters(t) + p.weight[: t.shape[1]] for t, p in zip((source, target), self.places, strict=True))
        n = target.shape[1]
        hidden = {"src_key_padding_mask": ~there, "memory_key_padding_mask": ~there}
        later = torch.ones(n, n, dtype=torch.bool).triu(1)
        return self.stacks(x, y, tgt_mask=later, **hidden) @ self.letters.weight.T


def initialize(model: torch_nn.Module, layers: int, std: float) -> None:
    """Draw initial weights as transformer/training/parameters.py does."""
    for name, p in model.named_parameters():
        if p.ndim == 2:
            smaller = name.endswith(("out_proj.weight", "linear2.weight"))
            torch_nn.init.normal_(p, std=std / math.sqrt(2 * layers) if smaller else std)
        elif "norm" not in name:
            torch_nn.init.zeros_(p)


def learn(model: torch_nn.Module, data: Any, steps: int) -> None:
    """Train by the recipe of 09_architectures.learn."""
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3, betas=(0.9, 0.98), weight_decay=0.01)
    ours = nn.optim.lr_scheduler.CosineWithWarmup(nn.optim.SGD([tl.zeros(1)], 5e-3), min(100, steps // 5), steps, 5e-4)
    batches = nn.DataLoader(data, program.BATCH, shuffle=True, drop_last=True)
    step = 0
    while step < steps:
        for batch in batches:
            optimizer.param_groups[0]["lr"] = ours.optimizer.param_groups[0]["lr"]
            *inputs, targets = to_torch(batch)
            optimizer.zero_grad()
            F.cross_entropy(model(*inputs).flatten(0, 1), targets.flatten()).backward()
            torch_nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            ours.step()
            step += 1
            if step == steps:
                break


def to_torch(batch: Any) -> list[Any]:
    return [torch.tensor(tensor.numpy()) for tensor in batch]


def theirs(kind: str, sentences: Any) -> tuple[Any, Callable[..., None], Callable[[Any, Any], Any]]:
    """Return a PyTorch model, its training function, and its answer function."""
    if kind == "hidden":
        model: torch_nn.Module = Encoder(sentences.tokenizer.vocab_size, sentences.longest)
    else:
        model = EncoderDecoder(tasks.END + 1, tasks.LONGEST + 1)
    initialize(model, *((2, 0.02) if kind == "hidden" else (1, 1 / math.sqrt(SIZES["width"]))))

    def answer(model: Any, data: Any) -> Any:
        *inputs, targets = to_torch(data[np.arange(len(data))])
        model.eval()
        with torch.no_grad():
            return model(*inputs), targets

    return model, learn, answer


def ours(kind: str, sentences: Any) -> tuple[Any, Callable[..., None], Callable[[Any, Any], Any]]:
    """Return the program's model, its training function, and its answer function."""
    models = program.build(sentences)
    model = models.encoder if kind == "hidden" else models.both
    return model, lambda *given: program.learn(*given, show=False), program.answer


def main() -> None:
    """Train each model in turn and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="random seeds (0 to 4)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("task        library   seed  steps   parameters   tokens right   rows right   seconds")
    for seed in options.seeds:
        sentences = tasks.make_sentences(8000, seed)
        hidden = tasks.HiddenWords(sentences, sentences.learn), tasks.hidden_in_the_test(sentences)
        everything = {
            "hidden": (*hidden, 3000),
            "backwards": (tasks.Reversals(program.BATCH * 100), tasks.Reversals(1000, seed=0), 800),
        }
        for kind, (data, test, steps) in everything.items():
            for library in (ours, theirs):
                tl.manual_seed(seed)
                torch.manual_seed(seed)
                model, teach, answer = library(kind, sentences)
                count = sum(p.numel() for p in model.parameters())
                tl.manual_seed(seed)  # the same batches for both
                start = time.perf_counter()
                teach(model, data, steps)
                seconds = time.perf_counter() - start
                outputs, targets = answer(model, test)
                tokens, rows = tasks.right_answers(outputs.numpy(), targets.numpy())
                print(
                    f"{kind:11} {library.__name__:9} {seed:4} {steps:6,} {count:12,} {tokens:14.1%} {rows:12.1%} "
                    f"{seconds:9.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
