"""The picture of 18_expressions.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.drawing import BLUE, ORANGE, new_figure, plain, save


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
