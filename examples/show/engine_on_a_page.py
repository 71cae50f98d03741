"""The picture of 00_engine_on_a_page.py, pictures/xor.png. The page needs NumPy alone, so its picture is drawn here.

cd examples && python -m helpers.page
"""

import runpy
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, ORANGE, lines, new_figure, save

EXAMPLES = Path(__file__).parent.parent


def draw(path: Path) -> None:
    """XOR with an activation function and without: the answer at every point between the examples, the cost by step."""
    page = runpy.run_path(str(EXAMPLES / "00_engine_on_a_page.py"))
    X, Y = page["XOR"]
    side = np.linspace(-0.3, 1.3, 161)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (161 * 161, 2)
    figure = new_figure(13, 4.4)
    *maps, right = figure.subplots(1, 3)
    curves, activations = {}, {"sigmoid": page["Tensor"].sigmoid, "none": lambda z: z}
    for axes, (name, activation) in zip(maps, activations.items(), strict=True):
        layers, costs = page["train"]([2, 4, 1], [(X, Y)] * 2000, 5, activation)
        answers = page["network"](np.concatenate([X, grid]), layers, activation).data
        image = axes.imshow(answers[4:].reshape(161, 161), cmap="cividis", vmin=0, vmax=1, origin="lower",
                            extent=(side[0], side[-1], side[0], side[-1]))  # fmt: skip
        for x, y in X:
            axes.text(x, y, f"{x ^ y}", ha="center", va="center", fontsize=14, weight="bold",
                      bbox={"boxstyle": "circle", "facecolor": "white"})  # fmt: skip
        correct = (np.abs(answers[:4] - Y) < 0.499).sum()
        axes.set(title=f"activation {name}: {correct} of 4 right", xlabel="first input", ylabel="second input")
        axes.set(xticks=[0, 1], yticks=[0, 1])
        curves[f"activation: {name}"] = range(len(costs)), costs
    figure.colorbar(image, ax=maps, label="the network's answer", ticks=[0, 0.5, 1], shrink=0.85)
    lines(right, curves, (BLUE, ORANGE), legend="best", ylim=(0, None), title="the cost while learning")
    right.set(xlabel="step of gradient descent", ylabel="cost C")
    save(figure, path)


if __name__ == "__main__":
    draw(EXAMPLES / "pictures" / "xor.png")
