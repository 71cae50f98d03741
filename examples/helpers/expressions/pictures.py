"""The pictures of 18_expressions.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREY, ORANGE, new_figure, plain, save
from helpers.expressions.problems import FACTORS, TERMS


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
    figure = new_figure(9, 4.8, "Learnt, or known by heart? What is learnt is right for new problems too")
    axes = plain(figure.subplots(), grid=False)
    for k, (name, colour) in enumerate((("learnt from", GREY), ("held out", BLUE))):
        places = np.arange(len(shares)) + 0.4 * (k - 0.5)
        right = [row[k] for row in shares.values()]
        axes.bar(places, right, width=0.37, color=colour, label=name)
        for x, share in zip(places, right, strict=True):
            axes.annotate(f"{share:.0%}", (x, share), (0, 3), textcoords="offset points", ha="center")
    terms, factors = f"\nup to {TERMS[-1]}", f"\nup to {FACTORS[-1]}"
    axes.set_xticks(range(4), ["a + b" + terms, "a - b" + terms, "a x b" + factors, "ab / b" + factors])
    axes.set(ylim=(0, 1.1), ylabel="right results")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)
