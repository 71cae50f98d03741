"""Attention weights in a notebook and as text: a map for each head, queries as rows, keys as columns.

trace = model.trace(tokens)
labels = [tokenizer.decode([token]) for token in tokens]
trace.maps(labels)                          # in a notebook a map for each head, with the text of each token
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinygrad_lecture.backend import Array
from tinygrad_lecture.inspect.drawing import BOX, as_written
from tinygrad_lecture.inspect.notebook import attention_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNS = {" ": "·", "\n": "↵", "\t": "→"}  # of invisible characters


@dataclass(frozen=True, repr=False)
class AttentionMaps:
    """The attention weights of a text: in a notebook a map for each head, as text the key that each query attends to.

    - `attention`: per layer (heads, queries, keys), as in a trace of one text.
    - `labels`: the text of each token.

    Raises ValueError for labels that do not match.
    """

    attention: Sequence[Array]
    labels: Sequence[str]

    def __post_init__(self) -> None:
        check_labels("AttentionMaps", self.attention, self.labels)

    def __repr__(self) -> str:
        names = list(map(visible, self.labels))
        lines = []
        for layer, heads in enumerate(self.attention):
            for head, weights in enumerate(heads):
                strongest = zip(names, weights.argmax(-1), weights, strict=True)
                pairs = [f"{query}→{names[key]} {row[key]:.2f}" for query, key, row in strongest]
                lines.append(f"layer {layer} head {head}:  {'  '.join(pairs)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names = list(map(visible, self.labels))
        return attention_html(self.attention, names, names)


def check_labels(name: str, attention: Sequence[Array], labels: Sequence[str]) -> None:
    """Raises ValueError unless there is a label for each query and each key of the attention of one text."""
    n = len(labels)
    if not attention or any(layer.ndim != 3 or layer.shape[1:] != (n, n) for layer in attention):
        shapes = ", ".join(str(layer.shape) for layer in attention) or "nothing"
        raise ValueError(
            f"{name}: {n} labels need weights of shape (heads, {n}, {n}), got {shapes}; take one text of a batch, as "
            "in weights[0]"
        )


def visible(text: str) -> str:
    """A token's text with signs for spaces, tabs and line ends, and a box for other unprintable characters."""
    shown = "".join(SIGNS.get(c, c) for c in text)
    return "".join(c if c.isprintable() else BOX for c in shown) or "∅"


def label_axes(axes: Axes, rows: Sequence[str], columns: Sequence[str], room: float, turned: bool = True) -> None:
    """Label rows and columns. room: points per label.  turned: column labels of several letters are vertical."""
    size = min(9.0, 0.75 * room)
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        rotation = 90 if turned and axis is axes.xaxis and max(map(len, names), default=0) > 2 else 0
        axis.set_ticks(list(range(len(names))), list(names), fontsize=size, rotation=rotation, **as_written())
    axes.tick_params(length=0)
