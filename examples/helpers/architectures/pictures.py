"""The pictures of 09_architectures.py: who sees whom, and the guesses for a gap from one side and from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers.lecture import BLUE, GREEN, ORANGE, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Gap = tuple[str, list[tuple[str, float]], list[tuple[str, float]]]  # the text; words from the left; from both sides
COLOURS = {"decoder-only": ORANGE, "encoder-only": BLUE, "encoder-decoder": GREEN}
ABOUT = {
    "decoder-only": "itself and before",
    "encoder-only": "everything",
    "encoder-decoder": "all of the source; of the target, itself and before",
}


@dataclass(frozen=True)
class Panel:
    """Who sees whom in a model: sees[i, j] is True if the output at word i depends on word j.

    sources: the number of source words, in an encoder-decoder.
    """

    name: str
    words: list[str]
    sees: np.ndarray
    sources: int = 0


def draw_masks(panels: Sequence[Panel]) -> Figure:
    """Draw a map for each model: one row per token, filled where it sees."""
    figure = new_figure(16, 6.8, "What a token sees: on which tokens its output depends")
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        n, colour = len(panel.words), COLOURS[panel.name]
        for i, j in np.ndindex(n, n):
            fill = colour if panel.sees[i, j] else "#f2f2f2"
            axes.add_patch(_square(j, i, fill))
        axes.set(xlim=(0, n), ylim=(n, 0), aspect="equal")
        size = 11 if n < 12 else 9
        axes.set_xticks(np.arange(n) + 0.5, panel.words, rotation=60, ha="left", rotation_mode="anchor", fontsize=size)
        axes.set_yticks(np.arange(n) + 0.5, panel.words, fontsize=size)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if panel.sources:
            _name_blocks(axes, panel.sources, n)
        axes.set_title(f"{panel.name}\n{ABOUT[panel.name]}", fontsize=11, pad=14)
    return figure


def _square(x: float, y: float, colour: str) -> object:
    from matplotlib.patches import Rectangle

    return Rectangle((x + 0.04, y + 0.04), 0.92, 0.92, facecolor=colour, edgecolor="none")


def _name_blocks(axes: Axes, m: int, n: int) -> None:
    """Draw lines between source and target, and name each block."""
    axes.axhline(m, color="black", linewidth=1.5)
    axes.axvline(m, color="black", linewidth=1.5)
    spots = (
        (m / 2, m / 2, "the encoder's\nself-attention"),
        (m / 2, m + (n - m) / 2, "cross-attention"),
        (m + (n - m) / 2, m + (n - m) / 2, "the decoder's\nself-attention"),
        (m + (n - m) / 2, m / 2, "the encoder never\nsees the target"),
    )
    for x, y, text in spots:
        style = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2}
        axes.text(x, y, text, ha="center", va="center", fontsize=10, bbox=style)


def draw_gaps(gaps: Sequence[Gap]) -> Figure:
    """Draw, for each gap, the best guesses of the decoder, above, and of the encoder, below."""
    figure = new_figure(4.1 * len(gaps), 6.2, "The same gap, seen from the left and from both sides")
    grid = figure.subplots(2, len(gaps), squeeze=False)
    for column, (text, before, around) in enumerate(gaps):
        left, right = text.split("<mask>")
        shown = (("decoder-only", before, f"{left}___"), ("encoder-only", around, f"{left}___{right}"))
        for axes, (name, guesses, title) in zip(grid[:, column], shown, strict=True):
            words, p = [word for word, _ in guesses], [share for _, share in guesses]
            plain(axes, grid=False).barh(range(len(p)), p, color=COLOURS[name], height=0.7)
            axes.set_yticks(range(len(p)), words)
            axes.set(ylim=(len(p) - 0.5, -0.5), xlim=(0, 1.15))
            axes.set_title(title, fontsize=10)
            if column == 0:
                axes.set_ylabel(name, color=COLOURS[name], fontsize=12, weight="bold")
            for row, share in enumerate(p):
                axes.annotate(f"{share:.2f}", (share, row), (4, 0), textcoords="offset points", va="center", fontsize=9)
    for axes in grid[1]:
        axes.set_xlabel("probability")
    return figure
