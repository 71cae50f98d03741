"""Generation with a GPT of 6 layers, 6 heads, 384 wide, context 256, 65 characters, one text at a time.

    python tests/benchmarks/generation.py

200 tokens from a prompt of one, with a key/value cache; and a prompt of 200 tokens, read at once, to the first token.
PyTorch's side is written by hand: one matrix for queries, keys and values, a cache allocated for the whole context,
scaled_dot_product_attention. Both have the same weights, and first it is checked that they choose the same tokens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from side_by_side import ROOT, Timings, main, median_of

VOCABULARY, CONTEXT, LAYERS, HEADS, WIDTH = 65, 256, 6, 6, 384
NEW = 200
PROMPT = np.random.default_rng(1).integers(0, VOCABULARY, 200).tolist()

Generate = Callable[[list[int], int], list[int]]  # (prompt, how many) -> the tokens that follow, greedily


def _weights() -> dict[str, Any]:
    """Weights by the names of our state_dict, drawn wide enough that the tokens vary."""
    rng = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> Any:
        return rng.normal(0, 1.5 / np.sqrt(columns), (rows, columns)).astype(np.float32)

    weights = {
        "embedding.W_E.weight": matrix(VOCABULARY, WIDTH),
        "embedding.positions.weight": 5 * matrix(CONTEXT, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"blocks.{layer}."
        for name in ("W_Q", "W_K", "W_V", "W_O"):
            weights[f"{block}attention.{name}.weight"] = matrix(WIDTH, WIDTH)
        weights[block + "ffn.up.weight"] = matrix(4 * WIDTH, WIDTH)
        weights[block + "ffn.down.weight"] = matrix(WIDTH, 4 * WIDTH)
        weights[block + "norm_1.weight"] = weights[block + "norm_2.weight"] = np.ones(WIDTH, np.float32)
    weights["norm.weight"] = np.ones(WIDTH, np.float32)
    weights["unembedding.W_U.weight"] = weights["embedding.W_E.weight"]
    return weights


def our_generate() -> Generate:
    from transformer import GPT, GPTConfig

    config = GPTConfig(
        vocab_size=VOCABULARY,
        context=CONTEXT,
        layers=LAYERS,
        heads=HEADS,
        width=WIDTH,
        bias=False,
        activation="gelu_tanh",
    )
    model = GPT(config)
    model.load_state_dict(_weights())
    return lambda prompt, n: list(model.generate(prompt, max_new_tokens=n, temperature=0))


def their_generate() -> Generate:
    import torch
    from torch import nn
    from torch.nn import functional as F

    weights = {name: torch.tensor(array) for name, array in _weights().items()}

    class Block(nn.Module):
        def __init__(self, layer: int) -> None:
            super().__init__()
            own = {
                name: weights[f"blocks.{layer}.{name}.weight"] for name in ("norm_1", "norm_2", "ffn.up", "ffn.down")
            }
            q, k, v, out = (weights[f"blocks.{layer}.attention.W_{letter}.weight"] for letter in "QKVO")
            self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
            self.qkv, self.out = _linear(torch.cat([q, k, v])), _linear(out)
            self.up, self.down = _linear(own["ffn.up"]), _linear(own["ffn.down"])
            self.keys, self.values = torch.zeros(2, 1, HEADS, CONTEXT, WIDTH // HEADS)

        def forward(self, x: Any, start: int) -> Any:  # (1, tokens, width), which follow `start` others
            n = x.shape[1]
            q, k, v = self.qkv(self.norm_1(x)).view(1, n, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
            self.keys[:, :, start : start + n], self.values[:, :, start : start + n] = k, v
            keys, values = self.keys[:, :, : start + n], self.values[:, :, : start + n]
            y = F.scaled_dot_product_attention(q, keys, values, is_causal=n > 1)
            x = x + self.out(y.transpose(1, 2).reshape(1, n, WIDTH))
            return x + self.down(F.gelu(self.up(self.norm_2(x)), approximate="tanh"))

    def _linear(weight: Any) -> Any:
        made = nn.Linear(*weight.shape[::-1], bias=False)
        made.weight = nn.Parameter(weight)
        return made

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding.from_pretrained(weights["embedding.W_E.weight"])
            self.positions = nn.Embedding.from_pretrained(weights["embedding.positions.weight"])
            self.blocks = nn.ModuleList([Block(layer) for layer in range(LAYERS)])
            self.norm, self.unembedding = nn.LayerNorm(WIDTH, bias=False), _linear(weights["unembedding.W_U.weight"])

        def forward(self, tokens: Any, start: int) -> Any:  # (1, tokens) -> the last one's logits, (vocabulary,)
            x = self.tokens(tokens) + self.positions(torch.arange(start, start + tokens.shape[1]))
            for block in self.blocks:
                x = block(x, start)
            return self.unembedding(self.norm(x[0, -1]))

    model = GPT().eval()

    @torch.no_grad()
    def generate(prompt: list[int], n: int) -> list[int]:
        found: list[int] = []
        tokens, start = torch.tensor([prompt]), 0
        for _ in range(n):
            best = model(tokens, start).argmax()
            start += tokens.shape[1]
            tokens = best.view(1, 1)
            found.append(int(best))
        return found

    return generate


def _timed(generate: Generate) -> Timings:
    generate([0], NEW)
    generate(PROMPT, 1)
    return {
        "a token, of 200 after a prompt of 1": median_of(lambda: generate([0], NEW), 7) / NEW,
        "a prompt of 200, to the first token": median_of(lambda: generate(PROMPT, 1), 15),
    }


def ours() -> Timings:
    return _timed(our_generate())


def theirs() -> Timings:
    return _timed(their_generate())


def check() -> None:
    """Exit with a message unless both sides choose the same tokens."""
    sys.path.insert(0, str(ROOT))
    a, b = our_generate(), their_generate()
    for prompt, n in (([0], NEW), (PROMPT, 50)):
        mine, other = a(prompt, n), b(prompt, n)
        if mine != other:
            place = next(i for i in range(n) if mine[i] != other[i])
            sys.exit(
                f"after a prompt of {len(prompt)}, token {place} differs: ours {mine[place]}, PyTorch's {other[place]}"
            )
    print(f"the same tokens on both sides, {len(set(mine))} different ones among {n}")


if __name__ == "__main__":
    if "--library" not in sys.argv:
        check()
    main(__file__, ours, theirs)
