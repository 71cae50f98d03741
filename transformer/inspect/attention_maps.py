"""Attention weights as text, in a notebook, and as a picture: a map for each head, queries as rows, keys as columns.

    trace = model.trace(tokens)
    labels = [tokenizer.decode([token]) for token in tokens]
    trace.maps(labels)                          # in a notebook a map for each head, with the text of each token
    draw_attention(trace.attention, labels, "attention.png")

Pictures need matplotlib: `pip install ".[examples]"`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lecture.backend import Array
from tinygrad_lecture.inspect.drawing import BOX, as_written, drawable, new_figure, save_picture
from tinygrad_lecture.inspect.notebook import attention_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_attention"]

SIGNS = {" ": "·", "\n": "↵", "\t": "→"}  # of invisible characters
MOST = 64  # tokens in a picture


@dataclass(frozen=True, repr=False)
class AttentionMaps:
    """The attention weights of a text: in a notebook a map for each head, as text the key that each query attends to.

    - `attention`: per layer (heads, queries, keys), as in a trace of one text.
    - `labels`: the text of each query; `keys`: of each key, by default the same.

    Raises ValueError for labels that do not match.
    """

    attention: Sequence[Array]
    labels: Sequence[str]
    keys: Sequence[str] | None = None

    def __post_init__(self) -> None:
        check_labels("AttentionMaps", self.attention, self.labels, self.keys)

    @property
    def _names(self) -> tuple[list[str], list[str]]:
        return [visible(text) for text in self.labels], [visible(text) for text in self.keys or self.labels]

    def __repr__(self) -> str:
        rows, columns = self._names
        lines = []
        for layer, heads in enumerate(self.attention):
            for head, weights in enumerate(heads):
                strongest = zip(rows, weights.argmax(-1), weights, strict=True)
                pairs = [f"{query}→{columns[key]} {row[key]:.2f}" for query, key, row in strongest]
                lines.append(f"layer {layer} head {head}:  {'  '.join(pairs)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return attention_html(self.attention, *self._names)


def check_labels(
    name: str,
    attention: Sequence[Array],
    labels: Sequence[str],
    keys: Sequence[str] | None = None,
    most: float = math.inf,
) -> None:
    """Raises ValueError unless there is a label for each query and each key of the attention of one text."""
    wanted = (len(labels), len(labels if keys is None else keys))
    if not attention or any(layer.ndim != 3 or layer.shape[1:] != wanted for layer in attention):
        shapes = ", ".join(str(layer.shape) for layer in attention) or "nothing"
        raise ValueError(
            f"{name}: {wanted} labels need weights of shape (heads, {wanted[0]}, {wanted[1]}), got {shapes}; take one "
            "text of a batch, as in weights[0]"
        )
    if max(wanted) > most:
        raise ValueError(f"{name}: a picture holds up to {most} tokens, got {max(wanted)}; draw a part of them")


def visible(text: str) -> str:
    """A token's text with signs for spaces, tabs and line ends, and a box for other unprintable characters."""
    shown = "".join(SIGNS.get(c, c) for c in text)
    return "".join(c if c.isprintable() else BOX for c in shown) or "∅"


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
    maps, keys = [np.asarray(layer) for layer in attention], labels if keys is None else keys
    check_labels("draw_attention", maps, labels, keys, MOST)
    rows, columns = ([drawable(visible(str(label))) for label in texts] for texts in (labels, keys))
    heads = max(map(len, maps))
    cell = min(0.27, max(0.09, 16 / (heads * len(keys))))  # inches per token
    size = max(1.1, cell * len(keys)), max(1.1, cell * len(labels))
    figure = new_figure(size[0] * heads + 1.9, size[1] * len(maps) + 1.6, title, size=12)
    grid = figure.subplots(len(maps), heads, squeeze=False)
    for layer, head in np.ndindex(grid.shape):
        axes: Any = grid[layer, head]
        if head >= len(maps[layer]):
            axes.axis("off")
            continue
        image = axes.imshow(maps[layer][head], vmin=0, vmax=1, cmap="Blues", aspect="auto")
        label_axes(axes, rows if head == 0 else (), columns if layer == len(maps) - 1 else (), 72 * cell)
        axes.set_title(f"head {head}" if layer == 0 else "", fontsize=9)
        axes.set_ylabel(f"layer {first + layer}" if head == 0 else "", fontsize=9)
    figure.supxlabel("key (attended to)", fontsize=9)
    figure.supylabel("query (attends)", fontsize=9)
    figure.colorbar(image, ax=grid, label="attention weight", shrink=min(1.0, 2.5 / (size[1] * len(maps))), pad=0.01)
    save_picture(figure, path)


def label_axes(axes: Axes, rows: Sequence[str], columns: Sequence[str], room: float, turned: bool = True) -> None:
    """Label rows and columns. room: points per label.  turned: column labels of several letters are vertical."""
    size = min(9.0, 0.75 * room)
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        rotation = 90 if turned and axis is axes.xaxis and max(map(len, names), default=0) > 2 else 0
        axis.set_ticks(list(range(len(names))), list(names), fontsize=size, rotation=rotation, **as_written())
    axes.tick_params(length=0)
