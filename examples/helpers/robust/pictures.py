"""The pictures of 22_robust.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREEN, GREY, ORANGE, VERMILION, new_figure, plain, save
from helpers.robust.report import Table
from helpers.robust.spoil import KINDS

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
    figure = new_figure(13, 8, "The network starts higher; with much noise or many wrong pixels it falls faster")
    for axes, (kind, methods) in zip(figure.subplots(2, 2, sharey=True).flat, table.items(), strict=True):
        for name, right in methods.items():
            axes.plot(
                list(right),
                [100 * share for share in right.values()],
                "o-",
                color=COLOURS[name],
                linewidth=2,
                label=name,
            )
        plain(axes).set(title=f"test pictures spoilt by {kind.split(',')[0]}", xlabel=kind, ylim=(0, 100))
        axes.axhline(10, color=GREY, linestyle=":", linewidth=1)
        axes.annotate("guessing", (0, 10), (2, 3), textcoords="offset points", color=GREY)
    for axes in figure.axes[::2]:
        axes.set_ylabel("read right, %")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, edgecolor="none")
    save(figure, path)


def more_data(
    by_size: Mapping[int, tuple[float, float]], retraining: Sequence[tuple[int, float, float]], path: Path
) -> None:
    """Left: accuracy by number of training pictures. Right: accuracy while it is retrained on turned pictures."""
    figure = new_figure(
        13, 4.8, "The network gains from more data where nearest mean has stopped, and it can be retrained"
    )
    left, right = figure.subplots(1, 2)
    for name, which in (("nearest mean", 0), ("network", 1)):
        left.plot(
            list(by_size),
            [100 * row[which] for row in by_size.values()],
            "o-",
            color=COLOURS[name],
            linewidth=2.5,
            label=name,
        )
    plain(left).set(
        xscale="log", xlabel="training pictures (logarithmic)", ylabel="test pictures read right, %", title="more data"
    )
    left.set_xticks(list(by_size), [f"{n:,}" for n in by_size])
    left.minorticks_off()
    left.legend(edgecolor="none", loc="lower right")
    steps = [row[0] for row in retraining]
    right.plot(
        steps,
        [100 * new for _, new, _ in retraining],
        "o-",
        color=VERMILION,
        linewidth=2.5,
        label="turned pictures, the new data",
    )
    right.plot(
        steps,
        [100 * old for _, _, old in retraining],
        "o-",
        color=GREY,
        linewidth=2.5,
        label="upright pictures, forgotten",
    )
    plain(right).set(
        xlabel="steps of training on turned pictures",
        ylabel="test pictures read right, %",
        title="retraining",
        ylim=(0, 118),
    )
    right.legend(edgecolor="none", loc="upper center", ncols=2)
    save(figure, path)
