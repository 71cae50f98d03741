"""The pictures of 20_ask_a_human.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, DARK, GREY, ORANGE, VERMILION, new_figure, plain, save


def calibration(bins: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], path: Path) -> None:
    """The share of spam against the probability; calibrated probabilities lie on the diagonal."""
    figure = new_figure(7.5, 6, "Calibration: on the diagonal, a probability means what it says")
    axes = plain(figure.subplots())
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="calibrated")
    for (name, (said, true, n)), colour in zip(bins.items(), (BLUE, VERMILION), strict=True):
        axes.plot(said, true, color=colour, linewidth=2)
        axes.scatter(said, true, 20 + 2 * np.sqrt(n) * 4, color=colour, label=name)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="probability of spam that the network gives")
    axes.set_ylabel("part of these messages that is spam")
    axes.annotate("larger dots: more messages", (1, 0), ha="right", color=DARK)
    axes.legend(edgecolor="none", loc="upper left")
    save(figure, path)


def routing(left: np.ndarray, share: float, path: Path) -> None:
    """Accuracy against the share of the messages that a person reads."""
    figure = new_figure(9, 5, "A person, taken to be always right, reads the least certain messages")
    axes = plain(figure.subplots())
    n = len(left) - 1
    part = np.arange(n + 1) / n
    axes.plot(part, 1 - left / n, color=BLUE, linewidth=2.5, label="the least certain go to a person")
    axes.plot(part, 1 - left[0] * (1 - part) / n, color=ORANGE, linewidth=2.5, label="as many, chosen at random")
    axes.axvline(share, color=GREY, linestyle=":")
    axes.annotate(f"{share:.0%} to a person", (share, 1 - left[0] / n), (6, 4), textcoords="offset points", color=DARK)
    axes.set(xlim=(0, 0.5), xlabel="part of the messages that a person reads", ylabel="right, by machine or person")
    axes.yaxis.set_major_formatter(lambda x, _: f"{x:.1%}")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    axes.legend(edgecolor="none", loc="lower right")
    save(figure, path)
