"""Looking inside a GPT: the likeliest next tokens, the attention of every head, the logit lens.

Used by 08_gpt.py and 10_gpt2.py; by 05_tokenize.py for text that goes to a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import tinygrad_lecture as tl
from helpers.lecture import tell_leftover
from transformer import GPT, Tokenizer, probabilities
from transformer.inspect.pictures import draw_attention, draw_lens, visible

MOST = 8  # heads, or layers, in one picture


# Control characters except \n and \t, which a terminal would obey, and the signs that Unicode has for most of them.
CONTROLS = dict.fromkeys(range(128, 160), "□") | {code: chr(0x2400 + code) for code in range(0x20)}
CONTROLS |= {0x7F: "␡", ord("\n"): "\n", ord("\t"): "\t"}


def printable(text: str) -> str:
    """Replace control characters, except newlines and tabs, by signs that are safe to print."""
    return text.translate(CONTROLS)


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return the text of each token."""
    return [tokenizer.decode([token]) for token in ids]


def print_next(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], n: int = 8) -> None:
    """Print the `n` likeliest tokens after a text, with their probabilities."""
    with tl.no_grad():
        p = probabilities(model(tl.tensor([list(ids)]))[0, -1]).numpy()  # (vocab_size,)
    print("\nThe likeliest next tokens:")
    for token in np.argsort(-p, kind="stable")[:n]:
        print(f"  {f'{100 * p[token]:.3g}%':>8}  {visible(tokenizer.decode([int(token)]))}")


def draw_inside(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], folder: Path) -> None:
    """Draw the attention of every head, one picture per layer if there are many, and the logit lens.

    Without matplotlib it prints how to install it instead.
    """
    if find_spec("matplotlib") is None:
        print('Without matplotlib there are no pictures: pip install ".[examples]"')
        return
    trace = model.trace(list(ids))
    labels = pieces(tokenizer, ids)
    print("\nInside, for " + " ".join(map(visible, labels)) + ":")
    drawn = []
    if max(model.config.heads, trace.layers) <= MOST:
        drawn.append(folder / "attention.png")
        draw_attention(trace.attention, labels, drawn[0], title="The attention of every head")
    else:
        for layer, maps in enumerate(trace.attention):
            drawn.append(folder / f"attention_{layer}.png")
            draw_attention([maps], labels, drawn[-1], first=layer, title=f"Attention in layer {layer}")
    for path in drawn:
        print(f"  {path}")
    draw_lens(trace, labels, tokenizer.decode, folder / "lens.png", title="The logit lens")
    print(f"  {folder / 'lens.png'}")
    for path in sorted(folder.glob("attention*.png")):
        tell_leftover(path, drawn)
