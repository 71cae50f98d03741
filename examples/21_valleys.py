"""Valleys and saddle points: what a network could be, and what gradient descent finds.

    python examples/21_valleys.py
    python examples/21_valleys.py --hidden 3 --starts 100

XOR is 1 if exactly one of two inputs is 1. A network of 2-2-1 neurons can compute it, yet gradient descent does not
find such weights from every start. The Hessian, the matrix of second derivatives, tells valleys from saddles. Its
eigenvalues are curvatures: all positive in a valley, of both signs at a saddle, where some directions lead down.

At the end, width and depth. Universal approximation: the wider the hidden layer, the closer a network can come to any
continuous curve. And what each layer of a deep network has made of a digit, by what can be read from it.
"""

from helpers import valleys as show
from helpers.digits import hidden_layers
from helpers.mnist import Digits, coarser, load_digits
from helpers.program import Common, check, start, until_ctrl_c
from helpers.training import train
from helpers.valleys import critical_point, explained, have_holes

from collections.abc import Callable

import numpy as np

import nn
import tinygrad_lecture as tl

X = tl.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=tl.float64)  # (4, 2): all examples of XOR
Y = tl.tensor([[0], [1], [1], [0]], dtype=tl.float64)  # (4, 1)
Random = np.random.Generator
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
    def of_xor(weights: Weights) -> tl.Tensor:
        return costs_of(weights, X, Y).sum()

    curvatures = np.stack([curvature(of_xor, [w[i] for w in begin]) for i in range(settings.starts)])
    show.curvatures(curvatures, curvature(of_xor, [w[int(courses[-1].argmin())] for w in end]))  # (starts, parameters)

    # "SGD ... can escape local minima due to noise": first from a saddle point, then from the valleys found above
    small = random_weights(settings.starts, settings.hidden, 0.01)  # near 0 all neurons are alike: a saddle
    _, whole = descend(small, settings.rate, settings.steps)
    _, noisy = descend(small, settings.rate, settings.steps, draw)
    near = np.stack([curvature(of_xor, [w[i] for w in small]) for i in range(settings.starts)])
    show.saddle(whole, noisy, near)
    stuck = np.flatnonzero(show.are_stuck(courses))
    if len(stuck):
        valleys = [w[stuck] for w in end]
        _, again = descend(valleys, settings.rate, settings.steps, draw)
        further, costs = descend(valleys, settings.rate, settings.steps)
        show.valleys(again[-1], costs, valleys, further)
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

    # "In high dimensions ..." once more, and "increasingly complex patterns through multiple layers": on digits
    digits = load_digits()
    many_dimensions(digits, draw)
    depth(digits, settings.deep_steps, draw)

    print("\nPictures:")
    show.draw_courses(courses, settings.out / "xor.png")
    show.draw_saddle(whole, noisy, settings.out / "saddle.png")
    show.draw_approximation(x.numpy()[:, 0], y.numpy()[:, 0], fits, settings.out / "approximation.png")


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

    Returns the weights at the end, and the cost of all examples at each step, (steps, starts).
    """
    weights = [w.detach().clone().requires_grad_() for w in weights]
    optimizer = nn.optim.SGD(weights, lr=rate)
    costs = []
    for _ in until_ctrl_c(range(steps)):
        examples = slice(None) if draw is None else draw.integers(len(x), size=(len(weights[0]), 1))  # one for each
        optimizer.zero_grad()
        C = costs_of(weights, x[examples], y[examples]).sum()  # no network's weights change another's cost
        C.backward()
        optimizer.step()
        with tl.no_grad():
            costs.append(costs_of(weights, x, y).numpy())
    return [w.detach() for w in weights], np.stack(costs)


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


def many_dimensions(digits: Digits, draw: Random) -> None:
    """Curvatures in 172 dimensions, on the way down; and where all points with gradient 0 are known."""
    x = tl.tensor(coarser(digits.train_images[:200], 4), dtype=tl.float64)  # (200, 16)
    y = tl.tensor(np.eye(10)[digits.train_labels[:200]])  # (200, 10)
    weights, way = random_weights(1, 6, 0.5, 16, 10), []
    for steps in (1, 9, 90, 900, 4000):
        weights, costs = descend(weights, 0.01, steps, x=x, y=y)
        way.append((costs[-1, 0] / len(x), curvature(lambda w: costs_of(w, x, y).sum(), [w[0] for w in weights])))
    show.on_the_way(way)
    kinds = [range(5), *(draw.choice(10, 5, replace=False) for _ in range(20))]
    points = [critical_point(x.numpy(), y.numpy(), kind) for kind in kinds]  # of the linear network, x @ W1 @ W2
    show.critical([curvature(lambda w: ((x @ w[0] @ w[1] - y) ** 2).sum(), [tl.tensor(w) for w in p]) for p in points])


def depth(digits: Digits, steps: int, draw: Random) -> None:
    """What linear probes read from each layer of a network that learns to read digits, before and after."""
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
        "ink in each of 16 squares": [coarser(images, 4) for images in pictures],
        "whether a line encloses paper": [have_holes(images)[:, None] for images in pictures],
        "which digit it is": [np.eye(10)[which] for which in labels],
    }
    show.read_from_layers(
        {pattern: [[explained(*layer, *wanted) for layer in zip(*some, strict=True)] for some in (trained, untrained)]
         for pattern, wanted in patterns.items()}
    )  # fmt: skip


class Settings(Common, out="valleys"):
    """What can be set on the command line."""

    hidden: int = 2  # neurons in the hidden layer of the XOR network
    starts: int = 40  # random weights to start from
    steps: int = 2000  # steps of each descent
    rate: float = 2.0  # learning rate for XOR
    widths: tuple[int, ...] = (1, 2, 4, 16, 64)  # hidden neurons of the networks that learn a curve
    fit_steps: int = 1500  # steps of training for each of them
    deep_steps: int = 2500  # steps of training for the deep network that reads digits

    def __post_init__(self) -> None:
        check(self, rate=0, widths=1)


if __name__ == "__main__":
    start(main, Settings)
