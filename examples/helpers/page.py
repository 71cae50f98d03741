"""For 00_engine_on_a_page.py: what it prints and draws."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.drawing import BLUE, ORANGE, lines, new_figure, save
from helpers.program import data

REAL = data("page.toml")["pieces"]  # on the page, in the real engine, the file


def answers(activation: str, X: np.ndarray, Y: np.ndarray, outputs: np.ndarray, costs: Sequence[float]) -> str:
    """The network's answers to the four examples, its cost before and after; returns in words how many are right."""
    if activation == "none":
        print("\nWithout the activation function of the hidden layer, two layers are no more than one, and")
        print("no straight line separates the two ones of XOR from the two zeros:")
    else:
        print("Two layers learn from the four examples of XOR, with the activation function sigmoid:")
    for (a, b), wanted, output in zip(X, Y[:, 0], outputs[:, 0], strict=True):
        print(f"  {a:g} XOR {b:g} = {wanted:g}    the network says {output:5.2f}")
    right = f"{(np.abs(outputs - Y) < 0.5).sum()} of 4 answers are right"
    if (np.abs(outputs - 0.5) < 0.005).all():
        right = "every answer is 0.50: none is decided"
    print(f"  cost {costs[0]:.3f} -> {costs[-1]:.3f} in {len(costs):,} steps; {right}")
    return right


def what_the_real_engine_adds() -> None:
    """Line by line: a piece of the page, what the real engine makes of it, and in which file."""
    print("\nWhat the real engine has instead of this page:")
    for here, there, path in REAL:
        print(f"  {here:24} {path}\n  {'':24} {there}")


def draw(nets: Mapping[str, tuple[Callable[[np.ndarray], Any], Sequence[float], str]], path: Path) -> None:
    """Each network's answer at every point between the four examples, and both costs by step."""
    title = f"XOR: {', '.join(f'with {name} {right}' for name, (_, _, right) in nets.items())}"
    figure = new_figure(13, 4.4, title)
    *maps, right = figure.subplots(1, 3)
    side = np.linspace(-0.3, 1.3, 161)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (161 * 161, 2)
    for axes, (name, (network, _, _)) in zip(maps, nets.items(), strict=True):
        answer = np.clip(network(grid).data.reshape(161, 161), 0, 1)
        extent = (side[0], side[-1], side[0], side[-1])
        image = axes.imshow(answer, cmap="cividis", vmin=0, vmax=1, extent=extent, origin="lower")
        for x, y in np.ndindex(2, 2):
            axes.text(x, y, f"{x ^ y}", ha="center", va="center", fontsize=14, weight="bold",
                      bbox={"boxstyle": "circle", "facecolor": "white"})  # fmt: skip
        axes.set(title=f"hidden layer's activation: {name}", xlabel="first input", ylabel="second input")
        axes.set(xticks=[0, 1], yticks=[0, 1])
    figure.colorbar(image, ax=maps, label="the network's answer", ticks=[0, 0.5, 1], shrink=0.85)
    curves = {f"activation: {name}": (range(len(costs)), costs) for name, (_, costs, _) in nets.items()}
    lines(right, curves, (BLUE, ORANGE), legend="best", ylim=(0, None), title="the cost while learning")
    right.set(xlabel="step of gradient descent", ylabel="cost C")
    print("\nPicture:")
    save(figure, path)
