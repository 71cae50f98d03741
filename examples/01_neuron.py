"""A neuron receives inputs, weights them, sums up and activates.

    python examples/01_neuron.py
    python examples/01_neuron.py --inputs 0.1 0.9 0.4 --bias 1

This neuron decides whether to go for a walk. Its inputs say how sunny it is, how windy, and whether there is company.

    weighs       w1 x1, w2 x2, w3 x3
    sums         z = w1 x1 + w2 x2 + w3 x3 + b     with the bias b
    activates    a = sigma(z)                      with an activation function, such as sigmoid: 1 / (1 + exp(-z))

The number a is the neuron's activation: near 1 it fires, near 0 it is inactive.
"""

from helpers import neuron as show
from helpers.program import Common, start
from helpers.training import train

from collections.abc import Sequence

import numpy as np

import nn
import tinygrad_lecture as tl

NAMES = ("sunshine", "wind", "company")


def main(settings: "Settings") -> None:
    """One neuron; what its weights, its bias and its activation function do."""
    x = tl.tensor(settings.inputs, dtype=tl.float64)  # (3,)
    w = tl.tensor(settings.weights, dtype=tl.float64)  # (3,)
    b = tl.tensor(settings.bias, dtype=tl.float64)

    # "receives inputs -> weights them -> sums up -> activates"
    weighted = w * x  # (3,)
    z = weighted.sum() + b
    a = tl.sigmoid(z)
    show.forward(NAMES, x.tolist(), w.tolist(), weighted.tolist(), b.item(), z.item(), a.item())

    # "Encouragers" and "inhibitors": what one input does when it goes from 0 to 1, by the weight of its connection
    others = z - weighted  # (3,): the sum without that input
    show.one_input(NAMES, w.tolist(), tl.sigmoid(others).tolist(), tl.sigmoid(others + w).tolist())
    sizes = tl.tensor([-5, -0.1, 0, 0.1, 5], dtype=tl.float64)
    show.weight_sizes(sizes.tolist(), tl.sigmoid(sizes).tolist())

    # "It allows the neuron to fire even when all inputs are zero, or to require a higher threshold before firing"
    biases = tl.tensor([-4, -1, 0, 1, 4], dtype=tl.float64)
    show.no_input(biases.tolist(), tl.sigmoid(w @ tl.zeros_like(x) + biases).tolist())

    # "Ensures the output stays between 0 and 1, regardless of how large or small the weighted sum becomes"
    sums = tl.tensor([-1000, -30, -5, 0, 5, 30, 1000], dtype=tl.float64)
    show.squashed(sums.tolist(), tl.sigmoid(sums).tolist(), tl.sigmoid(-sums).tolist())

    # "Other activation functions commonly used are tanh, relu, and leaky relu"; the slopes are the engine's
    table = {name: slopes(function, (-2, -0.5, 0.5, 2)) for name, function in show.ACTIVATIONS.items()}
    show.activations(table)

    # "Without bias, neurons could only learn patterns that pass through the origin"
    tl.manual_seed(settings.seed)
    points = 4 * tl.rand(200, 2) - 2  # (200, 2), each from -2 to 2
    wanted = (points.sum(axis=1) > 1).float()  # (200,): 1 on one side of the line x1 + x2 = 1
    learnt = {bias: learn(points, wanted, bias, settings.steps) for bias in (True, False)}
    show.lines(learnt, points, wanted)

    print("\nPictures:")
    show.draw_neuron(NAMES, settings.inputs, settings.weights, settings.bias, z.item(), settings.out / "neuron.png")
    curves = {name: slopes(function, np.linspace(-5, 5, 1000)) for name, function in show.ACTIVATIONS.items()}
    show.draw_activations(curves, settings.out / "activations.png")
    show.draw_weight_and_bias(settings.out / "weight_and_bias.png")
    show.draw_lines(learnt, points.numpy(), wanted.numpy(), settings.out / "without_bias.png")


def slopes(activation: show.Activation, sums: Sequence[float]) -> np.ndarray:
    """Sums z, their activations, the slopes there: (3, n). One backward finds all: each activation has its own z."""
    z = tl.tensor(sums, dtype=tl.float64, requires_grad=True)
    a = activation(z)
    a.sum().backward()
    return np.stack([z.detach().numpy(), a.detach().numpy(), z.grad.numpy()])


def learn(points: tl.Tensor, wanted: tl.Tensor, bias: bool, steps: int) -> tuple[tl.Tensor, tl.Tensor]:
    """The weights (2,) and the bias of a neuron that learns to tell two kinds of points (n, 2) apart."""
    w = tl.zeros(2, requires_grad=True)
    b = tl.zeros((), requires_grad=bias)
    optimizer = nn.optim.SGD([w, b] if bias else [w], lr=2.0)
    train(lambda: ((tl.sigmoid(points @ w + b) - wanted) ** 2).mean(), optimizer, steps)  # (n, 2) @ (2,) -> (n,)
    return w.detach(), b.detach()


class Settings(Common, out="neuron"):
    """What can be set on the command line."""

    inputs: tuple[float, float, float] = (0.9, 0.6, 0.4)  # sunshine, wind, company: each from 0 to 1
    weights: tuple[float, float, float] = (3.0, -2.0, 1.5)  # how much each of them matters; below 0: against a walk
    bias: float = -1.0  # how willing the neuron is without any input
    steps: int = 500  # steps of gradient descent, for the neurons that learn


if __name__ == "__main__":
    start(main, Settings)
