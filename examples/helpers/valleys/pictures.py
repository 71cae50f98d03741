"""The pictures of 21_valleys.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREY, ORANGE, VERMILION, new_figure, plain, save
from helpers.valleys.report import LEARNT, are_stuck, have_left


def courses(costs: np.ndarray, curvatures: np.ndarray, path: Path) -> None:
    """Left: the cost of every descent by step. Right: the eigenvalues of the Hessian at the starts."""
    stuck = are_stuck(costs)
    learnt, n = (costs[-1] < LEARNT).sum(), costs.shape[1]
    title = f"XOR from {n} starts: {learnt} descents reach cost 0, {stuck.sum()} (orange) end in other valleys"
    figure = new_figure(13, 5, title)
    left, right = figure.subplots(1, 2)
    steps = np.arange(1, len(costs) + 1)
    left.plot(steps, costs[:, ~stuck], color=BLUE, linewidth=1, alpha=0.7)
    left.plot(steps, costs[:, stuck], color=ORANGE, linewidth=1.5, alpha=0.9)
    plain(left).set(
        xscale="log", xlabel="step of gradient descent (logarithmic)", ylabel="cost C", title="the cost", ylim=(0, None)
    )
    values = curvatures.ravel()
    limits = np.linspace(-max(abs(values)), max(abs(values)), 41)
    right.hist(values[values < 0], bins=limits, color=VERMILION, label="negative: a direction that curves down")
    right.hist(values[values >= 0], bins=limits, color=GREY, label="positive: a direction that curves up")
    plain(right).set(yscale="log", xlabel="eigenvalue of the Hessian at a start", ylabel="how many (logarithmic)")
    both = ((curvatures.min(axis=1) < 0) & (curvatures.max(axis=1) > 0)).sum()
    right.set_title(f"both signs at {both} of {len(curvatures)} starts, as at a saddle")
    right.set_ylim(None, 10 * right.get_ylim()[1])
    right.legend(edgecolor="none", loc="upper center")
    save(figure, path)


def saddle(batch: np.ndarray, stochastic: np.ndarray, path: Path) -> None:
    """The cost near a saddle, batch descent beside stochastic descent, from one start."""
    n = batch.shape[1]
    title = (
        f"Who leaves a saddle? {have_left(batch)} of {n} batch descents, {have_left(stochastic)} of {n} stochastic ones"
    )
    figure = new_figure(11, 5, title)
    axes = plain(figure.subplots())
    axes.plot(stochastic[:, 0], color=ORANGE, linewidth=1.5, label="stochastic: one example a step")
    axes.plot(batch[:, 0], color=BLUE, linewidth=3, label="batch: all four examples a step")
    axes.axhline(1, color=GREY, linestyle=":")
    axes.set(xlabel=f"step, of one of the {n} starts", ylabel="cost of all four examples", ylim=(0, 1.9))
    arrow = {"arrowstyle": "->", "color": "black"}
    where = 0.7 * len(batch)
    axes.annotate(
        "the saddle: cost 1, every answer is 0.5", (where, 1), (where, 0.35), arrowprops=arrow, fontsize=12, ha="center"
    )
    axes.legend(edgecolor="none", loc="upper right", ncols=2)
    save(figure, path)


def approximation(x: np.ndarray, y: np.ndarray, fits: Mapping[int, np.ndarray], path: Path) -> None:
    """A panel for each width with the curve and the fit; last the error against the width."""
    columns = 3
    rows = -(-(len(fits) + 1) // columns)
    figure = new_figure(
        4.8 * columns, 3.4 * rows + 0.6, "Universal approximation: the wider the network, the closer the fit"
    )
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    errors = {width: float(((outputs[:, 0] - y) ** 2).mean()) for width, outputs in fits.items()}
    for axes, (width, outputs) in zip(panels, fits.items(), strict=False):
        plain(axes).plot(x, y, color=GREY, linewidth=6, alpha=0.5, label="the curve")
        axes.plot(x, outputs, color=BLUE, linewidth=2, label="the network")
        axes.set(
            xlim=(-1, 1),
            xticks=(-1, -0.5, 0, 0.5, 1),
            ylim=(y.min() - 0.3, y.max() + 0.3),
            xlabel="input x",
            ylabel="output",
        )
        axes.set_title(f"{width} hidden neuron{'s' * (width > 1)}: mean squared error {errors[width]:.2g}", fontsize=12)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, edgecolor="none")
    last = plain(panels[len(fits)])
    last.plot(list(errors), list(errors.values()), "o-", color=VERMILION, linewidth=2)
    last.set(
        xscale="log",
        yscale="log",
        xlabel="hidden neurons (logarithmic)",
        ylabel="mean squared error",
        title="the error against the width",
    )
    last.set_xticks(list(errors), [str(width) for width in errors])
    last.minorticks_off()
    for axes in panels[len(fits) + 1 :]:
        axes.axis("off")
    save(figure, path)
