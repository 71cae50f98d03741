"""A neuron receives inputs, weights them, sums up and activates.

    python examples/01_neuron.py
    python examples/01_neuron.py --inputs 0.1 0.9 0.4 --bias 1

This neuron decides whether to go for a walk. Its inputs say how sunny it is, how windy, and whether there is company.

    weighs       w1 x1, w2 x2, w3 x3
    sums         z = w1 x1 + w2 x2 + w3 x3 + b     with the bias b
    activates    a = sigma(z)                      with an activation function, such as sigmoid: 1 / (1 + exp(-z))

The number a is the neuron's activation: near 1 it fires, near 0 it is inactive.
"""

from helpers.program import Common, Measured, start
from helpers.training import train
from show import neuron as show

from collections.abc import Sequence

import numpy as np

import nn
import tinygrad_lecture as tl


def measure(settings: "Settings") -> Measured:
    """One neuron; what its weights, its bias and its activation function do."""
    x = tl.tensor(settings.inputs, dtype=tl.float64)  # (3,)
    w = tl.tensor(settings.weights, dtype=tl.float64)  # (3,)
    b = tl.tensor(settings.bias, dtype=tl.float64)

    # "receives inputs -> weights them -> sums up -> activates"
    weighted = w * x  # (3,)
    z = weighted.sum() + b
    a = tl.sigmoid(z)
    m = Measured(x=x.tolist(), w=w.tolist(), weighted=weighted.tolist(), b=b.item(), z=z.item(), a=a.item())
    m.windy = tl.sigmoid((w * tl.tensor([0.1, 0.9, 0.4], dtype=tl.float64)).sum() + b).item()

    # "Encouragers" and "inhibitors": what one input does when it goes from 0 to 1, by the weight of its connection
    others = z - weighted  # (3,): the sum without that input
    m.without, m.with_it = tl.sigmoid(others).tolist(), tl.sigmoid(others + w).tolist()
    m.alone = tl.sigmoid(tl.tensor(show.SIZES, dtype=tl.float64)).tolist()

    # "It allows the neuron to fire even when all inputs are zero, or to require a higher threshold before firing"
    biases = tl.tensor(show.BIASES, dtype=tl.float64)
    m.no_input = tl.sigmoid(w @ tl.zeros_like(x) + biases).tolist()
    m.threshold = tl.sigmoid(tl.tensor([3, 4, 5], dtype=tl.float64) + biases[0]).tolist()  # weighted inputs; bias -4

    # "Ensures the output stays between 0 and 1, regardless of how large or small the weighted sum becomes"
    sums = tl.tensor(show.SUMS, dtype=tl.float64)
    m.squashed, m.rest = tl.sigmoid(sums).tolist(), tl.sigmoid(-sums).tolist()

    # "Other activation functions commonly used are tanh, relu, and leaky relu"; the slopes are the engine's
    m.table = {name: slopes(function, (-2, -0.5, 0.5, 2)) for name, function in show.ACTIVATIONS.items()}
    m.below = {name: slope[0] for name, (_, _, slope) in m.table.items()}  # the slopes at z = -2
    m.curves = {name: slopes(function, np.linspace(-5, 5, 1000)) for name, function in show.ACTIVATIONS.items()}
    smooth = (m.curves[name] for name in ("sigmoid", "tanh"))
    m.slopes_differ = max(np.abs(slope - np.gradient(a, z))[1:-1].max() for z, a, slope in smooth)

    # "Without bias, neurons could only learn patterns that pass through the origin"
    m.points = 4 * tl.rand(200, 2) - 2  # (200, 2), each from -2 to 2
    m.wanted = (m.points.sum(axis=1) > 1).float()  # (200,): 1 on one side of the line x1 + x2 = 1
    m.learnt, m.away, m.right = {}, {}, {}
    for name in ("with bias", "without bias"):
        w, b = m.learnt[name] = learn(m.points, m.wanted, name == "with bias", settings.steps)
        m.away[name] = (b.abs() / w.norm()).item()  # of the line z = 0, from the origin
        m.right[name] = ((m.points @ w + b > 0) == (m.wanted > 0.5)).float().mean().item()
    return m


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
    start(measure, Settings, show.report)
