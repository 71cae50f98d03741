"""One training step of a small GPT, nanoGPT's CPU setting: 4 layers, 4 heads, 128 wide, 12 texts of 64 tokens.

    python tests/benchmarks/gpt_step.py

Forward, cross-entropy, backward, gradient clipping and AdamW. The same model on both sides; PyTorch's uses
scaled_dot_product_attention. Two settings: GPT-2's tanh formula for GELU, and exact GELU as in nanoGPT.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from side_by_side import Timings, main, median_of

VOCABULARY, CONTEXT, LAYERS, HEADS, WIDTH, BATCH = 65, 64, 4, 4, 128, 12


def _data() -> tuple[Any, Any]:
    text = np.random.default_rng(0).integers(0, VOCABULARY, (BATCH, CONTEXT + 1))
    return text[:, :-1], text[:, 1:]


def _timed(step: Any) -> float:
    for _ in range(10):
        step()
    return median_of(step, 80)


def ours() -> Timings:
    import nn
    import tinygrad_lecture as tl
    from transformer import GPT, GPTConfig

    x, y = (tl.tensor(np.ascontiguousarray(array)) for array in _data())
    sizes = {"vocab_size": VOCABULARY, "context": CONTEXT, "layers": LAYERS, "heads": HEADS, "width": WIDTH}

    def trainer(activation: Any) -> Any:
        model = GPT(GPTConfig(**sizes, activation=activation, bias=False))
        optimizer = nn.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)

        def step() -> None:
            optimizer.zero_grad()
            model.loss(x, y).backward()
            nn.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        return step

    return {"a step, GELU of GPT-2": _timed(trainer("gelu_tanh")), "a step, exact GELU": _timed(trainer("gelu"))}


def theirs() -> Timings:
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
            self.out = nn.Linear(WIDTH, WIDTH, bias=False)

        def forward(self, x: Any) -> Any:
            b, t, _ = x.shape
            q, k, v = (part.view(b, t, HEADS, -1).transpose(1, 2) for part in self.qkv(x).split(WIDTH, dim=2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(b, t, WIDTH))

    class Block(nn.Module):
        def __init__(self, approximate: str) -> None:
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
            self.attention = Attention()
            self.ffn = nn.Sequential(
                nn.Linear(WIDTH, 4 * WIDTH, bias=False),
                nn.GELU(approximate),
                nn.Linear(4 * WIDTH, WIDTH, bias=False),
            )

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm_1(x))
            return x + self.ffn(self.norm_2(x))

    class GPT(nn.Module):
        def __init__(self, approximate: str) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
            self.blocks = nn.Sequential(*(Block(approximate) for _ in range(LAYERS)))
            self.norm = nn.LayerNorm(WIDTH, bias=False)
            self.out = nn.Linear(WIDTH, VOCABULARY, bias=False)
            self.out.weight = self.tokens.weight

        def forward(self, tokens: Any) -> Any:
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            return self.out(self.norm(self.blocks(x)))

    x, y = (torch.tensor(array) for array in _data())

    def trainer(approximate: str) -> Any:
        model = GPT(approximate)
        for p in model.parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=0.02)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x).view(-1, VOCABULARY), y.view(-1)).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        return step

    return {"a step, GELU of GPT-2": _timed(trainer("tanh")), "a step, exact GELU": _timed(trainer("none"))}


if __name__ == "__main__":
    main(__file__, ours, theirs)
