"""The pictures of 07_attention.py: who looks at whom, how vectors move, the steps of one head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from helpers.lecture import BLUE, GREEN, GREY, ORANGE, VERMILION, new_figure, plain, principal_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SENSES = {"river": BLUE, "money": ORANGE, "either": GREY}
FAINT = 0.05  # smaller weights are not drawn as arcs


class Reading(Protocol):
    """A sentence read by the head of 07_attention.py; its Reading has these and more."""

    words: list[str]
    x: np.ndarray
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    weights: np.ndarray
    after: np.ndarray

    def place(self, word: str) -> int: ...


def draw_banks(texts: Sequence[str], banks: Sequence[Reading], vectors: np.ndarray, senses: Sequence[str]) -> Figure:
    """Draw what `bank` looks at in two sentences, left, and its vectors before and after in two dimensions, right.

    vectors: of `bank` after attention in the test's sentences, (n, width).  senses: the kind of bank in each.
    """
    figure = new_figure(14, 6, "What `bank` looks at, and its vector before and after attention")
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.15])
    colours = (SENSES["river"], SENSES["money"])
    for row, (text, reading, colour) in enumerate(zip(texts, banks, colours, strict=True)):
        axes = figure.add_subplot(grid[row, 0])
        draw_arcs(axes, reading, {reading.place("bank"): colour})
        axes.set_title(text, fontsize=12)
    axes = plain(figure.add_subplot(grid[:, 1]))
    ends = np.array([reading.after[reading.place("bank")] for reading in banks])
    start = banks[0].x[banks[0].place("bank")]
    points, share = principal_axes(np.concatenate([vectors, ends, start[None]]))
    for sense, colour in SENSES.items():
        chosen = points[: len(vectors)][[other == sense for other in senses]]
        label = f"after, in sentences of the test: {sense if sense != 'either' else 'nothing says which'}"
        axes.plot(*chosen.T, "o", color=colour, alpha=0.35, markersize=6, markeredgewidth=0, label=label)
    *ends, start = points[len(vectors) :]
    style = {"arrowstyle": "-|>", "linewidth": 2, "shrinkA": 6, "shrinkB": 4, "mutation_scale": 16}
    for text, end, colour in zip(texts, ends, colours, strict=True):
        axes.annotate("", tuple(end), tuple(start), arrowprops={**style, "color": colour})
        axes.plot(*end, "D", color=colour, markersize=9, markeredgecolor="black", label=f"after: {text}")
    axes.plot(*start, "*", color="black", markersize=16, label="before, in every sentence: bank's row of W_E")
    axes.margins(0.12, 0.15)
    axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=2, frameon=False)
    axes.set(xticklabels=[], yticklabels=[])
    axes.set_title(f"the vector of `bank`: first two principal components, {share:.0%} of the variance", fontsize=11)
    return figure


def draw_arcs(axes: Axes, reading: Reading, lookers: dict[int, str]) -> None:
    """Draw the words in a row, and arcs from the lookers, each in its colour, as thick as the attention weight.

    With one looker the weights are written under the words.
    """
    n = len(reading.words)
    axes.axis("off")
    arcs = [(i, j) for i in lookers for j in range(n) if reading.weights[i, j] >= FAINT]
    heights = [_arc(axes, i, j, ends, lookers[i], float(reading.weights[i, j])) for (i, j), ends in _ends(arcs).items()]
    reach = max([1.0, *heights])
    for j, word in enumerate(reading.words):
        look = {"color": lookers[j], "weight": "bold"} if j in lookers else {"color": "black"}
        axes.text(j, 0, word, ha="center", va="center", fontsize=12, parse_math=False, **look)
        if len(lookers) == 1:
            (i,) = lookers
            axes.text(j, -0.42, f"{reading.weights[i, j]:.2f}", ha="center", va="center", fontsize=10, color="#404040")
    if len(lookers) == 1:
        axes.text(-0.6, -0.42, "weights", ha="right", va="center", fontsize=10, color="#404040")
    axes.set(xlim=(-1.3 if len(lookers) == 1 else -0.7, n - 0.3), ylim=(-0.7, reach + 0.35))


def _ends(arcs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[float]]:
    """Return where the arcs from word i to word j begin and end: side by side above a word, so that none overlap.

    From left to right: arcs to the left, nearest first, then arcs to the right, farthest first. So arcs from one word
    do not cross. Of two arcs between the same words the one to the right is higher and encloses the other.
    """
    at: dict[int, list[tuple[float, bool, tuple[int, int], int]]] = {}
    for i, j in arcs:
        for end, (here, other) in enumerate(((i, j), (j, i))):
            order = 1 / (other - here) if i != j else (-np.inf, np.inf)[end]
            at.setdefault(here, []).append((order, (i < j) == (other < here), (i, j), end))
    ends = {arc: [0.0, 0.0] for arc in arcs}
    for word, found in at.items():
        step = min(0.2, 0.8 / len(found))
        for k, (*_, arc, end) in enumerate(sorted(found)):
            ends[arc][end] = word + step * (k - (len(found) - 1) / 2)
    return ends


def _arc(axes: Axes, i: int, j: int, ends: Sequence[float], colour: str, weight: float) -> float:
    """Draw an arrow from word i to word j, or a loop, above the words; return its height."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    foot, height = 0.2, 0.55 + 0.28 * abs(i - j)
    if j < i:  # to the left: lower, so that it does not hide an arc to the right
        height *= 0.8
    x0, x1 = ends
    top = foot + 4 / 3 * height
    curve = Curve([(x0, foot), (x0, top), (x1, top), (x1, foot)], [Curve.MOVETO, *[Curve.CURVE4] * 3])
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 6 + 10 * weight, "shrinkA": 0, "shrinkB": 0}
    axes.add_patch(FancyArrowPatch(path=curve, color=colour, linewidth=0.6 + 4 * weight, alpha=0.85, **style))
    return foot + height


def draw_sentence(reading: Reading, asked: Sequence[bool]) -> Figure:
    """Draw arcs from every word with a meaning to learn, and the map of all weights, the other words pale.

    asked: for each word, whether it has a meaning to learn.
    """
    n = len(reading.words)
    figure = new_figure(max(9.0, 0.95 * n + 1), max(5.5, 0.42 * n + 4), "Who looks at whom")
    above, below = figure.subplots(2, 1, height_ratios=[1, 1.7])
    colours = (BLUE, VERMILION, GREEN, ORANGE, "#AA4499", "#56B4E9")
    lookers = [i for i in range(n) if asked[i]]
    draw_arcs(above, reading, {i: colours[k % len(colours)] for k, i in enumerate(lookers)})
    shown = np.where(np.array(asked)[:, None], reading.weights, 0.25 * reading.weights)
    below.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in np.ndindex(n, n):
        colour = "white" if shown[i, j] > 0.6 else "black" if asked[i] else "#909090"
        below.text(j, i, f"{reading.weights[i, j]:.2f}", ha="center", va="center", fontsize=8, color=colour)
    _words(below, reading.words, range(n))
    below.xaxis.tick_top()
    for tick, counts in zip(below.get_yticklabels(), asked, strict=True):
        tick.set_color("black" if counts else "#909090")
    below.set_ylabel("looks")
    below.set_xlabel("is looked at; each row sums to 1; grey: words that nobody asked for, so they look anywhere")
    return figure


def _words(axes: Axes, rows: Sequence[str], columns: Any) -> None:
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(list(columns), rows)
    for tick in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        tick.set_parse_math(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_steps(reading: Reading, i: int) -> Figure:
    """Draw the query, keys, scores, softmax, values and weighted sum for word i, from left to right."""
    n, d = reading.q.shape
    word = reading.words[i]
    figure = new_figure(14, max(4.5, 0.36 * n + 2.2), f"One head, step by step, for `{word}`")
    grid = figure.add_gridspec(2, 4, height_ratios=[n, 1.4], width_ratios=[1.3, 0.8, 0.8, 1.3])
    fit = colours(reading.k, reading.q[i])
    hands_on = colours(reading.v, reading.x[i], reading.after[i])
    keys, scores, weights, values = (figure.add_subplot(grid[0, column]) for column in range(4))
    tables = ((keys, reading.k, fit, "keys: k = W_K x"), (values, reading.v, hands_on, "values: v = W_V x"))
    question, answer = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 3])
    for (axes, rows, look, title), below in zip(tables, (question, answer), strict=True):
        image = axes.imshow(rows, **look)
        figure.colorbar(image, ax=[axes, below], pad=0.02, aspect=40)
        axes.set_title(title)
        axes.set_xticks([])
        axes.tick_params(length=0)
    fits = reading.k @ reading.q[i] / np.sqrt(d)
    bars = ((scores, fits, "scores: q · k / √d", GREY), (weights, reading.weights[i], "weights: softmax", BLUE))
    for axes, row, title, colour in bars:
        plain(axes, grid=False).barh(range(n), row, color=colour, height=0.7)
        for j, number in enumerate(row):
            side = {"ha": "left", "xytext": (4, 0)} if number >= 0 else {"ha": "right", "xytext": (-4, 0)}
            axes.annotate(f"{number:.2f}", (number, j), textcoords="offset points", va="center", fontsize=8, **side)
        axes.set_ylim(n - 0.5, -0.5)
        axes.margins(x=0.55)
        axes.set_title(title)
        axes.set_xticks([])
        axes.axvline(0, color="black", linewidth=0.8)
        axes.spines["bottom"].set_visible(False)
    for axes in (keys, scores, weights, values):
        axes.set_yticks(range(n), reading.words)
        for j, tick in enumerate(axes.get_yticklabels()):
            tick.set_parse_math(False)
            tick.set_weight("bold" if j == i else "normal")
    question.imshow(reading.q[i][None], **fit)
    question.set_yticks([0], [f"query of {word}"])
    answer.imshow(np.stack([reading.weights[i] @ reading.v, reading.x[i], reading.after[i]]), **hands_on)
    answer.set_yticks([0, 1, 2], ["weighted sum", f"x of {word}", "x + sum"])
    for axes in (question, answer):
        axes.set_xticks([])
        axes.tick_params(length=0)
    notes = figure.add_subplot(grid[1, 1:3])
    notes.axis("off")
    text = (
        "each word's score says how well its key fits the query;\nthe weights say how much of its value is taken over"
    )
    notes.text(0.5, 0.5, text, ha="center", va="center", fontsize=10, color="#404040")
    return figure


def colours(*arrays: np.ndarray) -> dict[str, Any]:
    """Return imshow's arguments: red above 0, blue below, white at 0, darkest at the largest absolute value of all.

    Without interpolation, as matplotlib blends neighbouring cells where they are narrow.
    """
    most = max(float(np.abs(array).max()) for array in arrays)
    return {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "aspect": "auto", "interpolation": "nearest"}
