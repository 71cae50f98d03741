"""The picture of 19_tokens_and_size.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREEN, ORANGE, PURPLE, VERMILION, new_figure, plain, save


def ablation(
    widths: Sequence[int], sizes: Sequence[int], shares: Sequence[float], table: np.ndarray, path: Path
) -> None:
    """Right answers against the number of parameters, a line for each amount of data."""
    figure = new_figure(9, 5, "How much do more parameters and more data help?")
    axes = plain(figure.subplots())
    for share, right, colour in zip(shares, table.T, (VERMILION, BLUE, ORANGE, GREEN, PURPLE), strict=False):
        axes.plot(sizes, right, "o-", color=colour, linewidth=2.5, label=f"{share:.0%} of all sums")
    axes.set(xscale="log", ylim=(0, 1.03), xlabel="parameters (logarithmic)", ylabel="right answers to sums held out")
    axes.set_xticks(sizes, [f"{size:,}\nwidth {width}" for size, width in zip(sizes, widths, strict=True)])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1), title="learnt from")
    save(figure, path)
