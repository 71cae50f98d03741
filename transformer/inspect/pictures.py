"""Pictures of a trace: who looks at whom in every head, and what the model would say after each layer.

    trace = model.trace(tokens)
    labels = [tokenizer.decode([token]) for token in tokens]
    draw_attention(trace.attention, labels, "attention.png")
    draw_lens(trace, labels, tokenizer.decode, "lens.png")

Needs matplotlib, which `pip install "tinygrad-lecture[examples]"` brings along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lecture.inspect.fonts import BOX, as_written, drawable
from tinygrad_lecture.inspect.picture import new_figure, save_picture

from .probes import Array, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNS = {" ": "·", "\n": "↵", "\t": "→"}  # what would otherwise not be seen
MOST = 64  # tokens in a picture
LONGEST = 8  # characters of a token that the logit lens shows


def draw_attention(
    attention: Sequence[Array],
    labels: Sequence[str],
    path: str | Path,
    *,
    keys: Sequence[str] | None = None,
    first: int = 0,
    title: str = "",
) -> None:
    """A map for every head of every layer: a row for each token that looks, a column for each that is looked at.

    attention: (heads, queries, keys) for each layer, as in a trace of one text; slices of it draw some of the heads.
    labels: the text of each query.  keys: of each key, by default the same.  first: the number of the first layer.
    path: ends in .png, .svg, .pdf or another ending of matplotlib's.
    Raises ImportError without matplotlib, ValueError for labels that do not fit, a batch of texts, more than 64
    tokens, or another ending.
    """
    maps = [np.asarray(layer) for layer in attention]
    keys = labels if keys is None else keys
    wanted = (len(labels), len(keys))
    if not maps or any(layer.ndim != 3 or layer.shape[1:] != wanted for layer in maps):
        shapes = ", ".join(str(layer.shape) for layer in maps) or "nothing"
        raise ValueError(
            f"draw_attention: {wanted} labels want maps of shape (heads, {wanted[0]}, {wanted[1]}), got {shapes}"
        )
    _check_size("draw_attention", max(wanted))
    rows, columns = [_drawn(str(label)) for label in labels], [_drawn(str(label)) for label in keys]
    heads = max(len(layer) for layer in maps)
    cell = min(0.27, max(0.09, 16 / (heads * len(keys))))  # inches for a token
    size = max(1.1, cell * len(keys)), max(1.1, cell * len(labels))
    figure = new_figure(size[0] * heads + 1.9, size[1] * len(maps) + 1.6, title, size=12)
    grid = figure.subplots(len(maps), heads, squeeze=False)
    image: Any = None
    for layer, own in enumerate(maps):
        for head in range(heads):
            axes = grid[layer][head]
            if head >= len(own):
                axes.axis("off")
                continue
            image = axes.imshow(own[head], vmin=0, vmax=1, cmap="Blues", aspect="auto")
            below = layer == len(maps) - 1
            _label(axes, rows if head == 0 else (), columns if below else (), 72 * cell)
            if layer == 0:
                axes.set_title(f"head {head}", fontsize=9)
            if head == 0:
                axes.set_ylabel(f"layer {first + layer}", fontsize=9)
    figure.supxlabel("is looked at", fontsize=9)
    figure.supylabel("looks", fontsize=9)
    figure.colorbar(image, ax=grid, label="weight", shrink=min(1.0, 2.5 / (size[1] * len(maps))), pad=0.01)
    save_picture(figure, path)


def draw_lens(
    trace: Trace, labels: Sequence[str], decode: Callable[[list[int]], str], path: str | Path, *, title: str = ""
) -> None:
    """The logit lens: above each token, from bottom to top, which next token the model would say after each block.

    The darker, the surer. Of a long token the first 7 characters are shown, with an ellipsis.
    trace: of one text.  labels: the text of each token.  decode: what makes text of a token.
    Raises ImportError without matplotlib, ValueError for labels that do not fit, a batch of texts, more than 64
    tokens, or another ending.
    """
    if trace.tokens.shape != (len(labels),):
        raise ValueError(f"draw_lens: {len(labels)} labels want a trace of one text so long, got {trace.tokens.shape}")
    _check_size("draw_lens", len(labels))
    best = [trace.best_at(layer) for layer in range(trace.layers + 1)]
    said = [[_elided(_drawn(decode([int(token)]))) for token in tokens] for tokens, _ in best]
    read = [_elided(_drawn(str(label))) for label in labels]
    sure = np.stack([p for _, p in best])  # (layers + 1, tokens)
    longest = max(len(text) for row in said for text in [*row, *read])
    figure = new_figure(max(0.5, 0.1 * longest + 0.15) * len(labels) + 2.2, 0.3 * len(said) + 1.5, title, size=12)
    axes = figure.subplots()
    image = axes.imshow(sure, vmin=0, vmax=1, cmap="Blues", aspect="auto", origin="lower")
    for layer, row in enumerate(said):
        for place, text in enumerate(row):
            colour = "white" if sure[layer, place] > 0.6 else "black"
            axes.text(place, layer, text, ha="center", va="center", fontsize=8, color=colour, **as_written())
    stages = ["embedding", *(f"after {n} block{'s' * (n > 1)}" for n in range(1, trace.layers + 1))]
    _label(axes, stages, read, 20, turned=False)
    axes.set_xlabel("token read; above it, the predicted next token", fontsize=9)
    figure.colorbar(image, ax=axes, label="probability", pad=0.01)
    save_picture(figure, path)


def visible(text: str) -> str:
    """A token's text with signs for spaces and line ends, and a box for each other character that cannot be seen."""
    shown = "".join(SIGNS.get(c, c) for c in text)
    return "".join(c if c.isprintable() else BOX for c in shown) or "∅"


def _drawn(text: str) -> str:
    return drawable(visible(text))


def _elided(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _label(axes: Axes, rows: Sequence[str], columns: Sequence[str], room: float, turned: bool = True) -> None:
    """Names of the rows and columns of a map, if there are any. room: points for each. turned: long columns stand."""
    size = min(9.0, 0.75 * room)
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        rotation = 90 if turned and axis is axes.xaxis and max(map(len, names), default=0) > 2 else 0
        axis.set_ticks(list(range(len(names))), list(names), fontsize=size, rotation=rotation, **as_written())
    axes.tick_params(length=0)


def _check_size(name: str, tokens: int) -> None:
    if tokens > MOST:
        raise ValueError(f"{name}: a picture holds up to {MOST} tokens, not {tokens}; draw a part of them")
