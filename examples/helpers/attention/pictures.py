"""The pictures of 07_attention.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygrad_lecture as tl
from helpers.attention import cars, senses
from helpers.attention.report import Pair, place
from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, VERMILION, new_figure, plain, principal_axes, save
from transformer.tokenizer.word import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT = 0.04  # smaller weights are not drawn as arcs


def steps(sentence: str, i: int, reading: Any, path: Path) -> None:
    """One head for one word: scores, weights, and the weighted sum of the values."""
    found, (x, q, k, v, weights, after, _) = words(sentence), (part.numpy() for part in reading)
    n, width = x.shape
    figure = new_figure(13, max(4.5, 0.42 * n + 3), f'One head for "{found[i]}": scores, softmax, weighted sum')
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])
    scores = k @ q[i] / width**0.5
    for axes, row, title, colour in (
        (left, scores, f'1. scores: Q("{found[i]}") · K / √{width}', GREY),
        (middle, weights[i], "2. softmax: weights that sum to 1", BLUE),
    ):
        plain(axes, grid=False).barh(range(n), row, color=colour, height=0.7)
        for j, value in enumerate(row):
            side = {"ha": "left", "xytext": (4, 0)} if value >= 0 else {"ha": "right", "xytext": (-4, 0)}
            axes.annotate(f"{value:.2f}", (value, j), textcoords="offset points", va="center", fontsize=11, **side)
        axes.set_yticks(range(n), found, fontsize=12)
        axes.set(title=title, ylim=(n - 0.4, -0.6), xticks=[])
        axes.margins(x=0.35)
        axes.axvline(0, color=DARK, linewidth=0.8)
    rows = np.concatenate([weights[i][:, None] * v, [weights[i] @ v, x[i], after[i]]])
    most = np.abs(rows).max()
    image = right.imshow(rows, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
    labels = [f"{weight:.2f} × V({word})" for weight, word in zip(weights[i], found, strict=True)]
    right.set_yticks(range(n + 3), [*labels, "weighted sum", f"vector of {found[i]}", "after attention"], fontsize=11)
    right.axhline(n - 0.5, color=DARK)
    right.axhline(n + 1.5, color=DARK)
    right.set(
        title="3. the weighted sum of the values is added", xticks=[], xlabel=f"the {width} numbers of each vector"
    )
    figure.colorbar(image, shrink=0.8, label="value")
    save(figure, path)


def arcs(axes: Axes, found: Sequence[str], lookers: Mapping[int, np.ndarray], colours: Mapping[int, str]) -> None:
    """Words in a row, and arcs from each looker to what it looks at, as thick as the weight."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    axes.axis("off")
    highest = 0.6
    for i, weights in lookers.items():
        for j, weight in enumerate(weights):
            if weight < FAINT:
                continue
            shift = 0.12 if j >= i else -0.12
            height = 0.45 + 0.3 * abs(i - j)
            highest = max(highest, height)
            x0, x1, top = i + shift, j - shift, 0.25 + 4 / 3 * height
            curve = Curve([(x0, 0.25), (x0, top), (x1, top), (x1, 0.25)], [Curve.MOVETO, *[Curve.CURVE4] * 3])
            axes.add_patch(FancyArrowPatch(path=curve, color=colours[i], linewidth=0.8 + 4.5 * weight, alpha=0.85,
                                           arrowstyle="-|>", mutation_scale=8 + 12 * weight))  # fmt: skip
    for j, word in enumerate(found):
        bold = {"weight": "bold", "color": colours[j]} if j in lookers else {}
        axes.text(j, 0, word, ha="center", va="center", fontsize=13, **bold)
    axes.set(xlim=(-0.6, len(found) - 0.4), ylim=(-0.5, highest + 0.5))


def bank(
    sentences: Sequence[tuple[str, str]], readings: Sequence[Any], model: Any, course: senses.Course, path: Path
) -> None:
    """What "bank" looks at in two sentences; right, its vectors before and after attention."""
    from matplotlib.colors import LinearSegmentedColormap

    figure = new_figure(14, 6.4, 'The same word, two sentences: what "bank" looks at, and where its vector goes')
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.15])
    axes = plain(figure.add_subplot(grid[:, 1]))
    place_of = {text: i for i, text in enumerate(course.texts) if " bank " in text}  # each different sentence once
    of_bank = [*place_of.values()]
    about_river = course.senses == senses.SENSES.index("river bank")
    share = [about_river[[text == other for other in course.texts]].mean() for text in place_of]
    with tl.no_grad():
        after = model(tl.tensor(course.tokens[of_bank])).after.numpy()[np.arange(len(of_bank)), course.at[of_bank]]
    ends, start = [], None
    for row, ((sentence, word), reading, colour) in enumerate(zip(sentences, readings, (BLUE, ORANGE), strict=True)):
        panel, i = figure.add_subplot(grid[row, 0]), place(word, sentence)
        weights = reading.weights.numpy()[i]
        arcs(panel, words(sentence), {i: weights}, {i: colour})
        for j, weight in enumerate(weights):
            panel.text(j, -0.3, f"{weight:.2f}", ha="center", va="center", fontsize=11, color=DARK)
        panel.set_title(sentence, fontsize=13)
        ends.append(reading.after.numpy()[i])
        start = reading.x.numpy()[i]
    points, kept = principal_axes(np.stack([*after, *ends, start]))
    dots = axes.scatter(*points[: len(of_bank)].T, c=share, cmap=LinearSegmentedColormap.from_list("", [ORANGE, BLUE]),
                        s=36, alpha=0.6, linewidths=0, label="after attention, in the made sentences")  # fmt: skip
    shares = figure.colorbar(dots, ax=axes, ticks=[0, 0.5, 1], pad=0.01, label="the bank in this made sentence")
    shares.set_ticklabels(["money", "half\nhalf", "river"])
    *ends, start = points[len(of_bank) :]
    for (sentence, _), end, colour in zip(sentences, ends, (BLUE, ORANGE), strict=True):
        style = {"arrowstyle": "-|>", "linewidth": 2.5, "color": colour, "mutation_scale": 18}
        axes.annotate("", tuple(end), tuple(start), arrowprops=style)
        axes.plot(*end, "D", color=colour, markersize=10, markeredgecolor="black", label=f"after: {sentence}")
    axes.plot(*start, "*", color="black", markersize=18, label="before attention, in every sentence")
    axes.legend(fontsize=10, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2, frameon=False)
    axes.set(xlabel=f"first principal component (the two keep {kept:.0%} of the variance)", xticks=[], yticks=[],
             ylabel="second principal component")  # fmt: skip
    save(figure, path)


def red_car(wanted: Sequence[Pair], found: Sequence[str], weights: np.ndarray, path: Path) -> None:
    """For each head an arc diagram of the words whose question it answers."""
    figure = new_figure(13, 9.5, "The red car: three heads, each looks for its own relationships")
    palette = (BLUE, VERMILION, GREEN, ORANGE)
    for h, (axes, name) in enumerate(zip(figure.subplots(3, 1), cars.HEADS, strict=True)):
        lookers = list(dict.fromkeys(found.index(a) for a, _, head, _ in wanted if head == h))
        colours = {i: palette[n % len(palette)] for n, i in enumerate(lookers)}
        arcs(axes, found, {i: weights[h, i] for i in lookers}, colours)
        axes.set_title(f"head {h + 1}: {name}", fontsize=13, loc="left")
    figure.supxlabel("coloured: words that have a question for this head; the thicker an arc, the larger the weight",
                     fontsize=11, color=DARK)  # fmt: skip
    save(figure, path)


def car(described: Mapping[str, np.ndarray], path: Path) -> None:
    """What the vector of "car" says, part by part of the sentence: a table of probabilities."""
    figure = new_figure(13, 4.8, 'The vector of "car" takes up what the sentence says about it')
    axes = figure.subplots()
    p = np.stack([*described.values()])  # (parts, descriptions)
    image = axes.imshow(p, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(p):
        if value >= 0.005:
            colour = "white" if value > 0.6 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=10, color=colour)
    axes.set_yticks(range(len(p)), list(described), fontsize=12)
    axes.set_xticks(range(p.shape[1]), cars.DESCRIPTIONS, rotation=40, ha="right", rotation_mode="anchor", fontsize=11)
    for group in cars.GROUPS[1:]:
        axes.axvline(group[0] - 0.5, color=DARK)
    axes.tick_params(length=0)
    figure.colorbar(image, label="probability, within each group", pad=0.01)
    save(figure, path)
