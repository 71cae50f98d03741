"""Is a neural network robust, does it get better with more data, and can it be retrained?

    python examples/22_robust.py

The lecture's key insights, put to the test on the digits, against traditional methods: if-then rules, written by hand
for the digit 3 and by a program for all ten, nearest mean, which answers with the digit whose mean picture is nearest,
and nearest neighbour, with that of the nearest training picture. The test pictures are spoilt in several ways (noise,
missing pixels, wrong pixels, shifts); the training data is spoilt, cut short or changed.
"""

from helpers import training
from helpers.mnist import coarser, load_digits
from helpers.program import Common, Measured, by_chance, start
from show import robust as show

from collections.abc import Callable
from copy import deepcopy

import numpy as np

import nn
import tinygrad_lecture as tl

Answer = Callable[[np.ndarray], np.ndarray]  # pictures (n, 784) -> digits (n,)


def measure(settings: "Settings") -> Measured:
    """The lecture's claims, one by one."""
    random = np.random.default_rng(settings.seed)
    digits = load_digits()
    X, Y, test, labels = digits.train_images, digits.train_labels, digits.test_images, digits.test_labels
    threes = labels == 3

    def right(answer: Answer, pixels: np.ndarray = test) -> float:
        return float((answer(pixels) == labels).mean())

    def trained(images: np.ndarray = X, labels: np.ndarray = Y, noise: float = 0.0) -> nn.MLP:
        network = training.digit_network()
        train(network, images, labels, settings.steps, random, noise)
        return network

    network = trained()
    methods = {"nearest mean": nearest_mean(X, Y), "network": reads(network)}
    methods["network that saw noise"] = reads(trained(noise=settings.noise))
    m = Measured(right=right(reads(network)), a_three=test[threes][:1], n_threes=int(threes.sum()))

    # "Try writing explicit rules for recognizing the digit 3"
    strict = range(1, len(show.RULES) + 1)  # so many of the rules
    called = [np.array([show.is_a_three(picture, n) for picture in test.reshape(-1, 28, 28)]) for n in strict]
    called.append(reads(network)(test) == 3)
    m.found = {name: int((some & threes).sum()) for name, some in zip([*show.RULES, "network"], called, strict=True)}
    m.taken = {name: int((some & ~threes).sum()) for name, some in zip([*show.RULES, "network"], called, strict=True)}
    *m.rules_wrong, m.network_wrong = (int((some != threes).sum()) for some in called)

    # "An impossibly complex set of if-then statements": a rule for each mistake
    learnt, new = coarser(X, 7), coarser(test, 7)  # (n, 49), (m, 49)
    m.by_rules = {}
    for rules in show.write_rules(learnt, Y):
        if len(rules) in (10, 100, 1000):
            m.by_rules[f"{len(rules):,} rules"] = share_right(rules[0], new, labels)
    m.by_rules["all rules"] = share_right(rules[0], new, labels)
    m.rules, m.exceptions = len(rules), sum(rule.exception is not None for rule in rules)

    # "Remarkably robust to noisy, imperfect data (e.g., missing values, measurement errors, outliers)"
    m.spoilt = {}  # kind -> method -> share read right, by amount
    for kind, (_, amounts, change) in show.KINDS.items():
        spoilt = [change(test, amount, random) for amount in amounts]
        m.spoilt[kind] = {name: [right(answer, pixels) for pixels in spoilt] for name, answer in methods.items()}
    m.lost = {kind: {name: row[0] - np.mean(row[1:]) for name, row in some.items()} for kind, some in m.spoilt.items()}
    m.ahead = {kind: np.mean(some["network"]) - np.mean(some["nearest mean"]) for kind, some in m.spoilt.items()}

    # "Decision making with incomplete information": it is sure if the largest output is above 0.8
    hide = np.random.default_rng(settings.seed)
    said = [outputs(network, show.drop_pixels(test, share, hide)) for share in show.HIDDEN]
    n = [(some.max(axis=1) > 0.8).sum() for some in said]
    m.sure = [some / len(labels) for some in n]
    m.right_if_sure = [((some.max(axis=1) > 0.8) & (some.argmax(axis=1) == labels)).sum() / max(1, k)
                       for some, k in zip(said, n, strict=True)]  # fmt: skip

    # Wrong labels, first without a pattern; then of threes only, some of which become other digits, or all 8
    wrong = random.random(len(Y)) < 0.2  # of the labels, replaced by random ones
    mixed = np.where(wrong, random.integers(0, 10, len(Y)), Y)
    m.labels_right = (mixed == Y).mean()
    m.misled = {"network": right(reads(trained(labels=mixed))), "nearest mean": right(nearest_mean(X, mixed))}
    some = (Y == 3) & (random.random(len(Y)) < 0.6)  # of the threes that get a wrong label
    others = {"any other digit": (Y + random.integers(1, 10, len(Y))) % 10, "an 8": np.full_like(Y, 8)}
    m.threes = {name: (reads(trained(labels=np.where(some, called, Y)))(test[threes]) == 3).mean()
                for name, called in others.items()}  # fmt: skip

    # "Simplicity: each neuron does something very simple, making the system robust": one after the other is silenced
    silent = [right(reads(without(network, layer, neuron))) for layer in (2, 4) for neuron in range(16)]
    m.silenced, m.worst = np.mean(silent), min(silent)

    # "Neural networks often improve with more data, unlike many traditional methods that plateau"
    m.by_size = {"nearest mean": [], "nearest neighbour": [], "network": []}
    for n in settings.sizes:
        answers = nearest_mean(X[:n], Y[:n]), nearest_neighbour(X[:n], Y[:n]), reads(trained(X[:n], Y[:n]))
        for shares, answer in zip(m.by_size.values(), answers, strict=True):
            shares.append(right(answer))
    m.gained = {name: shares[-1] - shares[len(shares) // 2] for name, shares in m.by_size.items()}
    m.by_chance = by_chance(len(labels), 0.9)

    # "Neural networks can be retrained on new data": from now on every picture comes turned by 90 degrees
    turned, turned_test, adapted = show.turn(X), show.turn(test), deepcopy(network)
    m.retrained = {"steps": [0], "turned": [right(reads(network), turned_test)], "upright": [m.right]}
    for _ in range(3):
        steps = train(adapted, turned, Y, max(1, settings.steps // 8), random)
        m.retrained["steps"].append(m.retrained["steps"][-1] + steps)
        m.retrained["turned"].append(right(reads(adapted), turned_test))
        m.retrained["upright"].append(right(reads(adapted)))
    return m


def train(
    model: nn.MLP, images: np.ndarray, labels: np.ndarray, steps: int, random: np.random.Generator, noise: float = 0.0
) -> int:
    """Train by stochastic gradient descent, 32 pictures a step, and return the steps done: fewer after Ctrl-C.

    noise: the most that is added, as a standard deviation.
    """

    def cost_of_batch() -> tl.Tensor:
        chosen = random.integers(0, len(images), 32)
        x, wanted = images[chosen], np.eye(10, dtype=np.float32)[labels[chosen]]  # (32, 784), (32, 10)
        if noise:
            x = show.add_noise(x, random.uniform(0, noise, (32, 1)), random)  # more for some pictures than for others
        return ((model(tl.tensor(x)) - tl.tensor(wanted)) ** 2).sum(axis=1).mean()

    return len(training.train(cost_of_batch, nn.optim.SGD(model.parameters(), lr=1.0), steps))


def reads(model: nn.MLP) -> Answer:
    """The network as a function from pictures to digits: the largest of the ten outputs."""

    return lambda pixels: outputs(model, pixels).argmax(axis=1)


def outputs(model: nn.MLP, pixels: np.ndarray) -> np.ndarray:
    """How sure the network is of each digit: (n, 784) -> (n, 10)."""
    with tl.no_grad():
        return model(tl.tensor(pixels)).numpy()


def without(model: nn.MLP, layer: int, neuron: int) -> nn.MLP:
    """A copy of the network that ignores one of the neurons from which this layer gets its inputs."""
    changed = deepcopy(model)
    with tl.no_grad():
        changed[layer].weight[:, neuron] = 0
    return changed


def share_right(first: show.Rule, pictures: np.ndarray, labels: np.ndarray) -> float:
    """The share of pictures (n, 49) that rules read right, asked from the first one on."""
    return float(np.mean([first.judge(ink)[0].answer == label for ink, label in zip(pictures, labels, strict=True)]))


def nearest_mean(images: np.ndarray, labels: np.ndarray) -> Answer:
    """The digit whose mean picture is nearest, by squared distance |x - m|² = |x|² - 2 x·m + |m|²."""
    means = np.stack([images[labels == digit].mean(axis=0) for digit in range(10)])  # (10, 784)
    return lambda pixels: ((means**2).sum(axis=1) - 2 * pixels @ means.T).argmin(axis=1)


def nearest_neighbour(images: np.ndarray, labels: np.ndarray) -> Answer:
    """The digit of the nearest training picture: nothing is learnt, all pictures are kept."""
    return lambda pixels: labels[((images**2).sum(axis=1) - 2 * pixels @ images.T).argmin(axis=1)]


class Settings(Common, out="robust"):
    """What can be set on the command line."""

    steps: int = 4000  # steps of training for each network
    sizes: tuple[int, ...] = (100, 300, 1000, 3000, 8500)  # how many training pictures to compare
    noise: float = 0.5  # most noise that the second network sees in training, as a standard deviation; ink is 1


if __name__ == "__main__":
    start(measure, Settings, show.report)
