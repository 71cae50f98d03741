"""The pictures of 02_digits.py. `sure` is how sure the network is of each digit, (m, 10)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.digits.mnist import Digits
from helpers.digits.report import COSTS, Epoch, count_answers, fires_for, mean_activations
from helpers.drawing import BLUE, GREEN, GREY, VERMILION, new_figure, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


def draw(
    folder: Path,
    digits: Digits,
    history: Sequence[Epoch],
    loss: str,
    sure: np.ndarray,
    weights: np.ndarray,
    fires: np.ndarray | None,
    liked: np.ndarray | None,
) -> None:
    """Draw all pictures into a folder."""
    threes(digits, folder / "threes.png")
    curves(history, COSTS[loss], folder / "curves.png")
    confusion(count_answers(sure, digits.test_labels), folder / "confusion.png")
    mistakes(digits.test_images, digits.test_labels, sure, folder / "mistakes.png")
    ink = digits.train_images.std(axis=0) > 0.05
    first_layer(weights, ink, folder / "first_layer.png")
    if fires is not None and liked is not None:
        last_hidden_layer(fires, liked, digits, folder / "last_hidden_layer.png")


def threes(digits: Digits, path: Path) -> None:
    """Many pictures of one digit."""
    rows, columns = 3, 12
    chosen = digits.train_images[digits.train_labels == 3][: rows * columns]
    figure = new_figure(12, 3.4, 'Each "3" looks different, yet we recognise all of them at once')
    mosaic = np.concatenate([np.concatenate(list(row.reshape(-1, 28, 28)), axis=1) for row in np.split(chosen, rows)])
    axes = figure.subplots()
    axes.axis("off")
    axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
    save(figure, path)


def curves(history: Sequence[Epoch], cost: str, path: Path) -> None:
    """The cost of every batch, the mean of each epoch, and the share of test pictures read right."""
    read = f": in the end {history[-1].right:.1%} of the test pictures are read right" if history else ""
    figure = new_figure(11, 4.4, f"The training, epoch by epoch{read}")
    left, right = figure.subplots(1, 2)
    if history:
        steps = [len(epoch.costs) for epoch in history]
        ends = np.cumsum(steps)
        left.plot(np.arange(1, ends[-1] + 1) / steps[0], np.concatenate([epoch.costs for epoch in history]), ".",
                  color=BLUE, alpha=0.3, markersize=1.5, label="one batch")  # fmt: skip
        numbers = np.arange(1, len(history) + 1)
        left.plot(numbers - 0.5, [np.mean(epoch.costs) for epoch in history], "o-", color=VERMILION, markersize=4,
                  label="mean of an epoch")  # fmt: skip
        right.plot(numbers, [100 * epoch.right for epoch in history], "o-", color=GREEN, markersize=4)
    plain(left).set(xlabel="epoch (one pass through all training pictures)", ylabel=f"mean {cost}", ylim=(0, None))
    left.set_title(cost)
    left.legend(edgecolor="none")
    plain(right).set(
        xlabel="epoch", ylabel="test pictures read right, %", title="accuracy on pictures never seen in training"
    )
    save(figure, path)


def confusion(counts: np.ndarray, path: Path) -> None:
    """The confusion matrix: right answers green, wrong ones redder the more there are."""
    figure = new_figure(7, 7.2, "Which digit is mistaken for which?")
    axes = figure.subplots()
    right = np.eye(10, dtype=bool)
    most_right, most_wrong = max(counts[right].max(), 1), max(counts[~right].max(), 1)
    axes.imshow(np.ma.masked_where(~right, counts), cmap="Greens", vmin=0, vmax=2 * most_right)
    axes.imshow(np.ma.masked_where(right | (counts == 0), counts), cmap="Reds", vmin=0, vmax=1.5 * most_wrong)
    for digit, answer in zip(*counts.nonzero(), strict=True):
        axes.text(answer, digit, f"{counts[digit, answer]:,}", ha="center", va="center", fontsize=11)
    axes.set_title(f"{counts.trace():,} of {counts.sum():,} test pictures are read right (green)")
    axes.set(xlabel="the network's answer", ylabel="the digit", xticks=range(10), yticks=range(10))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    save(figure, path)


def mistakes(images: np.ndarray, labels: np.ndarray, sure: np.ndarray, path: Path, most: int = 12) -> None:
    """The pictures where the network was surest of a wrong digit, each with its ten outputs."""
    answers = sure.argmax(axis=1)
    lead = sure[np.arange(len(sure)), answers] - sure[np.arange(len(sure)), labels]  # 0 where it is right
    worst = [i for i in np.argsort(-lead, kind="stable")[:most] if answers[i] != labels[i]]
    if not worst:
        return
    columns = min(4, len(worst))
    rows = -(-len(worst) // columns)
    title = "The mistakes of which it was surest (red: its answer; green: the right digit)"
    figure = new_figure(3.2 * columns, 2.2 * rows + 0.9, title, size=12)
    grid = figure.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1.2, 1] * columns)
    for axes in grid.flat:
        axes.axis("off")
    for place, i in enumerate(worst):
        picture, bars = grid[place // columns, 2 * (place % columns) :][:2]
        picture.imshow(images[i].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        picture.set_title(f"a {labels[i]}, read as {answers[i]}", fontsize=11)
        colours = [VERMILION if j == answers[i] else GREEN if j == labels[i] else GREY for j in range(10)]
        bars.axis("on")
        bars.barh(range(10), sure[i], color=colours)
        bars.set(xlim=(0, 1), xticks=[0, 1], yticks=range(10))
        bars.invert_yaxis()
        bars.tick_params(labelsize=8, length=0)
        right = bars.get_yticklabels()[labels[i]]
        right.set(color=GREEN, weight="bold", fontsize=11)  # its bar may be too short to be seen
        if place // columns == rows - 1:
            bars.set_xlabel("output a_j", fontsize=9)
        plain(bars, grid=False)
    save(figure, path)


def tiles(axes: Axes, rows: np.ndarray, titles: Sequence[str], **colours: Any) -> AxesImage:
    """Pictures of 28 x 28 numbers in one image, with a title above each. colours: as imshow takes them."""
    columns = 8
    height = -(-len(rows) // columns)
    mosaic = np.full((35 * height, 30 * columns), np.nan)  # one image for all: many small ones are slow to draw
    for number, (row, title) in enumerate(zip(rows, titles, strict=True)):
        top, left = 35 * (number // columns) + 6, 30 * (number % columns) + 1
        mosaic[top : top + 28, left : left + 28] = row.reshape(28, 28)
        axes.text(left + 13.5, top - 1.5, title, fontsize=11, ha="center")
    axes.axis("off")
    return axes.imshow(mosaic, **colours)


def first_layer(weights: np.ndarray, ink: np.ndarray, path: Path, most: int = 32) -> None:
    """The first layer's neurons as pictures of their weights; pixels that are always white are left out."""
    shown = np.where(ink, weights[:most], np.nan)
    which = "each neuron" if len(weights) <= most else f"the first {most} of {len(weights)} neurons"
    title = f"First layer, the weights of {which}: ink on red makes a neuron fire, ink on blue stops it"
    figure = new_figure(12, 1.5 * -(-len(shown) // 8) + 0.7, title)
    axes = figure.subplots()
    limit = float(np.nanquantile(np.abs(shown), 0.995))  # symmetric, so that white is 0
    names = [f"neuron {i}" for i in range(len(shown))]
    image = tiles(axes, shown, names, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(image, ax=axes, shrink=0.8, aspect=25, label="weight", extend="both")
    save(figure, path)


def last_hidden_layer(fires: np.ndarray, liked: np.ndarray, digits: Digits, path: Path, most: int = 16) -> None:
    """For each neuron the mean of the test pictures that excite it most, and the picture made to excite it most."""
    means = mean_activations(fires, digits.test_labels)[:most]
    top = np.argsort(-fires[:, :most], axis=0)[:40]  # (40, neurons): the pictures that excite each most
    average = digits.test_images[top].mean(axis=0)  # (neurons, 784)
    figure = new_figure(12, 3.1 * -(-len(means) // 8) + 1.4, "Last hidden layer: what excites each neuron most?")
    above, below = figure.subplots(2, 1)
    above.set_title("the mean of the 40 test pictures that excite it most (above each: the digits that it fires for)")
    below.set_title("the picture that excites it even more, made by gradient ascent on the pixels: no loop, no line")
    ink = {"cmap": "gray_r", "vmin": 0, "vmax": 1}
    tiles(above, average, [f"{i}: {fires_for(row)}" for i, row in enumerate(means)], **ink)
    tiles(below, liked[:most], [f"neuron {i}" for i in range(len(means))], **ink)
    save(figure, path)
