"""Attention weights to look at in a notebook or as text: `trace.maps(labels)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SIGNS = {" ": "·", "\n": "↵", "\t": "→"}  # of invisible characters
BOX = "□"  # of what is not printable


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
        wanted = (len(self.labels), len(self.labels if self.keys is None else self.keys))
        for weights in self.attention:
            if weights.ndim != 3 or weights.shape[1:] != wanted:
                raise ValueError(
                    f"AttentionMaps: {wanted} labels need weights of shape (heads, {wanted[0]}, {wanted[1]}), got "
                    f"{weights.shape}; take one text of a batch, as in weights[0]"
                )

    @property
    def _names(self) -> tuple[list[str], list[str]]:
        return [visible(text) for text in self.labels], [visible(text) for text in self.keys or self.labels]

    def __repr__(self) -> str:
        rows, columns = self._names
        lines = []
        for layer, heads in enumerate(self.attention):
            for head, weights in enumerate(heads):
                strongest = weights.argmax(-1)
                pairs = (
                    f"{q}→{columns[k]} {weights[i, k]:.2f}"
                    for i, (q, k) in enumerate(zip(rows, strongest, strict=True))
                )
                lines.append(f"layer {layer} head {head}:  {'  '.join(pairs)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from tinygrad_lecture.inspect.html.arrays import attention_html

        return attention_html(self.attention, *self._names)


def visible(text: str) -> str:
    """A token's text with signs for spaces, tabs and line ends, and a box for other unprintable characters."""
    shown = "".join(SIGNS.get(c, c) for c in text)
    return "".join(c if c.isprintable() else BOX for c in shown) or "∅"
