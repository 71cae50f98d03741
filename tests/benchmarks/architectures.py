"""Hidden words and words written backwards: what the models of 09_architectures.py reach here and in PyTorch.

    python tests/benchmarks/architectures.py

Here they have the weights that they begin with in the program, and learn from what they learn from there, so that the
figures are those of `09_architectures.py --seed 0` and so on. In PyTorch they are made of its TransformerEncoder and
Transformer: of the same sizes, with the same kind of initial weights, on the same batches in the same order, with the
same recipe (AdamW, warm-up and cosine, gradients clipped). Prints what part of the test is right, and how long it took.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before NumPy comes: sharing such small matrices among threads takes longer than multiplying them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn as torch_nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "tests")]

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
    """Words and positions, two layers, W_U tied to the words."""

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
    """A layer of each, over one table of letters, to which W_U is tied."""

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
    """As transformer/training/parameters.py does."""
    for name, p in model.named_parameters():
        if p.ndim == 2:
            smaller = name.endswith(("out_proj.weight", "linear2.weight"))
            torch_nn.init.normal_(p, std=std / math.sqrt(2 * layers) if smaller else std)
        elif "norm" not in name:
            torch_nn.init.zeros_(p)


def learn(model: torch_nn.Module, data: Any, steps: int) -> None:
    """The recipe of 09_architectures.learn."""
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
    """A model in PyTorch, how it learns, and how it answers."""
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
    """The model of the program, how it learns, and how it answers."""
    models = program.build(sentences)
    model = models.encoder if kind == "hidden" else models.both
    return model, lambda *given: program.learn(*given, show=False), program.answer


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="of all that is random (0 to 4)")
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
