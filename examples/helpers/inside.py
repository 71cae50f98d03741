"""Looking inside a language model: the likeliest next tokens, what its heads look at, the logit lens; and edits.

with model.edit(without(model, [(18, 6)])): ...                 # head 6 of block 18 sends nothing
with model.edit({"blocks.12": lambda x: x + direction(model, pairs, "blocks.12")}): ...
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from helpers.drawing import DARK, attention_map, new_figure, save
from tinygrad_lecture.inspect.drawing import drawable
from transformer import GPT, Tokenizer, Trace
from transformer import trace as trace_pictures
from transformer.inspect.attention_maps import visible

# Control characters except \n and \t, which a terminal would obey, and the signs that Unicode has for most of them.
CONTROLS = dict.fromkeys(range(128, 160), "□") | {code: chr(0x2400 + code) for code in range(0x20)}
CONTROLS |= {0x7F: "␡", ord("\n"): "\n", ord("\t"): "\t"}
TOKENS = 16  # in the picture of attention
COLUMNS = 20  # tokens in the picture of the logit lens


def printable(text: str) -> str:
    """Replace control characters, except newlines and tabs, by signs that are safe to print."""
    return text.translate(CONTROLS)


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
    ids = list(ids)[: min(TOKENS, model.context)]
    trace = model.trace(ids)
    labels = [drawable(visible(piece)) for piece in pieces(tokenizer, ids)]
    draw_heads(trace, labels, folder / "attention.png")
    draw_lens(model, tokenizer, ids, folder / "lens.png")


def draw_lens(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], path: Path) -> None:
    """Draw the logit lens of the first tokens of a text."""
    ids = list(ids)[:COLUMNS]
    title = "Logit lens: what it would write next if it stopped after each block"
    trace_pictures.draw_lens(model.trace(ids), pieces(tokenizer, ids), tokenizer.decode, path, title=title)
    print(f"  {path}: {title}")
    if model.unembedding.W_U.weight is model.embedding.W_E.weight:
        print("    W_U is W_E, so an embedding's largest score is its own token's: without a block it says it again.")


# --- what heads look at -----------------------------------------------------------------------------------------------


def behaviours(weights: np.ndarray, ids: Sequence[int]) -> dict[str, float]:
    """How much a head's weights (tokens, tokens) fit some simple behaviours, from 0 to 1."""
    n, token = len(ids), np.asarray(ids)
    same = np.tril(token[:, None] == token, -1)  # (tokens, tokens): the same token, earlier
    after_same = np.pad(same, ((0, 0), (1, 0)))[:, :n]
    entropy = -(weights * np.log(np.maximum(weights, 1e-12))).sum(axis=1)[1:] / np.log(np.arange(2, n + 1))
    before, itself = np.diag(weights, -1), np.diag(weights)[1:]
    found = {"the token before": before, "the token itself": itself, "all tokens so far": entropy}
    again = same.any(axis=1)  # tokens that occurred before
    if again.any():
        found["the same token earlier"] = (weights * same).sum(axis=1)[again]
        found["what followed the same token"] = (weights * after_same).sum(axis=1)[again]
    return {name: float(shares.mean()) if n > 1 else 0.0 for name, shares in found.items()}


def draw_heads(trace: Trace, labels: Sequence[str], path: Path) -> None:
    """Of all heads the ones that fit different behaviours best, four at most: for each the weights as a map."""
    scores = [
        (score, name, layer, head)
        for layer, maps in enumerate(trace.attention)
        for head, weights in enumerate(maps)
        for name, score in behaviours(weights, trace.tokens.tolist()).items()
    ]
    chosen: list[tuple[float, str, int, int]] = []
    for found in sorted(scores, reverse=True):
        if len(chosen) < 4 and all(found[1] != other[1] and found[2:] != other[2:] for other in chosen):
            chosen.append(found)
    heads = sum(len(maps) for maps in trace.attention)
    rows, columns = (2, 2) if len(chosen) == 4 else (1, len(chosen))
    title = f"Heads look at different tokens: {len(chosen)} of the {heads} heads"
    width = 6 if rows > 1 else 4.3  # of a panel; one row is wider than high, and so drawn smaller on a page
    figure = new_figure(width * columns + 0.9, 6 * rows if rows > 1 else width + 1.1, title)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (score, name, layer, head) in zip(panels, chosen, strict=False):
        weights = trace.attention[layer][head]
        image = attention_map(axes, np.where(np.tri(len(weights)), weights, np.nan), labels, labels)
        axes.set(facecolor="#eeeeee", aspect="equal")
        what = "spreads over" if name.startswith("all") else "looks at"
        measure = "" if name.startswith("all") else f": {score:.0%} of its weight"
        gap = " " if rows > 1 else "\n"
        axes.set_title(f"block {layer + 1}, head {head + 1}{gap}{what} {name}{measure}", fontsize=11)
    figure.supylabel("token that looks (query)", color=DARK)
    figure.supxlabel("token that is looked at (key); grey: a GPT sees no token to the right", color=DARK)
    shrink = 0.4 if rows > 1 else 0.8
    figure.colorbar(image, ax=[*panels], label="attention weight; each row sums to 1", shrink=shrink, pad=0.01)
    save(figure, path)


# --- edits of a model -------------------------------------------------------------------------------------------------


Head = tuple[int, int]  # block, head


def without(model: Any, heads: Iterable[Head]) -> dict[str, Any]:
    """The changes that silence some heads: what they send, (..., heads, tokens, head_dim), becomes 0."""
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
