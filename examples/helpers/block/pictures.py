"""The pictures of 14_inside_a_block.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, new_figure, plain, save

COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY, DARK)


def bends(layers: Mapping[str, np.ndarray], attention: Mapping[str, np.ndarray], path: Path) -> None:
    """Outputs along a straight way through the inputs: what is linear stays straight."""
    figure = new_figure(12, 4.8, "Inputs on a straight line: the outputs of a linear operation lie on one too")
    for axes, curves in zip(figure.subplots(1, 2), (layers, attention), strict=True):
        plain(axes)
        for (name, values), colour in zip(curves.items(), (GREY, VERMILION), strict=True):
            t = np.linspace(-1, 2, len(values))
            axes.plot(t, values / np.abs(values).max(), color=colour, linewidth=2.8, label=name)
        axes.set(xlabel="t: the input is (1 - t) a + t b", ylabel="one number of the output, scaled to at most 1")
        axes.legend(edgecolor="none", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=10)
    save(figure, path)


def changes(tokens: Sequence[str], changed: str, sizes: Mapping[str, np.ndarray], path: Path) -> None:
    """A table: how much the output of each token changes, in each part of a block; blue where it changes at all."""
    figure = new_figure(11, 4.2, f'The vector of "{changed}" is changed. Blue: the tokens whose output changes with it')
    axes = figure.subplots()
    table = np.stack(list(sizes.values()))  # (parts, tokens)
    axes.imshow(table > 0, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for (row, column), size in np.ndenumerate(table):
        look = {"color": "white", "weight": "bold"} if size else {"color": GREY}
        axes.text(column, row, f"{size:.2f}" if size else "0", ha="center", va="center", fontsize=14, **look)
    axes.set_xticks(range(len(tokens)), tokens, fontsize=13)
    axes.set_yticks(range(len(sizes)), sizes, fontsize=13)
    axes.set_xticks(np.arange(len(tokens) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(sizes) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=3)
    axes.tick_params(which="both", length=0)
    axes.xaxis.tick_top()
    axes.set_xlabel("in the cells: the length of the change of the token's output")
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
