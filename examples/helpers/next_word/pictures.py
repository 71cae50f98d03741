"""The pictures of 15_next_word.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.drawing import BLUE, DARK, GREY, ORANGE, VERMILION, new_figure, plain, save
from helpers.next_word.corpus import CAPITALS, UNSTATED


def hallucination(
    stated: Mapping[str, Mapping[str, float]], unstated: Mapping[str, Mapping[str, float]], path: Path
) -> None:
    """The likeliest capital of each country as a bar with its name; red where it is wrong."""
    figure = new_figure(10, 5.4, "It names a capital for every country, also where its text never stated one")
    axes = plain(figure.subplots(), grid=False)
    truth = {**CAPITALS, **UNSTATED}
    rows = {**stated, **unstated}
    for row, (country, chances) in enumerate(rows.items()):
        word, p = next(iter(chances.items()))
        right = word == truth[country]
        axes.barh(row, p, color=BLUE if right else VERMILION, height=0.7)
        note = f"{word} {p:.2f}" if right else f"{word} {p:.2f}, in truth {truth[country]}"
        axes.annotate(note, (p, row), (6, 0), textcoords="offset points", va="center")
    axes.axhline(len(stated) - 0.5, color=GREY, linestyle=":")
    axes.annotate("never stated\nin the text", (1.58, len(stated) + 1), ha="right", va="center", color=DARK)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.6), xlabel="probability of the likeliest capital")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    save(figure, path)


def temperature(rows: Sequence[tuple[float, float, int]], path: Path) -> None:
    """Accuracy and variety against the temperature, one above the other."""
    figure = new_figure(8.5, 6, "A higher temperature brings variety, and costs accuracy")
    upper, lower = figure.subplots(2, 1, sharex=True)
    Ts = [T for T, *_ in rows]
    plain(upper).plot(Ts, [right for _, right, _ in rows], "o-", color=BLUE, linewidth=2.5)
    upper.set(ylim=(0, 1.05), ylabel="capitals right")
    upper.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    plain(lower).plot(Ts, [different for *_, different in rows], "o-", color=ORANGE, linewidth=2.5)
    lower.set(ylim=(0, None), ylabel="different words\nfor the weather, of 50", xlabel="temperature T")
    save(figure, path)
