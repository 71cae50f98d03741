"""Looking inside a language model: the likeliest next tokens, what its heads look at, the logit lens; and edits.

with model.edit(without(model, [(18, 6)])): ...                 # head 6 of block 18 sends nothing
with model.edit({"blocks.12": lambda x: x + direction(model, pairs, "blocks.12")}): ...
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from helpers.drawing import DARK, attention_map, picture, tell
from tinygrad_lecture.inspect.drawing import drawable
from transformer import GPT, Tokenizer, Trace, trace as trace_pictures
from transformer.inspect.trace import visible


def printable(text: str) -> str:
    """The text with a box for each control character, which a terminal would obey, except line ends and tabs."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "□", text)


def print_as_written(prompt: str, pieces: Iterable[str]) -> str:
    """Print a prompt and its continuation as it is written; return both."""
    written = prompt
    print(printable(prompt), end="", flush=True)
    for piece in pieces:
        written += piece
        print(printable(piece), end="", flush=True)
    print()
    return written


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return the text of each token."""
    return [tokenizer.decode([token]) for token in ids]


def print_next(tokenizer: Tokenizer, p: np.ndarray, n: int = 8, text: str = "") -> None:
    """Print the `n` likeliest next tokens, of a text. p: the probability of each token."""
    after = f' after "{text}"' if text else ""
    print(f"\nThe likeliest next tokens{after}:")
    for token in np.argsort(-p, kind="stable")[:n]:
        print(f"  {f'{100 * p[token]:.3g}%':>8}  {visible(tokenizer.decode([int(token)]))}")


def draw_inside(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], folder: Path) -> None:
    """Draw attention.png, up to four heads that look at different tokens, and lens.png, the logit lens."""
    ids = list(ids)[: min(16, model.context)]
    trace = model.trace(ids)
    labels = [drawable(visible(piece)) for piece in pieces(tokenizer, ids)]
    draw_heads(trace, labels, folder / "attention.png")
    draw_lens(model, tokenizer, ids, folder / "lens.png")


def draw_lens(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], path: Path) -> None:
    """Draw the logit lens of the first tokens of a text."""
    ids = list(ids)[:20]
    title = "Logit lens: what it would write next if it stopped after each block"
    trace_pictures.draw_lens(model.trace(ids), pieces(tokenizer, ids), tokenizer.decode, path, title=title)
    tell(path, title)
    if model.unembedding.W_U.weight is model.embedding.W_E.weight:
        print("    W_U is W_E, so an embedding's largest score is its own token's: without a block it says it again.")


# --- what heads look at -----------------------------------------------------------------------------------------------


def draw_heads(trace: Trace, labels: Sequence[str], path: Path) -> None:
    """The weights of four heads as maps: those of the first block, then those of the last."""
    chosen = [(layer, head) for layer in (0, -1) for head in range(min(2, len(trace.attention[0])))]
    with picture(path, "What heads look at: two of the first block, two of the last", 13, 12, 2, 2) as panels:
        for axes, (layer, head) in zip(panels, chosen, strict=False):
            weights = trace.attention[layer][head]
            attention_map(axes, np.where(np.tri(len(weights)), weights, np.nan), labels, labels)
            axes.set(title=f"{'last' if layer else 'first'} block, head {head + 1}", facecolor="#eeeeee")
        axes.figure.supylabel("token that looks (query)", color=DARK)
        axes.figure.supxlabel("token that is looked at (key); grey: a GPT sees no token to the right", color=DARK)


# --- edits of a model -------------------------------------------------------------------------------------------------


def without(model: Any, heads: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """The changes that silence some heads (block, head): what they send, (..., heads, tokens, head_dim), becomes 0."""
    kept = defaultdict(lambda: tl.ones(model.config.heads, 1, 1))
    for block, head in heads:
        kept[f"blocks.{block}.attention.heads"][head] = 0
    return {point: lambda x, keep=keep: x * keep for point, keep in kept.items()}


def direction(model: Any, pairs: Sequence[tuple[str, str]], point: str) -> tl.Tensor:
    """From the second texts of some pairs to the first: the mean difference of their mean vectors, (width,).

    It is made as long as the vectors there are on average. The first token is left out: its vector is much longer, and
    nearly the same in all texts.
    """

    def vectors(text: str) -> np.ndarray:
        return model.trace(model.tokenizer.encode(f"\n{text}"), points=point)[point][1:]  # (tokens - 1, width)

    found = [[vectors(text) for text in pair] for pair in pairs]
    towards = np.mean([one.mean(axis=0) - other.mean(axis=0) for one, other in found], axis=0)
    length = np.mean([np.linalg.norm(x, axis=-1).mean() for pair in found for x in pair])
    return tl.tensor(towards * length / np.linalg.norm(towards))


def effective_number(p: np.ndarray) -> float:
    """exp of the entropy -sum p log p: the number of equally likely words that would be as uncertain."""
    some = p[p > 0]
    return math.exp(-(some * np.log(some)).sum())
