"""The pictures of 06_word_vectors.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, SKY, VERMILION, new_figure, plain, principal_axes, save
from helpers.word_vectors.report import unit
from helpers.word_vectors.vectors import Pair, WordVectors
from tinygrad_lecture.inspect.fonts import as_written, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def arrow(axes: Axes, start: np.ndarray, end: np.ndarray, colour: str) -> None:
    """An arrow between two points."""
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 2, "shrinkA": 5, "shrinkB": 5, "mutation_scale": 16}
    axes.annotate("", tuple(end), tuple(start), arrowprops=style)


def analogy(vectors: WordVectors, a: str, b: str, c: str, path: Path) -> None:
    """Left, A - B + C as a way in a plane; right, the nearest words as bars."""
    target = vectors[a] - vectors[b] + vectors[c]
    found = vectors.near(target, 6, [a, b, c])
    answer, cosine = found[0]
    sum_ = f"{a} − {b} + {c}"
    figure = new_figure(13, 5.6)
    figure.suptitle(drawable(f"The step from {b} to {a}, taken from {c}, leads near {answer} (cosine {cosine:.2f})"),
                    fontsize=14, weight="bold", **as_written())  # fmt: skip
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    points, _ = principal_axes(np.stack([vectors[word] for word in (a, b, c, answer)] + [target]))
    at = dict(zip((a, b, c, answer, sum_), points, strict=True))
    middle = points.mean(axis=0)
    right_of = 1 if at[answer][0] >= at[sum_][0] else -1
    arrow(left, at[b], at[a], BLUE)
    arrow(left, at[c], at[sum_], BLUE)
    for word, place in at.items():
        colour = GREEN if word == answer else VERMILION if word == sum_ else "black"
        left.plot(*place, "X" if word == sum_ else "o", color=colour, markersize=11)
        beside = {"xytext": (0, 14 if place[1] > middle[1] else -22), "ha": "center"}
        if word == answer:  # on the side away from the cross
            beside = {"xytext": (12 * right_of, -5), "ha": "left" if right_of > 0 else "right"}
        elif word == sum_:  # on the other side, and off the arrow
            rises = at[sum_][1] >= at[c][1]
            beside = {"xytext": (-8 * right_of, 12 if rises else -22), "ha": "right" if right_of > 0 else "left"}
        left.annotate(drawable(word), place, textcoords="offset points", fontsize=13, color=colour, weight="bold",
                      **beside, **as_written())  # fmt: skip
    plain(left).margins(0.3)
    low, high = left.get_xlim()
    wider = 0.3 * (high - low)  # for the label of the sum
    left.set_xlim((low - wider, high) if right_of > 0 else (low, high + wider))
    left.set(xlabel="first principal component of these words", ylabel="second", xticks=[], yticks=[])
    own = [(word, float(unit(target) @ vectors[word])) for word in (a, b, c)]
    bars = sorted([*found, *own], key=lambda item: item[1])
    colours = [GREEN if word == answer else "#d0d0d0" if word in (a, b, c) else SKY for word, _ in bars]
    plain(right, grid=False).barh(range(len(bars)), [value for _, value in bars], color=colours)
    right.set_yticks(range(len(bars)), [drawable(word) for word, _ in bars], fontsize=12, **as_written())
    for row, (_, value) in enumerate(bars):
        right.annotate(f"{value:.2f}", (max(value, 0), row), (5, 0), textcoords="offset points", va="center")
    right.set(xlabel="cosine with A − B + C", xlim=(min(0, *(value for _, value in bars)), 1.15))
    right.set_title("nearest words (grey: those of the question)", fontsize=12)
    save(figure, path)


def directions(vectors: WordVectors, relations: Mapping[str, Sequence[Pair]], path: Path) -> None:
    """A panel for each relation: arrows from the first word of a pair to the second. Across: the mean of all steps; up:
    the first principal component of what is left."""
    titles = {"gender": "male → female", "plural": "one → several", "capital": "country → capital"}
    known = {name: vectors.known(pairs) for name, pairs in relations.items()}
    known = {name: pairs for name, pairs in known.items() if len(pairs) > 1}
    if not known:
        return
    figure = new_figure(
        5 * len(known), 5.8, "The same step leads from each word to its partner: the arrows are nearly parallel"
    )
    panels = figure.subplots(1, len(known), squeeze=False)[0]
    for axes, (name, pairs), colour in zip(panels, known.items(), (ORANGE, BLUE, GREEN), strict=False):
        words = list(dict.fromkeys(word for pair in pairs for word in pair))
        rows = np.stack([vectors[word] for word in words])
        step = unit(np.mean([vectors[b] - vectors[a] for a, b in pairs], axis=0))
        across = rows @ step
        up = principal_axes(rows - across[:, None] * step)[0][:, 0]
        at = dict(zip(words, np.stack([across, up / (np.ptp(up) or 1)], axis=1), strict=True))
        for a, b in apart(pairs, at):
            arrow(axes, at[a], at[b], colour)
            for word, side in ((a, "right"), (b, "left")):
                axes.plot(*at[word], "o", color="black", markersize=5)
                axes.annotate(drawable(word), at[word], (9 if side == "left" else -9, -4), textcoords="offset points",
                              fontsize=11, ha=side, **as_written())  # fmt: skip
        plain(axes).margins(0.35, 0.08)
        axes.set(
            title=titles[name], xticks=[], yticks=[], xlabel="along the mean step", ylabel="what else differs most"
        )
    save(figure, path)


def apart(pairs: Sequence[Pair], at: Mapping[str, np.ndarray]) -> list[Pair]:
    """Some of the pairs, far enough above each other that their words can be read."""
    found: list[Pair] = []
    for pair in pairs:
        heights = [at[word][1] for other in found for word in other]
        if all(abs(at[word][1] - height) > 0.045 for word in pair for height in heights):
            found.append(pair)
    return found


def clusters(vectors: WordVectors, kinds: Mapping[str, Sequence[str]], path: Path) -> None:
    """The cosine of every two words, as colours: kinds are blocks."""
    kinds = {name: [word for word in words if word in vectors] for name, words in kinds.items()}
    words = [word for some in kinds.values() for word in some]
    if not words:
        return
    rows = np.stack([vectors[word] for word in words])
    figure = new_figure(9.5, 8, "Words of one kind are near each other: kinds form blocks along the diagonal")
    axes = figure.subplots()
    image = axes.imshow(rows @ rows.T, cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor", fontsize=11)
    axes.set_yticks(range(len(words)), words, fontsize=11)
    edge = 0
    for some in kinds.values():
        edge += len(some)
        axes.axhline(edge - 0.5, color="white", linewidth=3)
        axes.axvline(edge - 0.5, color="white", linewidth=3)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, shrink=0.8, label="cosine: 1 same direction, 0 unrelated")
    save(figure, path)


def occupations(bias: Mapping[str, float], shares: Mapping[str, float], path: Path) -> None:
    """Occupations on the direction from male to female."""
    if not bias:
        return
    title = "Bias: where the text puts occupations between male and female words"
    figure = new_figure(9.5, 1.8 + 0.5 * len(bias), title)
    axes = plain(figure.subplots(), grid=False)
    jobs = sorted(bias, key=lambda job: -bias[job])
    values = [bias[job] for job in jobs]
    axes.barh(range(len(jobs)), values, color=[ORANGE if value > 0 else BLUE for value in values], height=0.65)
    for row, (job, value) in enumerate(zip(jobs, values, strict=True)):
        text = f"{value:+.2f}" + (f', "she" in {shares[job]:.0%} of its sentences' if job in shares else "")
        side = {"ha": "left", "xytext": (5, 0)} if value >= 0 else {"ha": "right", "xytext": (-5, 0)}
        axes.annotate(text, (value, row), textcoords="offset points", va="center", fontsize=10, **side)
    axes.set_yticks(range(len(jobs)), jobs, fontsize=12)
    axes.axvline(0, color=GREY)
    axes.margins(x=0.75)
    axes.set_xlabel("cosine with the direction from male (left) to female words (right)", color=DARK)
    save(figure, path)
