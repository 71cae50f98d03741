"""The pictures of 03_gradient_descent.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import nn
from helpers.descent.report import SEARCHES, Descent, Valley, verdict
from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, VERMILION, new_figure, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def heights(points: nn.TensorDataset, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cost of the lines w x + b on a grid: w (n,), b (m,) -> (m, n)."""
    x, y = (t.numpy() for t in points.tensors)
    return ((w[:, None] * x + b[:, None, None] - y) ** 2).mean(axis=-1)


def grid(valley: Valley) -> tuple[np.ndarray, np.ndarray]:
    """w and b around the valley, wide enough for the start."""
    return np.linspace(-2.4, 4.4, 161), np.linspace(-3.8, 3.0, 161)


def contours(axes: Axes, points: nn.TensorDataset, valley: Valley) -> None:
    """The landscape from above: the lighter, the lower; a cross at the lowest point."""
    w, b = grid(valley)
    cost = heights(points, w, b)
    levels = np.geomspace(valley.cost, cost.max(), 16)
    axes.contourf(w, b, np.log(cost), np.log(levels), cmap="Greys", vmax=2.2 * np.log(levels[-1]))
    axes.contour(w, b, np.log(cost), np.log(levels), colors="white", linewidths=0.6)
    axes.plot(valley.w, valley.b, "+", color="black", markersize=14, markeredgewidth=2, zorder=5)
    axes.set(xlim=(w[0], w[-1]), ylim=(b[0], b[-1]), xlabel="w", ylabel="b", aspect="equal")


def landscape(points: nn.TensorDataset, valley: Valley, start: tuple[float, float], path: Path) -> None:
    """Three lines among the points, and where they are in the landscape: as a surface, and from above."""
    figure = new_figure(15, 5.2, "Every line is a point of the cost landscape; the best line is its lowest point")
    left = plain(figure.add_subplot(1, 3, 1))
    middle = figure.add_subplot(1, 3, 2, projection="3d")
    right = figure.add_subplot(1, 3, 3)
    x, y = (t.numpy() for t in points.tensors)
    left.plot(x, y, "o", color=GREY, markersize=5)
    w, b = grid(valley)
    cost = heights(points, w, b)
    rim = 1.4 * heights(points, np.array([start[0]]), np.array([start[1]])).item()
    bowl = np.where(cost < rim, cost, np.nan)  # cut off where it would hide the valley
    middle.plot_surface(
        w, b[:, None], bowl, color="#b9c7d6", rcount=40, ccount=40, edgecolor="white", linewidth=0.4, alpha=0.8
    )
    middle.set(xlabel="w", zlabel="cost", title="the cost of every line")
    middle.set_ylabel("b", labelpad=12)
    middle.set_zticks(range(0, int(rim) + 1, 5))
    middle.view_init(elev=45, azim=-75)  # w from left to right, b from the front to the back, as on the map
    contours(right, points, valley)
    half = (start[0] + valley.w) / 2, (start[1] + valley.b) / 2
    for name, (slope, offset), colour in (
        ("start", start, VERMILION),
        ("halfway", half, ORANGE),
        ("best", (valley.w, valley.b), BLUE),
    ):
        height = heights(points, np.array([slope]), np.array([offset])).item()
        formula = f"y = {slope:.1f} x {'−' if offset < 0 else '+'} {abs(offset):.1f}".replace("-", "−")
        left.axline((0, offset), slope=slope, color=colour, linewidth=2, label=f"{name}: {formula}, cost {height:.2f}")
        middle.plot([slope], [offset], [height], "o", color=colour, markersize=9, zorder=10)
        right.plot(slope, offset, "o", color=colour, markersize=9)
        right.annotate(name, (slope, offset), (9, 5), textcoords="offset points", color="black")
    left.set(
        xlabel="x", ylabel="y", xlim=(-0.7, 2.2), ylim=(y.min() - 1.5, y.max() + 3), title="the points and three lines"
    )
    left.legend(edgecolor="none", fontsize=10, loc="upper center")
    right.set_title("the same from above: lighter is lower")
    save(figure, path)


def costs(axes: Axes, valley: Valley) -> None:
    """A logarithmic axis for costs, with the lowest cost as a dotted line."""
    plain(axes).axhline(valley.cost, color="black", linewidth=1, linestyle=":")
    axes.set(yscale="log", ylabel="cost of all points (logarithmic)")
    axes.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20, 50, 100])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def rates(points: nn.TensorDataset, valley: Valley, trials: Sequence[Descent], path: Path) -> None:
    """A panel for each learning rate: its path on the landscape; below, its w by step."""
    n = len(trials)
    figure = new_figure(3.7 * n, 7.4, "Learning rates: too small creeps, too large oscillates, larger still diverges")
    grid = figure.subplots(2, n, squeeze=False, height_ratios=[1.25, 1])
    for (above, below), trial, colour in zip(grid.T, trials, [BLUE, GREEN, ORANGE, VERMILION] * n, strict=False):
        contours(above, points, valley)
        above.plot(*trial.path.T, ".-", color=colour, linewidth=1.5, markersize=6)
        above.set_title(f"{trial.label}: {verdict(trial, valley).split(':')[0]}", fontsize=13)
        plain(below).axhline(valley.w, color="black", linewidth=1, linestyle=":")
        low, high = above.get_xlim()
        w = trial.path[:, 0]
        outside = np.flatnonzero((w < low) | (w > high))
        below.plot(w[: outside[0] + 1] if len(outside) else w, ".-", color=colour, linewidth=1.5, markersize=5)
        below.set(xlabel="step", ylabel="w", xlim=(-1, len(trials[0].path)), ylim=(low, high))
        first, last = (f"{cost:.2f}" if cost < 100 else f"{cost:,.0f}" for cost in trial.costs[[0, -1]])
        below.set_title(f"cost {first} → {last}", fontsize=12)
    grid[1, 0].annotate("the best w", (1, valley.w), (-4, 5), xycoords=("axes fraction", "data"), ha="right",
                        textcoords="offset points", fontsize=10)  # fmt: skip
    save(figure, path)


def ways(points: nn.TensorDataset, valley: Valley, descents: Sequence[Descent], path: Path) -> None:
    """The three paths on one landscape; the cost by step, and by points looked at."""
    title = "The fewer points a step looks at, the more the path trembles, and the cheaper is each step"
    figure = new_figure(14, 7, title)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.35, 1])
    map_ = figure.add_subplot(grid[:, 0])
    contours(map_, points, valley)
    above, below = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
    for axes in (above, below):
        costs(axes, valley)
    for descent, colour in zip(reversed(descents), (ORANGE, GREEN, BLUE), strict=True):
        label = (
            f"{descent.label} ({descent.batch} points a step)"
            if descent.batch > 1
            else f"{descent.label} (1 point a step)"
        )
        map_.plot(*descent.path.T, ".-", color=colour, linewidth=1.5, markersize=5, label=label)
        above.plot(descent.costs, color=colour, linewidth=2)
        below.plot(descent.looked_at[1:], descent.costs[1:], ".-", color=colour, linewidth=2)
    map_.annotate("start", descents[0].path[0], (-8, 8), textcoords="offset points", ha="right")
    map_.set_title(f"{len(descents[0].path) - 1} steps of each, rate {descents[0].rate:.3g}")
    map_.legend(loc="upper right")
    above.set(title="by step, batch descent is the smoothest", xlabel="step")
    below.set(
        title="by points looked at, stochastic descent is the fastest",
        xscale="log",
        xlabel="points looked at (logarithmic)",
    )
    save(figure, path)


def high_dimensions(
    falls: Mapping[float, Sequence[float]], histories: Mapping[str, Sequence[float]], path: Path
) -> None:
    """Left: how far the cost falls along random directions and along the gradient. Right: descent against search."""
    figure = new_figure(
        13, 4.8, "In 13,002 dimensions, no random direction and no random search comes near the gradient"
    )
    left, right = figure.subplots(1, 2)
    length = sorted(falls)[len(falls) // 2]
    gradient, *others = falls[length]
    plain(left).hist(others, bins=30, color=GREY, label=f"{len(others):,} random directions")
    left.axvline(gradient, color=VERMILION, linewidth=3, label="against the gradient")
    left.axvline(0, color=DARK, linewidth=1, linestyle=":")
    left.set(xlabel=f"by how much the cost falls in a step of length {length:g}", ylabel="directions", title="one step")
    left.legend(edgecolor="none", loc="upper center")
    for (name, values), colour in zip(histories.items(), (BLUE, ORANGE, GREEN), strict=True):
        right.plot(
            np.arange(1, len(values) + 1),
            values,
            color=colour,
            linewidth=2.5,
            label=f"{name}{', ' + SEARCHES[name] if name in SEARCHES else ''}",
        )
    plain(right).set(
        xlabel="evaluations of the cost",
        ylabel="cost C (random search: lowest so far)",
        ylim=(0, None),
        title="many steps",
    )
    right.legend(edgecolor="none", loc="upper right", fontsize=10)
    save(figure, path)
