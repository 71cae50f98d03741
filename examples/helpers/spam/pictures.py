"""The pictures of a spam filter. Used by 11_spam.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers.lecture import BLUE, GREEN, GREY, VERMILION, new_figure, plain
from helpers.spam.precision_recall import Curve, curve
from helpers.spam.report import Outcome, in_short
from helpers.spam.rules import ENOUGH
from tinygrad_lecture.inspect.picture import save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HAM, SPAM = GREEN, VERMILION


def draw(folder: Path, outcome: Outcome) -> list[Path]:
    """Draw all pictures into a folder, and return their paths."""
    figures = {
        "threshold.png": thresholds(outcome),
        "precision_recall.png": precision_recall(outcome),
        "confusion.png": confusion(outcome),
        "words.png": weighty_words(outcome),
    }
    if outcome.trained.validation is not None:
        figures = {"curves.png": curves(outcome), **figures}
    for name, figure in figures.items():
        save_picture(figure, folder / name, dpi=120)
    return [folder / name for name in figures]


def curves(outcome: Outcome) -> Figure:
    """Draw training and test loss after each epoch, for each part of the cross-validation."""
    figure = new_figure(8, 4.5)
    axes = figure.subplots()
    validation = outcome.trained.validation
    assert validation is not None
    for k, part in enumerate(validation.parts):
        epochs = np.arange(1, len(part.losses) + 1)
        learnt, judged = zip(*part.losses, strict=True)
        best = part.best_epoch
        axes.plot(epochs, learnt, color=GREY, label=None if k else "messages learnt from (while learning)")
        axes.plot(epochs, judged, color=GREEN, label=None if k else "messages not seen")
        axes.plot(best, judged[best - 1], "o", color=GREEN, label=None if k else "best epoch")
    axes.set_title("Each network is judged by the part of the messages it has not learnt from")
    axes.set_xlabel("epoch")
    axes.set_ylabel("cross-entropy per message")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda loss, _: f"{loss:g}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    plain(axes).set_axisbelow(True)
    axes.legend(frameon=False)
    return figure


def thresholds(outcome: Outcome) -> Figure:
    """Draw histograms of ham and spam over the network's logits, and below them precision and recall by threshold."""
    figure = new_figure(9, 7)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.2])
    logits = _logit(outcome.probabilities)
    spam, chosen = outcome.test.spam, _logit(np.array(outcome.filter.threshold))
    low, high = min(logits.min(), -8, chosen), max(logits.max(), 8, chosen)
    width = (high - low) / 60
    bins = chosen + width * np.arange(-np.ceil((chosen - low) / width), np.ceil((high - chosen) / width) + 1)
    above.hist(logits[~spam], bins, color=HAM, alpha=0.75, label=f"ham, {(~spam).sum():,} messages")
    above.hist(logits[spam], bins, color=SPAM, alpha=0.75, label=f"spam, {spam.sum():,} messages")
    above.set_yscale("symlog", linthresh=1)
    above.set_ylim(bottom=0)
    above.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    above.set_ylabel("messages held out")
    above.set_title("Each threshold is a place to cut")
    above.legend(frameon=False, loc="upper right")

    found = curve(outcome.probabilities, spam)
    if outcome.validated is not None:
        other = curve(*outcome.validated)
        _steps(below, other, style=":")
    _steps(below, found, style="-", labels=("precision", "recall"))
    if outcome.validated is not None:
        below.plot([], [], ":", color=GREY, label="the same in validation")
    below.set_ylim(0.6, 1.01)
    below.set_ylabel("precision, recall")
    below.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    places = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999]
    below.set_xticks(_logit(np.array(places)), [f"{p:g}" for p in places])
    below.set_xlabel("probability of spam, by the network")
    for axes in (above, below):
        axes.axvline(chosen, color="black", linewidth=1, linestyle="--")
        plain(axes).set_axisbelow(True)
    below.annotate(
        f"threshold {in_short(outcome.filter.threshold)}",
        (chosen, 0.62),
        (6, 0),
        textcoords="offset points",
        va="bottom",
    )
    below.legend(frameon=False, loc="lower left")
    return figure


def _steps(axes: Axes, points: Curve, style: str, labels: tuple[str | None, str | None] = (None, None)) -> None:
    """Draw precision and recall as steps over the thresholds, as logits."""
    x = _logit(points.thresholds)
    for values, colour, label in ((points.precision, BLUE, labels[0]), (points.recall, VERMILION, labels[1])):
        # Up to the next higher score a threshold calls the same messages spam as at that score.
        axes.step(x, values, style, color=colour, label=label, where="post", linewidth=2 if label else 1.2)


def precision_recall(outcome: Outcome) -> Figure:
    """Draw precision over recall for the networks and the rules; a dot marks the threshold in use."""
    figure = new_figure(7.5, 6)
    axes = figure.subplots()
    threshold = outcome.filter.threshold
    methods: list[tuple[str, NDArray[Any], float, str, str, str]] = [
        ("rules, by points", outcome.points, ENOUGH, f"{ENOUGH} points", VERMILION, "s:")
    ]
    if outcome.weighted is not None:
        methods.append(("twin that minds spam more", outcome.weighted, 0.5, "0.5", GREY, "-"))
    methods.append(("network", outcome.probabilities, threshold, in_short(threshold), BLUE, "-"))
    for name, scores, cut, cut_name, colour, style in methods:
        points = curve(scores, outcome.test.spam)
        label = f"{name}, average precision {points.average_precision:.3f}; the dot: {cut_name}"
        if style == "-":
            axes.step(points.recall, points.precision, style, color=colour, where="pre", linewidth=2)
        else:
            axes.plot(points.recall, points.precision, style, color=colour, markersize=5)
        counts = outcome.counts(scores >= cut)
        axes.plot(counts.recall, counts.precision, "o", color=colour, markersize=10, zorder=3)
        axes.plot([], [], "o-" if style == "-" else "o:", color=colour, linewidth=2, markersize=8, label=label)
    goal = outcome.filter.precision
    if goal is not None:
        label = f"precision {100 * goal:.4g}%, the aim when the threshold was chosen"
        axes.axhline(goal, color="black", linewidth=0.8, linestyle="--", label=label)
    axes.set(xlim=(0.795, 1.005), ylim=(0.795, 1.005))
    axes.set_title(f"All that a threshold can do, on {len(outcome.test):,} messages held out")
    axes.set_xlabel("recall: the part of the spam that is found")
    axes.set_ylabel("precision: the part of what is called spam that is spam")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(np.arange(0.8, 1.01, 0.05))
        axis.set_major_formatter(lambda share, _: f"{share:.0%}")
    plain(axes).set_axisbelow(True)
    axes.legend(frameon=False, loc="lower left", fontsize=9)
    return figure


def confusion(outcome: Outcome) -> Figure:
    """Draw the confusion matrices of the rules and of the network on the held-out messages."""
    from matplotlib.patches import Rectangle

    figure = new_figure(9, 4.4)
    methods = (
        (f"Rules, {ENOUGH} points", outcome.points >= ENOUGH),
        (f"Network, threshold {in_short(outcome.filter.threshold)}", outcome.probabilities >= outcome.filter.threshold),
    )
    for axes, (name, called) in zip(figure.subplots(1, 2), methods, strict=True):
        counts = outcome.counts(called)
        table = [[counts.kept, counts.lost], [counts.missed, counts.found]]
        names = [["kept", "lost"], ["missed", "found"]]
        for i in range(2):
            for j in range(2):
                share = table[i][j] / sum(table[i])
                colour = GREEN if i == j else VERMILION
                alpha = 0.15 + 0.65 * share if i == j else min(1.0, 0.1 + 3 * share)
                axes.add_patch(Rectangle((j - 0.49, i - 0.49), 0.98, 0.98, facecolor=colour, alpha=alpha))
                axes.text(j, i - 0.06, f"{table[i][j]:,}", ha="center", va="center", fontsize=17)
                axes.text(j, i + 0.2, f"{names[i][j]}, {share:.1%}", ha="center", va="center", fontsize=9)
        axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), aspect="equal")
        scores = f"accuracy {counts.accuracy:.1%}, precision {counts.precision:.1%}, recall {counts.recall:.1%}"
        axes.set_title(f"{name}\n{scores}", fontsize=11)
        axes.set_xticks([0, 1], ["let through", "called spam"])
        axes.set_yticks([0, 1], ["ham", "spam"])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def weighty_words(outcome: Outcome, most: int = 22) -> Figure:
    """Draw the words that push most towards spam and towards ham, as bars."""
    figure = new_figure(10, 6.6)
    figure.suptitle("How far a word pushes the network's sum, on average over the messages that have it")
    sides = (("towards spam", SPAM, outcome.weighty[0]), ("towards ham", HAM, outcome.weighty[1]))
    for axes, (name, colour, words) in zip(figure.subplots(1, 2), sides, strict=True):
        shown = words[:most]
        axes.barh(range(len(shown)), [abs(push) for _, push in shown], color=colour)
        axes.set_yticks(range(len(shown)), [token for token, _ in shown], parse_math=False)
        axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
        axes.set_title(name, color=colour)
        axes.tick_params(axis="y", length=0)
        plain(axes).set_axisbelow(True)
        axes.grid(axis="y", visible=False)
    return figure


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of the sigmoid, with p clipped away from 0 and 1."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p / (1 - p)))
