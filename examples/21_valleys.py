"""Valleys and saddle points: what a network could be, and what gradient descent finds.

    python examples/21_valleys.py
    python examples/21_valleys.py --hidden 3 --starts 100

XOR is 1 if exactly one of two inputs is 1. A network of 2-2-1 neurons can compute it, yet gradient descent does not
find such weights from every start. The Hessian, the matrix of second derivatives, tells valleys from saddles. Its
eigenvalues are curvatures: all positive in a valley, of both signs at a saddle, where some directions lead down.

At the end, universal approximation: the wider the hidden layer, the closer a network can come to any continuous curve.
"""

from helpers import valleys as show
from helpers.program import Common, check, start, until_ctrl_c
from helpers.training import train

import math
from dataclasses import dataclass

import numpy as np

import nn
import tinygrad_lecture as tl

X = tl.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=tl.float64)  # (4, 2): all examples of XOR
Y = tl.tensor([[0], [1], [1], [0]], dtype=tl.float64)  # (4, 1)
Weights = list[tl.Tensor]  # of many networks at once: W1, b1, W2, b2


def main(settings: "Settings") -> None:
    """XOR from many starts, the curvature there, saddles, valleys, and a curve learnt by wider and wider networks."""
    tl.manual_seed(settings.seed)
    draw = np.random.default_rng(settings.seed)

    # "Gradient descent finds a local minimum (nearby valley) but might miss the global minimum"
    begin = random_weights(settings.starts, settings.hidden, 1.0)
    end, courses = descend(begin, settings.rate, settings.steps)  # courses: (steps, starts), the costs
    show.ends(courses, settings.hidden)

    # "In high dimensions, most points are neither maxima nor minima, but saddle points"
    curvatures = np.stack([curvature(begin, i) for i in range(settings.starts)])  # (starts, parameters)
    show.curvatures(curvatures, curvature(end, int(courses[-1].argmin())))

    # "SGD ... can escape local minima due to noise": first from a saddle point, then from the valleys found above
    small = random_weights(settings.starts, settings.hidden, 0.01)  # near 0 all neurons are alike: a saddle
    _, whole = descend(small, settings.rate, settings.steps)
    _, noisy = descend(small, settings.rate, settings.steps, draw)
    show.saddle(whole, noisy)
    stuck = np.flatnonzero(show.are_stuck(courses))
    if len(stuck):
        _, again = descend([w[stuck] for w in end], settings.rate, settings.steps, draw)
        show.valleys(again[-1], end, stuck)
    wider = {}
    for hidden in (2, 3, 4, 8):
        _, costs = descend(random_weights(settings.starts, hidden, 1.0), settings.rate, settings.steps)
        wider[hidden] = float((costs[-1] < 0.05).mean())
    show.wider(wider)

    # "Neural networks with sufficient hidden units can approximate any continuous function to arbitrary accuracy"
    x = tl.linspace(-1, 1, 200).reshape(-1, 1)  # (200, 1)
    y = 0.6 * tl.sin(5 * x) * tl.exp(-0.4 * x) + 0.4 * tl.sin(11 * x + 1)
    fits = {width: fit_curve(width, x, y, settings.fit_steps).numpy() for width in settings.widths}
    show.approximation(fits, y.numpy())

    print("\nPictures:")
    show.draw_courses(courses, curvatures, settings.out / "xor.png")
    show.draw_saddle(whole, noisy, settings.out / "saddle.png")
    show.draw_approximation(x.numpy()[:, 0], y.numpy()[:, 0], fits, settings.out / "approximation.png")


# --- XOR ----------------------------------------------------------------------------------------------------


def random_weights(starts: int, hidden: int, size: float) -> Weights:
    """The weights of many networks 2-hidden-1, drawn with this standard deviation."""
    shapes = (2, hidden), (1, hidden), (hidden, 1), (1, 1)
    return [size * tl.randn(starts, *shape, dtype=tl.float64) for shape in shapes]


def costs_of(weights: Weights, x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
    """The cost of each network on its examples x (..., n, 2), y (..., n, 1): (starts,)."""
    W1, b1, W2, b2 = weights
    a = tl.sigmoid(x @ W1 + b1)  # (n, 2) @ (starts, 2, hidden) -> (starts, n, hidden)
    a = tl.sigmoid(a @ W2 + b2)  # (starts, n, hidden) @ (starts, hidden, 1) -> (starts, n, 1)
    return ((a - y) ** 2).sum(axis=(1, 2))


def descend(
    weights: Weights, rate: float, steps: int, draw: np.random.Generator | None = None
) -> tuple[Weights, np.ndarray]:
    """Gradient descent of many networks at once; with `draw` stochastic, after one example a step instead of all four.

    Returns the weights at the end, and the cost of all four examples at each step, (steps, starts).
    """
    weights = [w.detach().clone().requires_grad_() for w in weights]
    optimizer = nn.optim.SGD(weights, lr=rate)
    costs = []
    for _ in until_ctrl_c(range(steps)):
        examples = slice(None) if draw is None else draw.integers(4, size=(len(weights[0]), 1))  # one for each network
        optimizer.zero_grad()
        C = costs_of(weights, X[examples], Y[examples]).sum()  # no network's weights change another's cost
        C.backward()
        optimizer.step()
        with tl.no_grad():
            costs.append(costs_of(weights, X, Y).numpy())
    return [w.detach() for w in weights], np.stack(costs)


def curvature(weights: Weights, i: int) -> np.ndarray:
    """The eigenvalues of the Hessian of network i, (parameters,)."""
    shapes = [w.shape[1:] for w in weights]
    ends = np.cumsum([math.prod(shape) for shape in shapes])

    def cost(p: tl.Tensor) -> tl.Tensor:  # p: (parameters,)
        pieces = [p[end - math.prod(shape) : end] for shape, end in zip(shapes, ends.tolist(), strict=True)]
        return costs_of([piece.reshape(1, *shape) for piece, shape in zip(pieces, shapes, strict=True)], X, Y).sum()

    H = tl.func.hessian(cost)(tl.cat([w[i].flatten() for w in weights]))  # (parameters, parameters)
    return np.linalg.eigvalsh(H.numpy())


# --- universal approximation --------------------------------------------------------------------------------


def fit_curve(width: int, x: tl.Tensor, y: tl.Tensor, steps: int) -> tl.Tensor:
    """What a network 1-width-1 with tanh makes of x (n, 1), once it has learnt the curve y (n, 1)."""
    model = nn.MLP([1, width, 1], nn.Tanh)
    nn.init.uniform_(model[0].weight, -6, 6)  # each neuron is a step, up or down, more or less steep
    with tl.no_grad():  # and where it is, -b/w, is drawn from all over the interval
        model[0].bias.copy_(model[0].weight[:, 0] * (2 * tl.rand(width) - 1))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.03)
    schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)  # down to 0 at the end
    train(lambda: nn.functional.mse_loss(model(x), y), optimizer, steps, schedule)
    return model(x).detach()


@dataclass
class Settings(Common, out="valleys"):
    """What can be set on the command line."""

    hidden: int = 2
    """neurons in the hidden layer of the XOR network"""
    starts: int = 40
    """random weights to start from"""
    steps: int = 2000
    """steps of each descent"""
    rate: float = 2.0
    """learning rate for XOR"""
    widths: tuple[int, ...] = (1, 2, 4, 16, 64)
    """hidden neurons of the networks that learn a curve"""
    fit_steps: int = 1500
    """steps of training for each of them"""

    def __post_init__(self) -> None:
        check(self, rate=0, widths=1)


if __name__ == "__main__":
    start(main, Settings)
