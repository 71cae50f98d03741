"""Gradient descent: the cost as a landscape, and the way down into its valley.

    python examples/03_gradient_descent.py
    python examples/03_gradient_descent.py --rates 0.1 0.5 0.7 --batch 4

Two numbers to learn, w and b of a line y = w x + b near noisy points, make a landscape that can be drawn: the cost of
each line is a height. Gradient descent takes steps against the gradient, which points uphill where it is steepest:

    p <- p - rate · dC/dp

How large the rate may be follows from the curvature of the landscape, the Hessian H of the second derivatives: steps
grow without end if rate > 2 / (largest eigenvalue of H). The same descent works in 13,002 dimensions, for the digits.
"""

from helpers.mnist import load_digits
from helpers.program import Common, Measured, by_chance, start, until_ctrl_c
from helpers.training import digit_network
from show import gradient_descent as show

from itertools import chain, repeat

import numpy as np

import nn
import tinygrad_lecture as tl

START = (-1.8, -0.6)  # w, b, where all descents begin


def measure(settings: "Settings") -> Measured:
    """Descents on a landscape that can be seen, then in 13,002 dimensions."""
    x = -0.5 + 2.5 * tl.rand(40, dtype=tl.float64)
    points = nn.TensorDataset(x, 1.2 * x - 0.4 + 0.5 * tl.randn(40, dtype=tl.float64))
    valley = survey(points)
    m = Measured(points=points, valley=valley, start=START, lowest=valley.cost)

    # "Too large: we might overshoot and oscillate. Too small: progress is very slow. Just right: steady progress"
    rates = [factor / valley.steepest for factor in (0.02, 1, 1.9, 2.1)]
    rates += settings.rates or ()
    m.trials = [descend(points, f"rate {rate:.3g}", rate, len(points), settings.steps) for rate in rates]
    m.begins, m.ends = m.trials[0].costs[0], [trial.costs[-1] / valley.cost for trial in m.trials]  # in lowest costs
    m.turned, m.rose = [trial.turned for trial in m.trials], [trial.rises for trial in m.trials]

    # "... and we might get stuck": the largest of the rates 0.1, 0.01, ... whose step rounds to no step at all
    w = tl.tensor(START[0], requires_grad=True)  # a number of 32 bits, as weights usually are
    cost(w, tl.tensor(START[1]), *(t.float() for t in points.tensors)).backward()
    m.stuck = next(rate for rate in 10.0 ** -np.arange(1, 20) if (w - rate * w.grad).item() == w.item())

    # Batch: "use all training examples"; stochastic: "one example at a time"; mini-batch: "small batches"
    sizes = {"batch": len(points), "mini-batch": settings.batch, "stochastic": 1}
    m.ways = [descend(points, name, 0.5 / valley.steepest, size, settings.steps) for name, size in sizes.items()]
    m.way_rose = [way.rises for way in m.ways]
    # how many points it had looked at when it first was near the bottom
    m.looked_at = [way.batch * way.steps_until(1.1 * valley.cost) for way in m.ways]
    m.stays_above = m.ways[-1].costs[-1] / valley.cost - 1

    # "The choice of batch size ... affects training dynamics and final performance": the digit network
    digits = load_digits()
    sizes = until_ctrl_c((8, 32, 256))
    m.trained = [show.train_with_batches(digits, n, 0.95, settings.epochs, settings.seed) for n in sizes]
    small, large = m.trained[0], m.trained[-1]
    m.more_epochs, m.more_steps = large.epochs / small.epochs, small.steps / large.steps
    m.test = [t.test for t in m.trained]
    m.gain = 100 * (small.test - large.test)  # in points
    m.by_chance = 100 * by_chance(len(digits.test_labels), small.test, large.test)

    # "Move in the opposite direction (direction of steepest decrease)", against random directions, in 13,002 dimensions
    images, labels = tl.tensor(digits.train_images[:500]), tl.eye(10)[tl.tensor(digits.train_labels[:500])]
    network = digit_network(False)

    def cost_of(network: nn.MLP) -> tl.Tensor:
        return ((network(images) - labels) ** 2).sum(axis=1).mean()

    C = cost_of(network)
    C.backward()
    weights = nn.utils.parameters_to_vector(network.parameters()).detach()  # (13002,)
    gradient = nn.utils.parameters_to_vector([p.grad for p in network.parameters()])  # (13002,)
    downhill = -gradient / gradient.norm()
    random = tl.randn(settings.directions, len(weights))
    random = random / random.norm(dim=1, keepdim=True)  # (directions, 13002), each of length 1
    m.lengths, m.cosine = (0.01, 0.1, 1.0), (random @ downhill).abs().max().item()
    m.falls = np.array([[C.item() - show.cost_at(network, weights + length * d, cost_of) for d in (downhill, *random)]
                        for length in m.lengths])  # fmt: skip
    m.times, m.down = m.falls[:, 0] / m.falls[:, 1:].max(axis=1), (m.falls[:, 1:] > 0).mean()

    # "Trying random combinations would take longer than the age of the universe"
    m.searches = {"gradient descent": show.search_by_gradient(network, weights, settings.evaluations, cost_of)}
    m.searches["random weights"] = show.search_by_random_weights(settings.evaluations, cost_of)
    m.found = {name: costs[-1] for name, costs in m.searches.items()}
    m.networks = len(weights) * np.log10(2)  # two values for each weight: 10 to the power of this
    m.years = m.networks - 9 - np.log10(365 * 24 * 3600)  # at a billion a second: 10 to the power of this
    return m


# --- the landscape of a line --------------------------------------------------------------------------------


def cost(w: tl.Tensor, b: tl.Tensor, x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
    """The mean squared distance of the line w x + b from the points x, y (n,)."""
    return ((w * x + b - y) ** 2).mean(axis=-1)


def descend(points: nn.TensorDataset, label: str, rate: float, batch: int, steps: int) -> show.Descent:
    """Gradient descent from START; each step looks at a batch of points, shuffled anew in every epoch."""
    batch = min(batch, len(points))
    w = tl.tensor(START[0], dtype=tl.float64, requires_grad=True)
    b = tl.tensor(START[1], dtype=tl.float64, requires_grad=True)
    optimizer = nn.optim.SGD([w, b], lr=rate)
    batches = chain.from_iterable(repeat(nn.DataLoader(points, batch, shuffle=True)))  # epoch after epoch
    path, costs = [START], [cost(w, b, *points.tensors).item()]
    for _ in range(steps):
        optimizer.zero_grad()
        C = cost(w, b, *next(batches))
        C.backward()
        optimizer.step()  # p <- p - rate · dC/dp
        path.append((w.item(), b.item()))
        costs.append(cost(w, b, *points.tensors).item())  # of all points, to compare
        if not costs[-1] < 1e6 * costs[0]:  # it has diverged
            break
    return show.Descent(label, rate, batch, np.array(path), np.array(costs))


def survey(points: nn.TensorDataset) -> show.Valley:
    """The lowest point and the curvature: with the same Hessian everywhere, the bottom is p - H⁻¹ dC/dp."""

    def height(p: tl.Tensor) -> tl.Tensor:
        return cost(p[0], p[1], *points.tensors)

    p = tl.tensor(START, dtype=tl.float64)
    H = tl.func.hessian(height)(p).numpy()  # (2, 2)
    bottom = p.numpy() - np.linalg.solve(H, tl.func.grad(height)(p).numpy())
    flattest, steepest = np.linalg.eigvalsh(H).tolist()
    return show.Valley(*bottom.tolist(), height(tl.tensor(bottom)).item(), steepest, flattest)


class Settings(Common, out="gradient_descent"):
    """What can be set on the command line."""

    rates: tuple[float, ...] | None = None  # beside 0.02, 1, 1.9 and 2.1 divided by the largest curvature
    batch: int = 8  # points in a mini-batch, of 40
    steps: int = 60  # steps of each descent on the line
    epochs: int = 100  # most epochs of the digit networks that compare sizes of mini-batches
    directions: int = 1000  # random directions to compare with the gradient, in 13,002 dimensions
    evaluations: int = 600  # costs computed by gradient descent and by random search, for the digits


if __name__ == "__main__":
    start(measure, Settings, show.report)
