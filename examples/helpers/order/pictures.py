"""The pictures of 16_order_and_memory.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, VERMILION, new_figure, plain, save

COLOURS = {"RNN": VERMILION, "GRU": PURPLE, "LSTM": ORANGE, "convolution": GREEN, "attention": BLUE}


def fading(slopes: Mapping[str, np.ndarray], path: Path) -> None:
    """The gradient against the distance, on a logarithmic axis; where it is 0 the curve ends."""
    figure = new_figure(9, 5, "An RNN's gradient fades with distance; attention's does not")
    axes = plain(figure.subplots())
    for kind, norms in slopes.items():
        axes.plot(np.where(norms > 0, norms, np.nan), color=COLOURS[kind], linewidth=2.5, label=kind)
    axes.set(yscale="log", ylim=(1e-20, 10), xlabel="how many words back", ylabel="gradient: |d last output / d word|")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def learnt(lengths: Sequence[int], right: Mapping[str, Sequence[float]], path: Path) -> None:
    """How often each model names the first word, by the length of the text."""
    figure = new_figure(9, 5, "Which word came first? The longer the text, the less an RNN remembers")
    axes = plain(figure.subplots())
    for kind, shares in right.items():
        style = "--" if kind == "LSTM" else "-"  # the GRU is to be seen under it
        axes.plot(range(len(lengths)), shares, "o", linestyle=style, color=COLOURS[kind], linewidth=2.5, label=kind)
    axes.axhline(1 / 8, color=GREY, linestyle="--")
    axes.annotate("a guess: 1 in 8", (0, 1 / 8), (0, 5), textcoords="offset points", color=DARK)
    axes.set(ylim=(0, 1.05), xlabel="words in the text", ylabel="right answers")
    axes.set_xticks(range(len(lengths)), lengths)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)
