"""The pictures of 22_robust.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers.drawing import BLUE, GREEN, GREY, ORANGE, VERMILION, new_figure, plain, save
from helpers.robust.report import Table
from helpers.robust.spoil import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"nearest mean": ORANGE, "network": BLUE, "network that saw noise": GREEN}


def spoilt(picture: np.ndarray, random: np.random.Generator, path: Path) -> None:
    """One picture, spoilt in every way and amount. picture: (1, 784)."""
    figure = new_figure(11, 7.2, "One 3, spoilt more and more: until where can you read it?")
    grid = figure.subplots(len(KINDS), 6)
    for row, (kind, (amounts, change)) in zip(grid, KINDS.items(), strict=True):
        for axes, amount in zip(row, amounts, strict=True):
            axes.imshow(change(picture, amount, random).reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"{amount:g}", fontsize=11)
        row[0].set_ylabel(kind.replace(", ", ",\n"), rotation=0, ha="right", va="center", fontsize=12)
    save(figure, path)


def robustness(table: Table, path: Path) -> None:
    """The share read right against the amount, a panel for each way of spoiling."""
    figure = new_figure(13, 8, "Test pictures spoilt more and more: how long does each method read them?")
    for axes, (kind, methods) in zip(figure.subplots(2, 2, sharey=True).flat, table.items(), strict=True):
        for name, right in methods.items():
            percent(axes, [*right], [*right.values()], name, COLOURS[name])
        axes.set(title=f"test pictures spoilt by {kind.split(',')[0]}", xlabel=kind, ylim=(0, 100))
        axes.axhline(10, color=GREY, linestyle=":", linewidth=1)
        axes.annotate("guessing", (0, 10), (2, 3), textcoords="offset points", color=GREY)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, edgecolor="none")
    save(figure, path)


def more_data(
    by_size: Mapping[int, tuple[float, float]], retraining: Sequence[tuple[int, float, float]], path: Path
) -> None:
    """Left: accuracy by number of training pictures. Right: accuracy while it is retrained on turned pictures."""
    title = "More data, and new data: does the network get better, and what does it forget?"
    left, right = new_figure(13, 4.8, title).subplots(1, 2)
    for name, shares in zip(("nearest mean", "network"), zip(*by_size.values(), strict=True), strict=True):
        percent(left, [*by_size], shares, name, COLOURS[name])
    left.set(xscale="log", xlabel="training pictures (logarithmic)", title="more data")
    left.set_xticks(list(by_size), [f"{n:,}" for n in by_size])
    left.minorticks_off()
    left.legend(edgecolor="none", loc="lower right")
    steps, turned, upright = zip(*retraining, strict=True)
    percent(right, steps, turned, "turned pictures, the new data", VERMILION)
    percent(right, steps, upright, "upright pictures, no longer shown", GREY)
    right.set(xlabel="steps of training on turned pictures", title="retraining", ylim=(0, 118))
    right.legend(edgecolor="none", loc="upper center", ncols=2)
    save(left.figure, path)


def percent(axes: Axes, x: Sequence[float], shares: Sequence[float], name: str, colour: str) -> None:
    """Draw shares from 0 to 1 as a line, in percent."""
    plain(axes).plot(x, [100 * share for share in shares], "o-", color=colour, linewidth=2.5, label=name)
    axes.set_ylabel("test pictures read right, %")
