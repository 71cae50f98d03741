"""The curves of 08_gpt.py. Its other pictures are in helpers/inside.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

import nn
from helpers.drawing import BLUE, DARK, GREY, ORANGE, VERMILION, new_figure, plain, save


def curves(history: nn.History, baselines: Mapping[str, float], path: Path) -> None:
    """The loss during the training, beside what a guess and counting reach."""
    if not history:
        return
    tested = [(row.step, row.test.loss) for row in history if row.test]
    least = min((loss for _, loss in tested), default=np.inf)
    below = [name for name, loss in baselines.items() if least < loss]
    title = f"The loss falls below that of {below[-1].split(',')[0]}" if below else "The loss of the training"
    figure = new_figure(9.5, 5, title)
    axes = plain(figure.subplots())
    steps = [row.step for row in history]
    axes.plot(steps, [row.train.loss for row in history], ".-", color=ORANGE, linewidth=2.5, label="training text")
    if tested:
        axes.plot(*zip(*tested, strict=True), ".-", color=BLUE, linewidth=2.5, label="test text")
        step, loss = min(tested, key=lambda row: row[1])
        axes.plot(
            step, loss, "o", color=BLUE, markersize=10, label=f"its lowest, after {step:,} steps: these weights write"
        )
    for (name, loss), colour in zip(baselines.items(), (GREY, VERMILION), strict=False):
        axes.axhline(loss, color=colour, linestyle="--")
        axes.annotate(f"{name}: {loss:.2f}", (1, loss), (-4, 5), xycoords=("axes fraction", "data"), ha="right",
                      textcoords="offset points", color=DARK)  # fmt: skip
    axes.set(xlabel="steps of the optimizer", ylabel="cross-entropy per token (ln of the perplexity)")
    axes.set(ylim=(0, 1.12 * max([*baselines.values(), *(row.train.loss for row in history)])), xlim=(0, None))
    axes.legend(edgecolor="none", loc="lower left")
    save(figure, path)
