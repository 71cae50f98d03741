"""Backpropagation: how each parameter affects the cost, found by the chain rule, from the cost back.

    python examples/04_backprop.py
    python examples/04_backprop.py --layers 1 1 1 1 --activation tanh        # the simplest chain

Forward, each layer weighs and sums, s = W a, adds its bias, z = s + b, and activates, a = sigma(z). The cost is
C = sum of (a - y)². Backward asks of each step, from the last to the first: how does C change with its inputs? By the
chain rule this is how C changes with its result, times the step's own derivative. For a weight it comes to

    dC/dw = a_before · sigma'(z) · dC/da        the activation that it multiplies, the slope, the rest of the network

Every gradient is found three times: by this formula, by backward(), and by nudging the parameter and measuring. Then
the price: how long backward takes, for the digit network of 13,002 parameters, against forward and against nudging.
"""

from helpers.mnist import load_digits
from helpers.program import Common, Measured, start
from show import backprop as show

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np

import nn
import tinygrad_lecture as tl

Activation = Callable[[tl.Tensor], tl.Tensor]
Tensors = dict[str, tl.Tensor]  # by their names in the lecture: W1, b1, z1, a1, ..., C
ACTIVATIONS = {"sigmoid": tl.sigmoid, "tanh": tl.tanh, "relu": tl.relu, "leaky-relu": tl.leaky_relu}


def measure(settings: "Settings") -> Measured:
    """Forward and backward with a small network, step by step; then their price with the digit network."""
    activation = ACTIVATIONS[settings.activation]
    parameters = random_parameters(settings.layers)
    n_in, n_out = settings.layers[0], settings.layers[-1]
    drawn = [0.5, 0.9] if n_in == 2 else np.random.default_rng(settings.seed).uniform(0, 1, n_in).round(1)
    a0 = tl.tensor(drawn, dtype=tl.float64)
    y = tl.tensor([1.0] * n_out, dtype=tl.float64)

    with tl.Graph() as graph:  # it watches what is computed
        values = forward(parameters, a0, y, activation)
        values["C"].backward()
    graph.name({**parameters, **values})
    m = Measured(graph=graph, parameters=parameters, values_of=values, activation=activation)
    m.C, m.squares = values["C"].item(), values["squares"].tolist()
    number_of = {id(vertex): number for number, vertex in show.steps(graph)}
    m.order = [number_of[id(vertex)] for vertex in graph.visited]  # in which backward goes through the steps

    # "If I change this parameter by a tiny amount, how much does the cost change?"
    def cost(parameters: Tensors) -> float:
        with tl.no_grad():
            return forward(parameters, a0, y, activation)["C"].item()

    m.gradients = show.three_ways(parameters, values, graph, activation, cost)
    formula, found, nudged = np.array([numbers[-3:] for numbers in m.gradients.values()]).T
    m.by_formula, m.by_nudging = np.abs(formula - found).max(), np.abs(nudged - found).max()

    # "Adjust each parameter in the direction that reduces cost"
    m.after = cost({name: p.detach() - settings.rate * p.grad for name, p in parameters.items()})

    # "Roughly the same computational time as computing the network's output itself"
    digits = load_digits()
    images = tl.tensor(digits.train_images)  # (8500, 784)
    labels = tl.eye(10)[tl.tensor(digits.train_labels)]  # (8500, 10)
    model = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
    sizes = (1, 32, 1000, len(images))
    m.times = {n: show.measure_times(model, images[:n], labels[:n], settings.repeats) for n in sizes}
    m.ratio = np.median([back / ahead for ahead, back in m.times.values()])
    m.per_second = [n / sum(times) for n, times in m.times.items()]  # pictures that are learnt from
    m.together = max(m.per_second) / m.per_second[0]
    m.memory = [show.memory(model, images[:n], labels[:n]) / 1e6 for n in sizes]  # MB
    m.nudging = 2 * 13_002 * m.times[32][0] / m.times[32][1]  # two forward passes a parameter, against backward

    # "Averaging over multiple examples reduces noise": the gradients of small batches against that of all pictures
    m.noise = [np.mean(show.gradient_noise(model, images, labels, n, settings.seed)) for n in show.BATCHES]
    return m


# --- the small network --------------------------------------------------------------------------------------


def random_parameters(layers: tuple[int, ...]) -> Tensors:
    """W1, b1, W2, b2, ... with one decimal, to follow by hand. W: (neurons, inputs), b: (neurons,)."""
    parameters = {}
    for layer, (n_in, n_out) in enumerate(pairwise(layers), start=1):
        for name, shape in ((f"W{layer}", (n_out, n_in)), (f"b{layer}", (n_out,))):
            drawn = tl.randn(*shape, dtype=tl.float64).clip(-2, 2).numpy().round(1)
            parameters[name] = tl.tensor(drawn, requires_grad=True)
    return parameters


def forward(parameters: Tensors, a0: tl.Tensor, y: tl.Tensor, activation: Activation) -> Tensors:
    """All values on the way from the inputs a0 to the cost C."""
    values = {"a0": a0, "y": y}
    a = a0
    for layer in range(1, len(parameters) // 2 + 1):
        s = parameters[f"W{layer}"] @ a  # (neurons, inputs) @ (inputs,) -> (neurons,)
        z = s + parameters[f"b{layer}"]
        a = activation(z)
        values |= {f"s{layer}": s, f"z{layer}": z, f"a{layer}": a}
    e = a - y
    squares = e**2
    return values | {"e": e, "squares": squares, "C": squares.sum()}


class Settings(Common, out="backprop"):
    """What can be set on the command line."""

    layers: tuple[int, ...] = (2, 2, 1)  # inputs, then neurons in each layer
    activation: Literal["sigmoid", "tanh", "relu", "leaky-relu"] = "sigmoid"  # sigma, the activation function
    rate: float = 1.0  # learning rate of the step downhill
    repeats: int = 15  # how often each time is measured; the median counts
    page: bool = False  # whether to write a page on which one steps through both passes, backprop.html


if __name__ == "__main__":
    start(measure, Settings, show.report)
