"""The pictures of 15_next_word.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.drawing import BLUE, DARK, GREEN, GREY, VERMILION, new_figure, plain, save
from helpers.next_word.corpus import CAPITALS, UNSTATED, WEATHER
from helpers.next_word.report import AtTemperature


def hallucination(
    stated: Mapping[str, Mapping[str, float]], unstated: Mapping[str, Mapping[str, float]], path: Path
) -> None:
    """The likeliest capital of each country as a bar with its name, in another colour where it is wrong."""
    figure = new_figure(10, 5.4, "Hallucination: it names a capital also where its text never stated one")
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


def temperature(rows: Sequence[AtTemperature], path: Path) -> None:
    """Accuracy, variety and nonsense against the temperature, one above the other."""
    figure = new_figure(8.5, 7.5, "A higher temperature: more variety, less accuracy, then nonsense")
    accuracy, variety, nonsense = figure.subplots(3, 1, sharex=True)
    Ts = [row.T for row in rows]
    plain(accuracy).plot(Ts, [row.right for row in rows], "o-", color=BLUE, linewidth=2.5)
    accuracy.set(ylim=(0, 1.05), ylabel="capitals right")
    plain(variety).plot(Ts, [row.varied for row in rows], "o-", color=GREEN, linewidth=2.5)
    variety.set(ylim=(0, len(WEATHER) + 0.3), ylabel=f"different words\nfor the weather, of {len(WEATHER)}")
    plain(nonsense).plot(Ts, [row.nonsense for row in rows], "o-", color=VERMILION, linewidth=2.5)
    nonsense.set(ylim=(0, 1.05), ylabel="words that are\nno weather", xlabel="temperature T")
    for axes in (accuracy, nonsense):
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    save(figure, path)
