"""The pictures of 09_architectures.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers.drawing import BLUE, GREEN, ORANGE, new_figure, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Guesses = Sequence[tuple[str, float]]


def masks(
    seen: Mapping[str, np.ndarray], words: Sequence[str], source: Sequence[str], target: Sequence[str], path: Path
) -> None:
    """A map for each model: a row for each output, coloured where it depends on the token."""
    figure = new_figure(15, 5.4, "What a token sees: coloured where an output depends on a token")
    panels = figure.subplots(1, 4)
    labels = ((words, words), (words, words), (target, source), (target, target))
    titles = ("decoder-only:\nprevious tokens", "encoder-only:\nall tokens",
              "encoder-decoder:\nall of the source", "encoder-decoder:\nprevious ones of the target")  # fmt: skip
    across = ("token of the text", "token of the text", "token of the source", "token of the target")
    for axes, grid, (rows, columns), title, name, colour in zip(
        panels, seen.values(), labels, titles, across, (ORANGE, BLUE, GREEN, GREEN), strict=True
    ):
        squares(axes, grid, rows, columns, colour)
        axes.set_title(title, fontsize=12, pad=10)
        axes.set_xlabel(f"seen: {name}")
    panels[0].set_ylabel("output at each token")
    panels[2].set_ylabel("output at each token of the target")
    save(figure, path)


def squares(axes: Axes, grid: np.ndarray, rows: Sequence[str], columns: Sequence[str], colour: str) -> None:
    """One map."""
    from matplotlib.colors import ListedColormap

    axes.pcolormesh(grid, cmap=ListedColormap(["#f2f2f2", colour]), vmin=0, vmax=1, edgecolors="white", linewidth=2)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=60 if max(map(len, columns)) > 3 else 0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set(ylim=(len(rows), 0), aspect="equal")
    axes.tick_params(length=0, labelsize=10)
    axes.spines[:].set_visible(False)


def gaps(found: Sequence[tuple[str, Guesses, Guesses]], path: Path) -> None:
    """The best guesses for each gap: of the decoder above, of the encoder below."""
    figure = new_figure(4.4 * len(found), 6, "The same gap, seen from the left alone and from both sides")
    grid = figure.subplots(2, len(found), squeeze=False)
    for column, (text, *both) in enumerate(found):
        left, right = text.split("<mask>")
        for axes, guesses, title, colour in zip(
            grid[:, column], both, (f"{left}___", f"{left}___{right}"), (ORANGE, BLUE), strict=True
        ):
            words, p = zip(*guesses, strict=True)
            plain(axes, grid=False).barh(range(len(p)), p, color=colour, height=0.7)
            axes.set_yticks(range(len(p)), words)
            axes.set(ylim=(len(p) - 0.5, -0.5), xlim=(0, 1.15))
            axes.set_title(title, fontsize=10)
            for row, share in enumerate(p):
                axes.annotate(f"{share:.2f}", (share, row), (4, 0), textcoords="offset points", va="center")
    grid[0][0].set_ylabel("decoder", color=ORANGE, weight="bold")
    grid[1][0].set_ylabel("encoder", color=BLUE, weight="bold")
    for axes in grid[1]:
        axes.set_xlabel("probability")
    save(figure, path)


def cross_attention(weights: np.ndarray, source: Sequence[str], target: Sequence[str], path: Path) -> None:
    """Cross-attention, the mean over the heads: at which characters the decoder looks for each that it writes."""
    figure = new_figure(8.5, 6.5, "Translating a date: where it looks in the source for each character it writes")
    axes = figure.subplots()
    image = axes.imshow(weights.mean(axis=0), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(source)), source)
    axes.set_yticks(range(len(target)), target)
    axes.set(xlabel="source (attended to; each vector also holds what stands around it)", ylabel="target (written)")
    figure.colorbar(image, label="attention weight, mean of the heads")
    save(figure, path)
