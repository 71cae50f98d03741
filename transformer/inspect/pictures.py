"""Pictures of a trace: the attention weights of every head, and the logit lens.

    trace = model.trace(tokens)
    labels = [tokenizer.decode([token]) for token in tokens]
    draw_attention(trace.attention, labels, "attention.png")
    draw_lens(trace, labels, tokenizer.decode, "lens.png")

Needs matplotlib: `pip install ".[examples]"`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lecture.backend import Array
from tinygrad_lecture.inspect.figures import as_written, drawable, new_figure, save_picture

from .probes import Trace, check_labels, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_attention", "draw_lens"]

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
    """Draw a heat map of attention weights for every head of every layer, queries as rows and keys as columns.

    - `attention`: per layer (heads, queries, keys), as in a trace of one text; slice it to draw some of the heads.
    - `labels`: the text of each query.
    - `keys`: the text of each key, by default the same.
    - `first`: number of the first layer.
    - `path`: its suffix is a format that matplotlib writes, such as .png, .svg or .pdf.

    Raises ImportError without matplotlib, ValueError for labels that do not match, a batch of texts, more than 64
    tokens, or an unknown suffix.
    """
    maps = [np.asarray(layer) for layer in attention]
    keys = labels if keys is None else keys
    check_labels("draw_attention", maps, labels, keys)
    _check_size("draw_attention", max(len(labels), len(keys)))
    rows, columns = [_drawn(str(label)) for label in labels], [_drawn(str(label)) for label in keys]
    heads = max(len(layer) for layer in maps)
    cell = min(0.27, max(0.09, 16 / (heads * len(keys))))  # inches per token
    size = max(1.1, cell * len(keys)), max(1.1, cell * len(labels))
    figure = new_figure(size[0] * heads + 1.9, size[1] * len(maps) + 1.6, title, size=12)
    grid = figure.subplots(len(maps), heads, squeeze=False)
    image: Any = None
    for layer, heads_of_layer in enumerate(maps):
        for head, axes in enumerate(grid[layer]):
            if head >= len(heads_of_layer):
                axes.axis("off")
                continue
            image = axes.imshow(heads_of_layer[head], vmin=0, vmax=1, cmap="Blues", aspect="auto")
            _label(axes, rows if head == 0 else (), columns if layer == len(maps) - 1 else (), 72 * cell)
            if layer == 0:
                axes.set_title(f"head {head}", fontsize=9)
            if head == 0:
                axes.set_ylabel(f"layer {first + layer}", fontsize=9)
    figure.supxlabel("key (attended to)", fontsize=9)
    figure.supylabel("query (attends)", fontsize=9)
    figure.colorbar(image, ax=grid, label="attention weight", shrink=min(1.0, 2.5 / (size[1] * len(maps))), pad=0.01)
    save_picture(figure, path)


def draw_lens(
    trace: Trace, labels: Sequence[str], decode: Callable[[list[int]], str], path: str | Path, *, title: str = ""
) -> None:
    """Draw the logit lens: per token a column, from bottom to top the predicted next token after each block.

    Darker cells are more probable. Long tokens are cut to 7 characters and an ellipsis.

    - `trace`: of one text.
    - `labels`: the text of each token.
    - `decode`: token ids -> text, such as `tokenizer.decode`.
    - `path`: see `draw_attention`.

    Raises ImportError without matplotlib, ValueError for labels that do not match, a batch of texts, more than 64
    tokens, or an unknown suffix.
    """
    check_labels("draw_lens", trace.attention, labels)
    _check_size("draw_lens", len(labels))
    best = [trace.best_at(layer) for layer in range(trace.layers + 1)]
    predicted = [[_shorten(_drawn(decode([int(token)]))) for token in tokens] for tokens, _ in best]
    read = [_shorten(_drawn(str(label))) for label in labels]
    probability = np.stack([p for _, p in best])  # (layers + 1, tokens)
    longest = max(len(text) for row in predicted for text in [*row, *read])
    figure = new_figure(max(0.5, 0.1 * longest + 0.15) * len(labels) + 2.2, 0.3 * len(predicted) + 1.5, title, size=12)
    axes = figure.subplots()
    image = axes.imshow(probability, vmin=0, vmax=1, cmap="Blues", aspect="auto", origin="lower")
    for layer, row in enumerate(predicted):
        for column, text in enumerate(row):
            colour = "white" if probability[layer, column] > 0.6 else "black"
            axes.text(column, layer, text, ha="center", va="center", fontsize=8, color=colour, **as_written())
    stages = ["embedding", *(f"after {n} block{'s' * (n > 1)}" for n in range(1, trace.layers + 1))]
    _label(axes, stages, read, 20, turned=False)
    axes.set_xlabel("token read; above it, the predicted next token", fontsize=9)
    figure.colorbar(image, ax=axes, label="probability", pad=0.01)
    save_picture(figure, path)


def _drawn(text: str) -> str:
    return drawable(visible(text))


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _label(axes: Axes, rows: Sequence[str], columns: Sequence[str], room: float, turned: bool = True) -> None:
    """Label rows and columns. room: points per label.  turned: column labels of several letters are vertical."""
    size = min(9.0, 0.75 * room)
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        rotation = 90 if turned and axis is axes.xaxis and max(map(len, names), default=0) > 2 else 0
        axis.set_ticks(list(range(len(names))), list(names), fontsize=size, rotation=rotation, **as_written())
    axes.tick_params(length=0)


def _check_size(name: str, tokens: int) -> None:
    if tokens > MOST:
        raise ValueError(f"{name}: a picture holds up to {MOST} tokens, got {tokens}; draw a part of them")
