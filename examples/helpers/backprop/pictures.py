"""The pictures of 04_backprop.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygrad_lecture as tl
from helpers.drawing import BLUE, DARK, GREEN, ORANGE, VERMILION, new_figure, plain, save
from tinygrad_lecture.inspect.drawing import draw_graph
from tinygrad_lecture.inspect.graph import in_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def network(
    layers: Sequence[int],
    parameters: Mapping[str, tl.Tensor],
    values: Mapping[str, tl.Tensor],
    graph: tl.Graph,
    path: Path,
) -> None:
    """Activations in the neurons, weights along the lines, gradients in red; fewer numbers where it is crowded."""
    wide, tall = 4.2, 2.0  # inches between layers, and between the neurons of one
    height = tall * max(layers)
    figure = new_figure(
        wide * len(layers) + 0.4, height + 1.7, "A network; in red how the cost changes with each number"
    )
    figure.supxlabel("lines: weights, blue above 0 and orange below, the thicker the larger", fontsize=13, color=DARK)
    axes = figure.subplots()
    axes.axis("off")
    axes.set(xlim=(-1, wide * len(layers) - 0.6), ylim=(-height / 2 - 0.2, height / 2 + 0.4), aspect="equal")
    places = [[(wide * i, tall * ((n - 1) / 2 - j)) for j in range(n)] for i, n in enumerate(layers)]
    crowded = max(n * m for n, m in pairwise(layers)) > 12
    largest = max(float(np.abs(p.detach().numpy()).max()) for p in parameters.values()) or 1.0

    for layer, (before, here) in enumerate(pairwise(places), start=1):
        weight, bias = graph[parameters[f"W{layer}"]], graph[parameters[f"b{layer}"]]
        for j, (x1, y1) in enumerate(here):
            for k, (x0, y0) in enumerate(before):
                w = weight.value[j, k]
                line = {"color": BLUE if w >= 0 else ORANGE, "linewidth": 0.8 + 4 * abs(w) / largest, "alpha": 0.6}
                axes.plot([x0, x1], [y0, y1], zorder=1, **line)
                if not crowded:  # near the left end, before lines cross, and along the line
                    pair(axes, (x0, y0), (x1, y1), f"{w:g}", weight.grad[j, k])
            if not crowded:
                pair(axes, (x1 - 1, y1 - 0.8), (x1 + 1, y1 - 0.8), f"b {bias.value[j]:g}", bias.grad[j], at=0.5)
    for layer, column in enumerate(places):
        activations = graph[values[f"a{layer}"]]
        for j, (x, y) in enumerate(column):
            axes.plot([x], [y], "o", markersize=58, markerfacecolor="white", markeredgecolor="black", zorder=2)
            a = activations.value[j]
            write(axes, x, y + (0.1 if layer else 0), f"{a:.3f}" if layer else f"{a:g}")
            if activations.grad is not None:
                write(axes, x, y - 0.14, f"{activations.grad[j]:.3f}", color=VERMILION, fontsize=12)
        name = "inputs" if layer == 0 else f"layer {layer}"
        write(axes, column[0][0], height / 2 + 0.15, rf"{name}, $a^{{({layer})}}$", fontsize=14)
    x = wide * (len(layers) - 1) + 0.65
    y = 0.15 if layers[-1] % 2 else tall / 2 + 0.15  # beside a neuron, not beside a bias
    write(axes, x, y, f"wanted y = {in_line(graph[values['y']].value)}", ha="left", fontsize=13)
    write(axes, x, y - 0.32, f"cost C = {values['C'].item():.4f}", ha="left", fontsize=13, weight="bold")
    save(figure, path)


def write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """A text, centred unless told otherwise, with proper minus signs."""
    axes.text(x, y, text.replace("-", "−"), **{"ha": "center", "va": "center", "fontsize": 13, "zorder": 3, **style})


def pair(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], value: str, gradient: float, at: float = 0.3
) -> None:
    """A parameter and, in red, its gradient, above a line from start to end."""
    along = np.subtract(end, start) / np.hypot(*np.subtract(end, start))
    x, y = np.add(start, at * np.subtract(end, start)) + 0.13 * np.array([-along[1], along[0]])
    style = {"rotation": float(np.degrees(np.arctan2(along[1], along[0]))), "rotation_mode": "anchor"}
    write(axes, *((x, y) - 0.06 * along), value, ha="right", weight="bold", **style)
    write(axes, *((x, y) + 0.06 * along), f"{gradient:.3f}", ha="left", color=VERMILION, **style)


def computation_graph(graph: tl.Graph, named: Mapping[str, tl.Tensor], path: Path) -> None:
    """Every value with its gradient, as the engine recorded them. named: the tensors by their names."""
    graph.name({in_lecture(name): tensor for name, tensor in named.items()})
    draw_graph(graph, path, "The computation graph of a network and its cost")
    print(f"  {path}")


def in_lecture(name: str) -> str:
    """A name as the lecture writes it, for matplotlib: W1 is W with a (1) above."""
    return f"${name[0]}^{{({name[1:]})}}$" if name[1:].isdigit() else name if len(name) > 1 else f"${name}$"


def price(times: Mapping[int, tuple[float, float]], noise: Mapping[int, Sequence[float]], path: Path) -> None:
    """Left: time of forward and backward by batch size. Right: the noise of the gradient by batch size."""
    figure = new_figure(13, 4.8, "A gradient costs about as much as the output; larger batches make it less noisy")
    left, right = figure.subplots(1, 2)
    where = np.arange(len(times))
    for shift, which, colour, name in (
        (-0.2, 0, BLUE, "forward: the output"),
        (0.2, 1, VERMILION, "backward: 13,002 gradients"),
    ):
        left.bar(where + shift, [1e3 * seconds[which] for seconds in times.values()], 0.4, color=colour, label=name)
    plain(left).set(
        yscale="log", xlabel="pictures at once", ylabel="milliseconds (logarithmic)", title="time of one pass"
    )
    left.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100])
    left.yaxis.set_major_formatter("{x:g}")
    left.minorticks_off()
    fastest, slowest = (most([1e3 * t for pair in times.values() for t in pair]) for most in (min, max))
    left.set_ylim(fastest / 2, 4 * slowest)  # room for the legend
    left.set_xticks(where, [f"{n:,}" for n in times])
    left.legend(edgecolor="none", loc="upper left")
    sizes = np.array(list(noise))
    right.plot(
        sizes,
        [np.mean(values) for values in noise.values()],
        "o-",
        color=GREEN,
        linewidth=2.5,
        label="mean of 20 batches",
    )
    right.plot(
        sizes,
        np.mean(noise[sizes[0]]) / np.sqrt(sizes / sizes[0]),
        ":",
        color="black",
        label="expected: that of 1 picture / sqrt(batch size)",
    )
    plain(right).set(
        xscale="log", yscale="log", xlabel="pictures in a batch (logarithmic)", title="noise of the gradient"
    )
    right.set_ylabel("distance from the gradient of all pictures,\nrelative to its length (logarithmic)")
    right.set_xticks(sizes, [str(n) for n in sizes])
    right.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1])
    right.yaxis.set_major_formatter("{x:g}")
    right.minorticks_off()
    right.legend(edgecolor="none")
    save(figure, path)
