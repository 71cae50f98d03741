"""For 03_gradient_descent.py: what a descent is, mini-batches, random search; what is printed and drawn."""

from dataclasses import dataclass
from itertools import cycle
from typing import NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.drawing import BLUE, GREEN, ORANGE, VERMILION, lines, picture
from helpers.program import detail, elsewhere, holds, table
from helpers.training import digit_network, train


@dataclass(frozen=True)
class Valley:
    """The lowest point of the landscape, its cost, and the largest and smallest eigenvalue of the Hessian."""

    w: float
    b: float
    cost: float
    steepest: float
    flattest: float


@dataclass(frozen=True)
class Descent:
    """A way down: where it went, and the cost of all points there. batch: points per step."""

    label: str
    rate: float
    batch: int
    path: np.ndarray  # (steps + 1, 2): w, b
    costs: np.ndarray  # (steps + 1,)

    @property
    def rises(self):
        """In how many steps the cost rose."""
        return int((np.diff(self.costs) > 0).sum())

    @property
    def turned(self):
        """The share of its first steps that turn back, across the valley."""
        moves = np.diff(self.path, axis=0)[:20]
        return float(np.mean((moves[1:] * moves[:-1]).sum(axis=1) < 0))

    def steps_until(self, cost):
        """How many steps it took to come below a cost; one more than it made if it never did."""
        below = np.flatnonzero(self.costs < cost)
        return int(below[0]) if len(below) else len(self.costs)


def report(m, settings):
    """Print what was measured, and draw it."""
    valley = m.valley
    print(f"The landscape: for every line y = w x + b, the mean squared distance from {len(m.points)} points.")
    print(f"  lowest at w = {valley.w:.3f}, b = {valley.b:.3f}: cost {valley.cost:.4f}; not 0, as the points are noisy")
    print(f"  curvature from {valley.flattest:.3f} to {valley.steepest:.3f}, the eigenvalues of the Hessian")
    print(f"  so rates above 2 / {valley.steepest:.3f} = {2 / valley.steepest:.3f} diverge")
    print(f"\nLearning rates, batch gradient descent, {settings.steps} steps:")
    for trial in m.trials:
        print(f"  {trial.label:12} cost {trial.costs[0]:.2f} -> {trial.costs[-1]:9.4f}   {verdict(trial, valley)}")
    detail(f"  rate {m.stuck:<7.0e} too small: stuck, as 32-bit numbers round such a step away")

    # Batch, mini-batch and stochastic descent side by side
    steps = len(m.ways[0].path) - 1
    print(f"\nThree ways, {steps} steps each at rate {m.ways[0].rate:.3g}:")
    rows = {}
    for way, rose, points in zip(m.ways, m.way_rose, m.looked_at, strict=True):
        near = points if points <= steps * way.batch else "not reached"
        rows[way.label] = way.batch, f"{way.costs[-1]:.4f}", rose, near
    looked_at = "points looked at until the cost is near the lowest (10%)"
    table(("points per step", "cost in the end", "steps in which it rose", looked_at), rows)
    if holds("noisy", m):
        rose = f"in {m.way_rose[-1]} steps instead of {m.way_rose[0]}"
        print(f"  With fewer points a step is cheaper, but the cost rose {rose}.")
    if holds("unstable", m):
        print(f"  The stochastic one ends {m.stays_above:.0%} above the lowest cost{elsewhere('unstable', '.0%', m)}.")

    batch_sizes(m, settings.epochs)

    # How far the cost falls along the negative gradient and along random directions, by the step's length
    n = m.falls.shape[1] - 1
    detail(f"\nThe digit network, 13,002 dimensions. A step against the gradient, and in {n:,} random directions:")
    hardly = ", but hardly" if holds("steepest", m) else ""
    detail(f"  {m.down:.0%} are random directions that lead down{hardly}: the best has a cosine of {m.cosine:.3f}.")

    # Gradient descent against random search, with the same number of costs computed
    n = min(map(len, m.searches.values()))  # Ctrl-C may have cut some
    print(f"\nThe digit network on 500 pictures, with {n} evaluations of the cost each:")
    for name, costs in m.searches.items():
        print(f"  {name:17} cost {costs[0]:.3f} -> {costs[n - 1]:.3f}")
    print(f"  To try two values for each of 13,002 parameters: 2^13,002 = 10^{m.networks:,.0f} networks.")
    print(f"  At a billion a second that takes 10^{m.years:,.0f} years; the universe is 10^10 years old.")

    draw_rates(m.points, valley, m.trials, settings.out / "rates.png")
    curves = {name: (range(1, len(costs) + 1), costs) for name, costs in m.searches.items()}
    title = "Gradient descent against random weights, in 13,002 dimensions"
    with picture(settings.out / "high_dimensions.png", title) as axes:
        lines(axes, curves, (BLUE, GREEN), "-", "upper right", ylim=(0, None))
        axes.set(xlabel="evaluations of the cost", ylabel="cost C (random weights: lowest so far)")


def verdict(descent, valley):
    """What a learning rate does, in words."""
    if not descent.costs[-1] <= descent.costs[0]:
        return "diverges: too large, every step overshoots by more"
    if descent.turned > 0.5:
        return "oscillates: too large, it overshoots the minimum again and again"
    if descent.costs[-1] <= 1.1 * valley.cost:
        return "just right: steady progress to the minimum"
    if descent.rate < 0.2 / valley.steepest:
        return "too small: very slow, still on the way"
    return "on the way: these are too few steps"


def batch_sizes(m, epochs):
    """Print how long the digit network trains with mini-batches of each size, and how good it is then."""
    print(f"\nThe size of a mini-batch, for the digit network, until it reads 95% right (--epochs {epochs} at most):")
    rows = {t.size: (f"{t.epochs}", f"{t.steps:,}", t.learnt, t.test) for t in m.trained}
    columns = "epochs", "steps", "training pictures right", "test pictures right"
    table(columns, rows, ".1%", "pictures per step")
    if min(t.learnt for t in m.trained) < 0.95:
        print("  Not all have come to 95%, so they cannot be compared: --epochs lets them train longer.")
        return
    small, large = m.trained[0].size, m.trained[-1].size
    effect = "a" if holds("regularization", m) else "no"
    print(f"  {small} against {large} per step: {m.gain:+.1f} points, and by chance up to {m.by_chance:.1f}.", end=" ")
    print(f"So {effect} regularization effect is seen{elsewhere('regularization', '+.1f', m)}.")


# --- mini-batches of different sizes ----------------------------------------------------------------------------------


class Trained(NamedTuple):
    """What came of a training: how long it took, and the shares of pictures that are read right."""

    size: int  # pictures in a mini-batch
    epochs: int
    steps: int
    learnt: float
    test: float


def train_with_batches(digits, size, wanted, epochs, seed):
    """Train until a share of the training pictures is read right, or for so many epochs."""
    tl.manual_seed(seed)
    images, labels = tl.tensor(digits.train_images), tl.eye(10)[tl.tensor(digits.train_labels)]
    network = digit_network(False)
    optimizer = nn.optim.SGD(network.parameters(), lr=1.0)
    batches = nn.DataLoader(nn.TensorDataset(images, labels), size, shuffle=True)
    learnt, epoch = 0.0, 0
    while learnt < wanted and epoch < epochs:
        nn.fit(network, batches, lambda a, y: ((a - y) ** 2).sum(axis=1).mean(), optimizer, 1, show=False)
        learnt, epoch = right(network, images, digits.train_labels), epoch + 1
    test = right(network, tl.tensor(digits.test_images), digits.test_labels)
    return Trained(size, epoch, epoch * len(batches), learnt, test)


def right(network, images, labels):
    """The share of pictures that are read right."""
    with tl.no_grad():
        return float((network(images).numpy().argmax(axis=1) == labels).mean())


# --- gradient descent against random search ---------------------------------------------------------------------------


def cost_at(network, weights, cost_of):
    """The cost of the network with these weights, (13002,)."""
    with tl.no_grad():
        nn.utils.vector_to_parameters(weights, network.parameters())
        return cost_of(network).item()


def search_by_gradient(network, weights, evaluations, cost_of):
    """Gradient descent. A backward pass takes about as long as a forward pass, so a step counts as two evaluations."""
    nn.utils.vector_to_parameters(weights, network.parameters())
    costs = train(lambda: cost_of(network), nn.optim.SGD(network.parameters(), lr=3.0), max(1, evaluations // 2))
    return np.repeat(costs, 2).tolist()


def search_by_random_weights(evaluations, cost_of):
    """The lowest cost so far of networks with weights drawn anew each time."""
    with tl.no_grad():
        costs = [cost_of(digit_network(False)).item() for _ in range(evaluations)]
    return np.minimum.accumulate(costs).tolist()


# --- the pictures -----------------------------------------------------------------------------------------------------


def contours(axes, points, valley):
    """The landscape from above: the lighter, the lower; a cross at the lowest point."""
    x, y = (t.numpy() for t in points.tensors)
    w, b = np.linspace(-2.4, 4.4, 161), np.linspace(-3.8, 3.0, 161)  # wide enough for the start
    cost = ((np.multiply.outer(w[None], x) + b[:, None, None] - y) ** 2).mean(axis=-1)
    levels = np.geomspace(valley.cost, cost.max(), 16)
    axes.contourf(w, b, np.log(cost), np.log(levels), cmap="Greys", vmax=2.2 * np.log(levels[-1]))
    axes.contour(w, b, np.log(cost), np.log(levels), colors="white", linewidths=0.6)
    axes.plot(valley.w, valley.b, "+", color="black", markersize=14, markeredgewidth=2, zorder=5)
    axes.set(xlim=(w[0], w[-1]), ylim=(b[0], b[-1]), xlabel="w", ylabel="b", aspect="equal")


def draw_rates(points, valley, trials, path):
    """A panel for each learning rate: its path on the landscape."""
    did = [verdict(trial, valley).split(":")[0] for trial in trials]
    title, n = f"Learning rates: {', '.join(dict.fromkeys(did))}", len(trials)
    with picture(path, title, 3.7 * n, 4.4, n) as panels:
        for axes, trial, what, colour in zip(panels, trials, did, cycle((BLUE, GREEN, ORANGE, VERMILION))):
            contours(axes, points, valley)
            axes.plot(*trial.path.T, ".-", color=colour, linewidth=1.5, markersize=6)
            axes.set_title(f"{trial.label}: {what}", fontsize=13)
