"""Valleys and saddle points: what a network could be, and what gradient descent finds.

    python examples/21_valleys.py
    python examples/21_valleys.py --hidden 3 --starts 100

XOR is 1 if exactly one of two inputs is 1. A network of 2-2-1 neurons can compute it, yet gradient descent does not
find such weights from every start. The Hessian, the matrix of second derivatives, tells valleys from saddles. Its
eigenvalues are curvatures: all positive in a valley, of both signs at a saddle, where some directions lead down.

At the end, width and depth. Universal approximation: the wider the hidden layer, the closer a network can come to any
continuous curve. And what each layer of a deep network has made of a digit, by what can be read from it.
"""

from helpers.mnist import Digits, coarser, hidden_layers, load_digits
from helpers.program import Common, Measured, start, until_ctrl_c
from helpers.training import train
from show import valleys as show

from collections.abc import Callable

import numpy as np

import nn
import tinygrad_lecture as tl

X = tl.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=tl.float64)  # (4, 2): all examples of XOR
Y = tl.tensor([[0], [1], [1], [0]], dtype=tl.float64)  # (4, 1)
Random = np.random.Generator
Weights = list[tl.Tensor]  # of many networks at once: W1, b1, W2, b2


def measure(settings: "Settings") -> Measured:
    """XOR from many starts, the curvature there, saddles, valleys, and a curve learnt by wider and wider networks."""
    draw = np.random.default_rng(settings.seed)
    starts, hidden, how = settings.starts, settings.hidden, (2.0, settings.steps)  # rate, and steps of each descent
    m = Measured(starts=starts)

    # "Gradient descent finds a local minimum (nearby valley) but might miss the global minimum"
    begin = random_weights(starts, hidden, 1.0)
    end, m.courses = descend(begin, *how)  # (steps, starts): the costs
    stuck = np.flatnonzero(show.are_stuck(m.courses))
    m.learnt, m.stuck = int((m.courses[-1] < show.LEARNT).sum()), len(stuck)

    # "In high dimensions, most points are neither maxima nor minima, but saddle points"
    m.at_starts = curvatures(begin)  # (starts, parameters)
    m.both_signs = show.have_both_signs(m.at_starts).mean()

    # "SGD ... can escape local minima due to noise": first from a saddle point, then from the valleys found above
    small = random_weights(starts, hidden, 0.01)  # near 0 all neurons are alike: a saddle
    m.near_saddle = curvatures(small)
    m.saddle = {"batch": descend(small, *how)[1], "stochastic": descend(small, *how, draw)[1]}
    steps = min(map(len, m.saddle.values()))  # after Ctrl-C one may have fewer
    m.left = {name: int((costs[steps - 1] < 0.9).sum()) for name, costs in m.saddle.items()}  # cost 1: the saddle
    m.escaped, m.flat_cost, m.flat_weight = 0, [0.0, 0.0], [0.0, 0.0]
    if m.stuck:
        valleys = [w[stuck] for w in end]
        m.escaped = int((descend(valleys, *how, draw)[1][-1] < show.LEARNT).sum())
        further, costs = descend(valleys, *how)  # with all examples a step, for comparison
        m.flat_cost, m.flat_weight = np.median(costs[[0, -1]], axis=1), [show.largest(valleys), show.largest(further)]
    m.wider = [m.learnt / starts]
    for more in (2, 4):  # times as many hidden neurons
        _, costs = descend(random_weights(starts, more * hidden, 1.0), *how)
        m.wider.append((costs[-1] < show.LEARNT).mean())

    # "Neural networks with sufficient hidden units can approximate any continuous function to arbitrary accuracy"
    m.x = tl.linspace(-1, 1, 200).reshape(-1, 1)  # (200, 1)
    m.y = 0.6 * tl.sin(5 * m.x) * tl.exp(-0.4 * m.x) + 0.4 * tl.sin(11 * m.x + 1)
    m.fits = {width: fit_curve(width, m.x, m.y, settings.fit_steps) for width in (1, 2, 4, 16, 64)}  # hidden neurons
    m.errors = [((fit - m.y) ** 2).mean().item() for fit in m.fits.values()]
    m.size_of_curve = (m.y**2).mean().item()  # the error of a network that always says 0

    # "In high dimensions ..." once more, and "increasingly complex patterns through multiple layers": on digits
    digits = load_digits()
    m.on_the_way, m.critical = many_dimensions(digits, draw)
    m.saddles = (m.critical[1:] > 0).mean()
    m.read, m.read_at_random = depth(digits, settings.deep_steps, draw)
    m.gained = np.diff(m.read["digit"])
    return m


# --- XOR ----------------------------------------------------------------------------------------------------


def random_weights(starts: int, hidden: int, size: float, inputs: int = 2, outputs: int = 1) -> Weights:
    """The weights of many networks inputs-hidden-outputs, drawn with this standard deviation."""
    shapes = (inputs, hidden), (1, hidden), (hidden, outputs), (1, outputs)
    return [size * tl.randn(starts, *shape, dtype=tl.float64) for shape in shapes]


def costs_of(weights: Weights, x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
    """The cost of each network on its examples x (..., n, 2), y (..., n, 1): (starts,)."""
    W1, b1, W2, b2 = weights
    a = tl.sigmoid(x @ W1 + b1)  # (n, 2) @ (starts, 2, hidden) -> (starts, n, hidden)
    a = tl.sigmoid(a @ W2 + b2)  # (starts, n, hidden) @ (starts, hidden, 1) -> (starts, n, 1)
    return ((a - y) ** 2).sum(axis=(-2, -1))


def descend(
    weights: Weights, rate: float, steps: int, draw: Random | None = None, x: tl.Tensor = X, y: tl.Tensor = Y
) -> tuple[Weights, np.ndarray]:
    """Gradient descent of many networks at once; with `draw` stochastic, after one example a step instead of all.

    Returns the weights at the end, and the cost of all examples before each step, (steps, starts).
    """
    weights = [w.detach().clone().requires_grad_() for w in weights]
    optimizer = nn.optim.SGD(weights, lr=rate)
    costs = []
    for _ in until_ctrl_c(range(steps)):
        C = costs_of(weights, x, y)  # no network's weights change another's cost
        costs.append(C.detach().numpy())
        if draw is not None:
            one = draw.integers(len(x), size=(len(weights[0]), 1))  # an example for each network
            C = costs_of(weights, x[one], y[one])
        optimizer.zero_grad()
        C.sum().backward()
        optimizer.step()
    return [w.detach() for w in weights], np.stack(costs)


def curvatures(weights: Weights, x: tl.Tensor = X, y: tl.Tensor = Y) -> np.ndarray:
    """The eigenvalues of the Hessian of each network's cost, (starts, parameters)."""
    return np.stack([curvature(lambda w: costs_of(w, x, y).sum(), list(one)) for one in zip(*weights, strict=True)])


def curvature(cost: Callable[[Weights], tl.Tensor], weights: Weights) -> np.ndarray:
    """The eigenvalues of the Hessian of a network's cost, (parameters,). cost: given the weights, as `costs_of`."""
    ends = np.cumsum([w.numel() for w in weights]).tolist()

    def of_all(p: tl.Tensor) -> tl.Tensor:  # p: (parameters,)
        pieces = [p[end - w.numel() : end] for w, end in zip(weights, ends, strict=True)]
        return cost([piece.reshape(w.shape) for piece, w in zip(pieces, weights, strict=True)])

    H = tl.func.hessian(of_all)(tl.cat([w.flatten() for w in weights]))  # (parameters, parameters)
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


# --- on digits: curvature in many dimensions, and what can be read from each layer ---------------------------


def many_dimensions(digits: Digits, draw: Random) -> tuple[list[list[float]], np.ndarray]:
    """Curvatures in 172 dimensions, on the way down; and where all points with gradient 0 are known.

    Returns at five points the cost and the share of curvatures that are negative; and for a linear network the number
    of them at the lowest point with gradient 0, and at ten others.
    """
    x = tl.tensor(coarser(digits.train_images[:200], 4), dtype=tl.float64)  # (200, 16)
    y = tl.tensor(np.eye(10)[digits.train_labels[:200]])  # (200, 10)
    weights, way = random_weights(1, 6, 0.5, 16, 10), []
    for steps in (1, 9, 90, 900, 4000):
        weights, _ = descend(weights, 0.01, steps, x=x, y=y)
        cost, eigenvalues = costs_of(weights, x, y).item() / len(x), curvatures(weights, x, y)
        way.append([cost, (eigenvalues < -1e-9).mean()])
    kinds = [range(5), *(draw.choice(10, 5, replace=False) for _ in range(10))]
    points = [map(tl.tensor, show.critical_point(x.numpy(), y.numpy(), kind)) for kind in kinds]  # of x @ W1 @ W2
    found = np.stack([curvature(lambda w: ((x @ w[0] @ w[1] - y) ** 2).sum(), [*point]) for point in points])
    return way, (found < -1e-9 * found.max(axis=1, keepdims=True)).sum(axis=1)


def depth(digits: Digits, steps: int, draw: Random) -> list[dict[str, list[float]]]:
    """What linear probes read from the pixels and each layer of a network that learns digits: afterwards, and before.

    Each is a dict: the pattern that is read -> the share of its variance that is explained, by layer.
    """
    x, new = (coarser(images, 14) for images in (digits.train_images, digits.test_images))  # (n, 196), (m, 196)
    model = nn.MLP([196, 32, 32, 32, 32, 10], nn.ReLU)
    untrained = hidden_layers(model, x), hidden_layers(model, new)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.003)

    def loss_of_digits() -> tl.Tensor:
        chosen = draw.integers(0, len(x), 64)
        return nn.functional.cross_entropy(model(tl.tensor(x[chosen])), tl.tensor(digits.train_labels[chosen]))

    train(loss_of_digits, optimizer, steps, nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps))
    trained = hidden_layers(model, x), hidden_layers(model, new)
    pictures, labels = (digits.train_images, digits.test_images), (digits.train_labels, digits.test_labels)
    patterns = {  # what is to be read, of the training pictures and of the test pictures
        "ink": [coarser(images, 4) for images in pictures],
        "holes": [show.have_holes(images)[:, None] for images in pictures],
        "digit": [np.eye(10)[which] for which in labels],
    }.items()
    return [
        {name: [show.explained(*layer, *wanted) for layer in zip(*some, strict=True)] for name, wanted in patterns}
        for some in (trained, untrained)
    ]


class Settings(Common, out="valleys"):
    """What can be set on the command line."""

    hidden: int = 2  # neurons in the hidden layer of the XOR network
    starts: int = 40  # random weights to start from
    steps: int = 2000  # steps of each descent
    fit_steps: int = 1500  # steps of training for each of them
    deep_steps: int = 2500  # steps of training for the deep network that reads digits


if __name__ == "__main__":
    start(measure, Settings, show.report)
