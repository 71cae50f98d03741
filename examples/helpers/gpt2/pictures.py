"""The pictures of 10_gpt2.py: the attention of every head, and the logit lens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from transformer import GPT, BPETokenizer, draw_attention, draw_lens

MOST = 8  # tokens in the pictures, and heads in one


def inside(model: GPT, tokenizer: BPETokenizer, ids: Sequence[int], folder: Path) -> None:
    """Draw the attention of the first heads in the first, middle and last layer, and the logit lens."""
    ids = list(ids)[-MOST:]
    trace = model.trace(ids)
    labels = [tokenizer.decode([token]) for token in ids]
    print("\nPictures. The logit lens reads out, after each block, what the model would say next:")
    for layer in sorted({0, trace.layers // 2, trace.layers - 1}):
        path = folder / f"attention_{layer}.png"
        title = f"Layer {layer}: which token each token looks at"
        draw_attention([trace.attention[layer][:MOST]], labels, path, first=layer, title=title)
        print(f"  {path}")
    path = folder / "lens.png"
    draw_lens(trace, labels, tokenizer.decode, path, title="Logit lens: the next token, read out after each block")
    print(f"  {path}")
