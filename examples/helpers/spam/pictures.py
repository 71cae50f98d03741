"""The pictures of 11_spam.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, new_figure, plain, save
from helpers.spam.precision_recall import count, curve
from helpers.spam.rules import ENOUGH

COLOURS = {"bag of words": ORANGE, "TF-IDF": BLUE, "embeddings": GREEN, "characters": PURPLE, "rules": GREY}


def precision_recall(p: Mapping[str, np.ndarray], points: np.ndarray, spam: np.ndarray, path: Path) -> None:
    """Precision against recall for every threshold; the dots are 0.5, and the rules' 4 points."""
    figure = new_figure(9.5, 5.2, "A threshold trades precision for recall. Dots: the threshold 0.5; square: the rules")
    axes = plain(figure.subplots())
    for name, probabilities in p.items():
        line, at = curve(probabilities, spam), count(probabilities >= 0.5, spam)
        axes.plot(line.recall, line.precision, color=COLOURS[name], linewidth=2.5, label=name)
        axes.plot(at.recall, at.precision, "o", color=COLOURS[name], markersize=8)
    at = count(points >= ENOUGH, spam)
    axes.plot(at.recall, at.precision, "s", color=COLOURS["rules"], markersize=9, label=f"rules, {ENOUGH}+ points")
    lowest = min(0.9, at.precision, at.recall) - 0.05
    axes.set(xlim=(max(0, lowest), 1.01), ylim=(max(0, lowest), 1.01))
    axes.set(xlabel="recall: part of the spam that is found", ylabel="precision: part of the called that is spam")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def adversarial(disguises: Sequence[str], found: Mapping[str, Sequence[float]], path: Path) -> None:
    """Bars for each filter: how much of the spam is found as it is, and disguised."""
    figure = new_figure(10, 5, "Disguised spam: how much of it does each filter find?")
    axes = plain(figure.subplots())
    for k, (name, colour) in enumerate(zip(disguises, (GREY, VERMILION, ORANGE), strict=True)):
        places = np.arange(len(found)) + 0.27 * (k - 1)
        shares = [row[k] for row in found.values()]
        axes.bar(places, shares, width=0.25, color=colour, label=name)
        for x, share in zip(places, shares, strict=True):
            axes.annotate(f"{share:.0%}", (x, share), (0, 3), textcoords="offset points", ha="center", fontsize=9)
    axes.set_xticks(range(len(found)), found)
    axes.set(ylim=(0, 1.1), ylabel="part of the spam that is found")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def words(names: Sequence[str], push: np.ndarray, path: Path, most: int = 12) -> None:
    """The words that push most towards spam and towards ham."""
    order = np.argsort(push, kind="stable")
    chosen = [*order[:most], *order[::-1][:most][::-1]]
    figure = new_figure(8.5, 7, "Which words push a message towards spam, and which towards ham?")
    axes = plain(figure.subplots(), grid=False)
    axes.barh(range(len(chosen)), push[chosen], color=[VERMILION if push[i] > 0 else BLUE for i in chosen])
    axes.set_yticks(range(len(chosen)), [names[i] for i in chosen])
    axes.axvline(0, color="black", linewidth=1)
    axes.set_xlabel("mean push on the output: left to ham, right to spam")
    save(figure, path)
