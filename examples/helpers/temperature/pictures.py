"""The pictures of 13_temperature.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, VERMILION, new_figure, plain, save
from helpers.temperature.report import cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE)


def bars(axes: Axes, words: Sequence[str], p: np.ndarray, colour: str, numbers_at: np.ndarray | None = None) -> None:
    """Probabilities as bars, the first word on top, with the number behind each."""
    rows = np.arange(len(p))
    plain(axes, grid=False).barh(rows, p, color=colour, height=0.7)
    axes.set_yticks(rows, words)
    axes.set(ylim=(len(p) - 0.4, -0.6), xlabel="probability")
    for row, (value, x) in enumerate(zip(p, p if numbers_at is None else numbers_at, strict=True)):
        axes.annotate(cell(value), (x, row), (8, 0), textcoords="offset points", va="center")


def temperatures(
    prompt: str, words: Sequence[str], compared: Mapping[float, tuple[np.ndarray, np.ndarray]], path: Path
) -> None:
    """A panel for each temperature, from the lowest: its probabilities as bars, and the shares drawn as marks."""
    figure = new_figure(
        max(8.5, 1.6 + 3.3 * len(compared)), 4.2, f'"{prompt} ...": a low temperature favours the likeliest word'
    )
    panels = figure.subplots(1, len(compared), sharey=True, squeeze=False)[0]
    longest = max(p.max() for p, _ in compared.values())
    for axes, (T, (p, drawn)) in zip(panels, compared.items(), strict=True):
        bars(axes, words, p, BLUE if T < 1 else ORANGE if T > 1 else GREEN, np.maximum(p, drawn))
        axes.plot(drawn, np.arange(len(p)), "|", color="black", markersize=13, markeredgewidth=1.6)
        axes.set(title=f"T = {T:g}", xlim=(0, 1.35 * longest))
    figure.supxlabel("black marks: the share of each word among the words drawn", fontsize=10, color=DARK)
    save(figure, path)


def continuum(
    scores: Mapping[str, float], curves: Mapping[float, np.ndarray], marked: Sequence[float], path: Path
) -> None:
    """Each word's probability against the temperature, on a logarithmic axis; its name at the curve."""
    figure = new_figure(9, 5, "From T near 0, always the likeliest word, to T near infinity, all equally likely")
    axes = plain(figure.subplots())
    Ts, p = np.array(list(curves)), np.stack(list(curves.values()))  # (temperatures,), (temperatures, words)
    for i, ((word, score), colour) in enumerate(zip(scores.items(), COLOURS, strict=True)):
        axes.plot(Ts, p[:, i], color=colour, linewidth=2.5, label=f"{word}, score {score:g}")
    for T in marked:
        axes.axvline(T, ymax=1 / 1.08, color=GREY, linewidth=1, linestyle=":")
        axes.annotate(f"T = {T:g}", (T, 1.02), ha="center", fontsize=9, color=DARK)
    axes.axhline(1 / len(scores), color=GREY, linewidth=1, linestyle="--")
    axes.annotate(f"equally likely: 1/{len(scores)}", (Ts[0], 1 / len(scores)), (4, 4), color=DARK,
                  textcoords="offset points")  # fmt: skip
    axes.set(xscale="log", xlim=(Ts[0], Ts[-1]), ylim=(0, 1.08), yticks=np.linspace(0, 1, 6))
    axes.set(xlabel="temperature T (logarithmic)", ylabel="probability")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(edgecolor="none", loc="upper right", bbox_to_anchor=(1, 0.94))
    save(figure, path)


def cuts(
    words: Sequence[str], full: np.ndarray, by_k: np.ndarray, by_p: np.ndarray, k: int, p: float, path: Path
) -> None:
    """All words, what top-k leaves, what top-p leaves."""
    figure = new_figure(12, 4.2, "Top-k keeps a number of words; top-p keeps the fewest words that reach a probability")
    everything, *both = figure.subplots(1, 3, sharey=True)
    bars(everything, words, full, GREY)
    everything.plot(np.cumsum(full), np.arange(len(full)), "o-", color=VERMILION)
    everything.axvline(p, color=VERMILION, linestyle=":")
    everything.set(title="before the cut, T = 1", xlim=(0, 1.1))
    titles = f"top-k {k}: the {k} likeliest", f"top-p {p:g}: the fewest that reach {p:.0%}"
    for axes, left, title, colour in zip(both, (by_k, by_p), titles, (BLUE, VERMILION), strict=True):
        bars(axes, words, left, colour, np.maximum(left, full))
        axes.barh(np.arange(len(full)), full, color="none", edgecolor=DARK, linestyle="--", height=0.7)
        axes.set(title=title, xlim=(0, 1.3 * max(by_k.max(), by_p.max())))
    figure.supxlabel(
        "line with dots: a word together with all above it; dashed bars: before the cut", fontsize=10, color=DARK
    )
    save(figure, path)
