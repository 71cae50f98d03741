"""The pictures of 18_expressions.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREY, ORANGE, new_figure, plain, save


def curves(found: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    """The share of right results against the steps of training."""
    figure = new_figure(9, 5, "A model that writes its steps learns expressions sooner")
    axes = plain(figure.subplots())
    for (name, points), colour in zip(found.items(), (ORANGE, BLUE), strict=True):
        axes.plot([s for s, _ in points], [r for _, r in points], "o-", color=colour, linewidth=2.5, label=name)
    axes.set(ylim=(0, 1.03), xlabel="steps of training", ylabel="right results, of expressions held out")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def operations(shares: Mapping[str, tuple[float, ...]], path: Path) -> None:
    """Right results of each operation, learnt from beside held out."""
    figure = new_figure(9, 4.8, "Where the bars differ, results are known by heart, and the operation is not learnt")
    axes = plain(figure.subplots(), grid=False)
    for k, (name, colour) in enumerate((("learnt from", GREY), ("held out", BLUE))):
        places = np.arange(len(shares)) + 0.4 * (k - 0.5)
        right = [row[k] for row in shares.values()]
        axes.bar(places, right, width=0.37, color=colour, label=name)
        for x, share in zip(places, right, strict=True):
            axes.annotate(f"{share:.0%}", (x, share), (0, 3), textcoords="offset points", ha="center")
    examples = {"+": "a + b\nup to 49", "-": "a - b\nup to 49", "x": "a x b\nup to 25", "/": "ab / b\nup to 25"}
    axes.set_xticks(range(len(shares)), [examples[sign] for sign in shares])
    axes.set(ylim=(0, 1.1), ylabel="right results")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)
