"""The pictures of 14_inside_a_block.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, new_figure, plain, save

COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY, DARK)


def bends(layers: Mapping[str, np.ndarray], attention: Mapping[str, np.ndarray], path: Path) -> None:
    """Outputs along a straight way through the inputs: what is linear stays straight."""
    figure = new_figure(12, 4.8, "Along a straight way through the inputs: a linear operation stays straight")
    for axes, curves in zip(figure.subplots(1, 2), (layers, attention), strict=True):
        plain(axes)
        for (name, values), colour in zip(curves.items(), (GREY, VERMILION), strict=True):
            t = np.linspace(-1, 2, len(values))
            axes.plot(t, values / np.abs(values).max(), color=colour, linewidth=2.8, label=name)
        axes.set(xlabel="t: the input is (1 - t) a + t b", ylabel="one number of the output, scaled to at most 1")
        axes.legend(edgecolor="none", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=10)
    save(figure, path)


def changes(tokens: Sequence[str], changed: str, sizes: Mapping[str, np.ndarray], path: Path) -> None:
    """How much each row of the output changes with one token: a panel for each part of a block."""
    title = f'The vector of "{changed}" is changed: which tokens does each part of a block change?'
    figure = new_figure(12, 4, title)
    for axes, (name, size) in zip(figure.subplots(1, len(sizes)), sizes.items(), strict=True):
        share = size / size.max()
        plain(axes, grid=False).barh(range(len(tokens)), share, color=[BLUE if s else GREY for s in size], height=0.7)
        for row, value in enumerate(size):
            axes.annotate(f"{value:.2f}" if value else "0", (share[row], row), (5, 0), textcoords="offset points",
                          va="center")  # fmt: skip
        axes.set_yticks(range(len(tokens)), tokens, fontsize=11)
        axes.set(title=name, xlim=(0, 1.3), ylim=(len(tokens) - 0.4, -0.6), xticks=[])
    figure.supxlabel("length of the change of each token's output", fontsize=11, color=DARK)
    save(figure, path)


def heads(alone: np.ndarray, adds: np.ndarray, path: Path) -> None:
    """What each head writes into the vector of one token: without W_O its own part, with W_O everywhere."""
    heads, width = alone.shape
    figure = new_figure(12, 6, "W_O is where heads meet: without it, each head writes only its own numbers")
    for axes, rows, title in zip(
        figure.subplots(1, 2, sharey=True),
        (alone, adds),
        ("concatenated, without W_O", "after the projection W_O: the output is the sum of the rows"),
        strict=True,
    ):
        plain(axes, grid=False)
        most = np.abs(rows).max()
        for h, row in enumerate(rows):
            at = np.flatnonzero(row)
            axes.fill_between(at, h, h + 0.45 * row[at] / most, color=COLOURS[h % len(COLOURS)], linewidth=0.6)
            axes.axhline(h, color=GREY, linewidth=0.4)
        axes.set(title=title, xlabel=f"the {width} numbers of a token's vector", xlim=(0, width))
        axes.set_yticks(range(heads), [f"head {h + 1}" for h in range(heads)], fontsize=11)
        axes.set_ylim(heads - 0.4, -0.6)
    save(figure, path)
