"""The report on a digit network: a table of its accuracy, and pictures. Used by 02_digits.py.

`sure` is the network's confidences, (m, 10): one row per test picture, one number per digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import nn
from helpers.digits.mnist import Digits
from helpers.lecture import new_figure
from tinygrad_lecture.inspect.picture import save_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREEN, RED, GREY = "#2a7f4f", "#c23b33", "#9aa3ad"

# --- the table ----------------------------------------------------------------------------------------------


def count_answers(labels: NDArray[np.int64], sure: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the confusion matrix, (10, 10): [digit, answer]."""
    counts = np.zeros((10, 10), dtype=np.int64)
    np.add.at(counts, (labels, sure.argmax(axis=1)), 1)
    return counts


def print_accuracy(labels: NDArray[np.int64], sure: NDArray[np.float32]) -> None:
    """Print the accuracy per digit, and the digit it is most often mistaken for."""
    counts = count_answers(labels, sure)
    rows = []
    for digit, answers in enumerate(counts):
        wrong = np.where(np.arange(10) == digit, 0, answers)
        taken_for = f"{wrong.argmax()} ({wrong.max()}x)" if wrong.any() else "-"
        rows.append([str(digit), *_share(answers[digit], answers.sum()), taken_for])
    right, n = counts.trace(), counts.sum()
    print()
    _print_table(["digit", "right", "of", "accuracy", "most often mistaken for"], rows, ["all", *_share(right, n), ""])
    print(f"\nTest accuracy {right / n:.2%}: {n - right:,} of {n:,} pictures read wrong.")


def chance(labels: NDArray[np.int64], sure: NDArray[np.float32]) -> str:
    """Return a remark if the network is no better than one answer for all pictures, else ""."""
    counts = count_answers(labels, sure)
    n = counts.sum()
    answers = np.flatnonzero(counts.sum(axis=0))
    if len(answers) == 1:
        return f"The network answers {answers[0]} whatever the picture is."
    commonest = counts.sum(axis=1).max() / n  # accuracy of always answering the commonest digit
    if counts.trace() / n < commonest + 3 * np.sqrt(commonest * (1 - commonest) / n):  # within three standard errors
        return f"That is no better than chance: one answer for all pictures is right for up to {commonest:.1%}."
    return ""


def _share(right: int, n: int) -> list[str]:
    return [f"{right:,}", f"{n:,}", f"{right / n:.1%}" if n else "-"]


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str]) -> None:
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for row in (header, *rows, total):
            print("".join(f"{cell:>10}" for cell in row[:-1]), row[-1], sep="   ")
        return
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    for name, foot in zip(header, total, strict=True):
        table.add_column(name, foot, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


# --- the pictures -------------------------------------------------------------------------------------------


def draw(
    folder: Path, history: nn.History, weight: NDArray[np.float32], digits: Digits, sure: NDArray[np.float32]
) -> list[Path]:
    """Draw all pictures into a folder, and return their paths. weight: the first layer's, (neurons, 784)."""
    figures = {
        "confusion.png": confusion(count_answers(digits.test_labels, sure)),
        "weights.png": weights(weight),
        "mistakes.png": mistakes(digits.test_images, digits.test_labels, sure),
    }
    if history:
        figures = {"curves.png": history.figure(), **figures}
    for name, figure in figures.items():
        save_picture(figure, folder / name, dpi=120)
    return [folder / name for name in figures]


def confusion(counts: NDArray[np.int64]) -> Figure:
    """Draw the confusion matrix: right answers green, wrong ones redder the more there are."""
    figure = new_figure(7, 7)
    axes = figure.subplots()
    right = np.eye(10, dtype=bool)
    most_right, most_wrong = max(counts[right].max(), 1), max(counts[~right].max(), 1)
    axes.imshow(np.ma.masked_where(~right, counts), cmap="Greens", vmin=0, vmax=2 * most_right)
    axes.imshow(np.ma.masked_where(right | (counts == 0), counts), cmap="Reds", vmin=0, vmax=1.5 * most_wrong)
    for digit, answer in zip(*counts.nonzero(), strict=True):
        axes.text(answer, digit, f"{counts[digit, answer]:,}", ha="center", va="center")
    axes.set_title(f"{counts.trace():,} of {counts.sum():,} test pictures read right")
    axes.set_xlabel("the network's answer")
    axes.set_ylabel("the digit")
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xticks(np.arange(0.5, 9), minor=True)  # white lines between the squares
    axes.set_yticks(np.arange(0.5, 9), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    return figure


def weights(weight: NDArray[np.float32], most: int = 64) -> Figure:
    """Draw the first layer's neurons as pictures of their weights: ink on red adds to the sum, on blue subtracts."""
    shown = weight[:most]
    columns = 4 if len(shown) <= 16 else 8
    rows = -(-len(shown) // columns)
    figure = new_figure(1.6 * columns + 1, 1.75 * rows + 0.8)
    axes = figure.subplots()
    axes.axis("off")
    mosaic = np.full((33 * rows, 30 * columns), np.nan)  # one image for all: many small ones are slow to draw
    for number, row in enumerate(shown):
        top, left = 33 * (number // columns) + 4, 30 * (number % columns) + 1
        mosaic[top : top + 28, left : left + 28] = row.reshape(28, 28)
        axes.text(left + 13.5, top - 1, f"neuron {number}", fontsize=9, ha="center")
    limit = float(np.quantile(np.abs(shown), 0.995)) or 1.0  # symmetric, so that white is 0
    image = axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(image, ax=axes, shrink=0.6, aspect=30, label="weight", extend="both")
    which = "all" if len(shown) == len(weight) else f"{len(shown)} of"
    figure.suptitle(f"The first layer, weights of {which} {len(weight)} neurons:\nred wants ink there, blue wants none")
    return figure


def mistakes(
    images: NDArray[np.float32], labels: NDArray[np.int64], sure: NDArray[np.float32], most: int = 12
) -> Figure:
    """Draw the pictures where the network was surest of a wrong digit, each with its ten confidences."""
    answers = sure.argmax(axis=1)
    lead = sure[np.arange(len(sure)), answers] - sure[np.arange(len(sure)), labels]  # 0 where it is right
    worst = [i for i in np.argsort(-lead, kind="stable")[:most] if answers[i] != labels[i]]
    if not worst:
        figure = new_figure(6, 2)
        figure.suptitle("No mistakes")
        return figure
    columns = min(4, len(worst))
    rows = -(-len(worst) // columns)
    figure = new_figure(3.2 * columns, 1.95 * rows + 0.7)
    figure.suptitle("The worst mistakes, and how sure the network was of each digit (green: the right one)")
    grid = figure.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1.2, 1] * columns)
    for axes in grid.flat:
        axes.axis("off")
    for place, i in enumerate(worst):
        picture, bars = grid[place // columns, 2 * (place % columns) :][:2]
        picture.imshow(images[i].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        picture.set_title(f"a {labels[i]} read as {answers[i]}", fontsize=10)
        colours = [RED if digit == answers[i] else GREEN if digit == labels[i] else GREY for digit in range(10)]
        bars.axis("on")
        bars.barh(range(10), sure[i], color=colours)
        bars.set_xlim(0, 1)
        bars.set_xticks([0, 1])
        bars.set_yticks(range(10))
        bars.invert_yaxis()
        bars.tick_params(labelsize=7, length=0)
        for digit, colour in ((labels[i], GREEN), (answers[i], RED)):
            bars.get_yticklabels()[digit].set(color=colour, weight="bold", size=9)
        bars.spines[["top", "right"]].set_visible(False)
    return figure
