"""The pictures of a model that does sums: learning curve, surprise, errors. Used by 12_arithmetic.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.lecture import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, new_figure, plain
from helpers.sums.problems import Notation, Problems, surprise
from helpers.sums.report import PLACES, Exam, groups, mark
from transformer import GPT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 100  # rows and columns in the map of all pairs, at most


def draw_learning(points: Sequence[Any], notation: Notation) -> Figure:
    """Draw the cost, and the shares of right digits and answers, by step."""
    order = "with its units first" if notation.reverse else "as one writes it"
    kind = "sums" if notation.operation == "+" else "differences"
    figure = new_figure(13, 5, f"Learning {kind}, the answer {order}")
    left, right = figure.subplots(1, 2)
    steps = [point.step for point in points]
    plain(left).plot(steps, [point.loss for point in points], color=GREY, linewidth=2.5)
    left.set(yscale="log", xlabel="step", title="cost: cross-entropy of the answer's characters")
    colours = (BLUE, ORANGE, GREEN, PURPLE)
    for place in range(min(len(colours), *(len(point.digits) for point in points))):
        shares = [point.digits[place] for point in points]
        plain(right).plot(steps, shares, color=colours[place], linewidth=2, label=PLACES[place])
    behind = {"color": "black", "linewidth": 4.5, "zorder": 1.5}  # else it hides the digits' lines where they coincide
    right.plot(steps, [point.right for point in points], label="whole answers", **behind)
    right.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    right.set(ylim=(0, 1.02), xlabel="step", title="right digits of problems held out")
    right.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_surprise(model: GPT, exam: Exam) -> Figure:
    """Draw a map of all pairs, or of some rows and columns: -log p of the right answer."""
    notation = exam.notation
    n = notation.numbers
    shown = np.unique(np.linspace(0, n - 1, min(n, SIDE)).astype(int))
    a, b = np.meshgrid(shown, shown, indexing="ij")
    marked = mark(model, notation, np.stack([a.ravel(), b.ravel()], axis=1))
    heights = np.maximum(surprise(model, Problems(notation, marked.pairs)), 1e-6).reshape(a.shape)
    least, most = np.quantile(heights, [0.002, 0.999])
    figure = new_figure(9.5, 8, "How surprised the model is by the right answer, −log p")
    axes = figure.subplots()
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator

    edge = (shown[-1] - shown[0]) / (len(shown) - 1) / 2
    extent = (-edge, shown[-1] + edge, -edge, shown[-1] + edge)
    scale = LogNorm(least, max(most, 10 * least))
    image = axes.imshow(heights, origin="lower", extent=extent, norm=scale, cmap="cividis")
    wrong = marked.pairs[~marked.right]
    label = f"wrong: {len(wrong):,} of {len(marked):,}"
    few = len(wrong) <= 200  # else the crosses would hide the map
    cross = {"markersize": 6 if few else 1.5, "markeredgewidth": 2 if few else 0.7}
    axes.plot(wrong[:, 1], wrong[:, 0], "x", color=VERMILION, label=label, **cross)
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.06), frameon=False, borderpad=0)
    axes.set(xlabel="b", ylabel="a", xlim=extent[:2], ylim=extent[2:])
    few_decades = scale.vmax < 1000 * scale.vmin
    ticks = LogLocator(subs=(1, 2, 5) if few_decades else (1,))
    bar = figure.colorbar(image, shrink=0.8, extend="both", ticks=ticks, format=lambda height, _: in_words(height))
    bar.ax.minorticks_off()
    bar.set_label("−log p of the whole answer; in brackets what other answers get, 1 − p")
    return figure


def in_words(surprise: float) -> str:
    """Format -log p, with 1 - p in brackets: "0.01 (1%)"."""
    others = -100 * np.expm1(-surprise)
    return f"{surprise:g} ({f'{others:.2g}' if others <= 99 else 'over 99'}%)"


def draw_errors(exam: Exam) -> Figure:
    """Draw the share of wrong answers in each group."""
    rows = [("learnt from", exam.learnt, GREY), ("held out", exam.held_out, BLUE)]
    for _, parts in groups(exam):
        rows += [(f"  {name}", marked, "#9ccbe8") for name, marked in parts]
    rows += [(f"{name} larger", marked, VERMILION) for name, marked in exam.beyond.items()]
    figure = new_figure(10, 1.4 + 0.34 * len(rows), "Wrong answers, within what it has learnt from and beyond")
    axes = plain(figure.subplots(), grid=False)
    for row, (_, marked, colour) in enumerate(rows):
        wrong = int((~marked.right).sum())
        axes.barh(row, wrong / len(marked), color=colour)
        axes.annotate(
            f"{wrong:,} of {len(marked):,}", (wrong / len(marked), row), (5, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.15), xlabel="share of wrong answers")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return figure
