"""Is a neural network robust, does it get better with more data, and can it be retrained?

    python examples/22_robust.py

The lecture's key insights, put to the test on the digits, against traditional methods: if-then rules, written by hand
for the digit 3 and by a program for all ten, nearest mean, which answers with the digit whose mean picture is nearest,
and nearest neighbour, with that of the nearest training picture. The test pictures are spoilt in several ways (noise,
missing pixels, wrong pixels, shifts); the training data is spoilt, cut short or changed.
"""

from helpers import robust as show
from helpers import training
from helpers.mnist import coarser, load_digits
from helpers.program import Common, check, start
from helpers.robust import KINDS, RULES, Rule, add_noise, drop_pixels, is_a_three, turn, write_rules

from collections.abc import Callable
from copy import deepcopy

import numpy as np

import nn
import tinygrad_lecture as tl

Answer = Callable[[np.ndarray], np.ndarray]  # pictures (n, 784) -> digits (n,)


def main(settings: "Settings") -> None:
    """The lecture's claims, one by one."""
    tl.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    digits = load_digits()
    X, Y, test, labels = digits.train_images, digits.train_labels, digits.test_images, digits.test_labels

    def right(answer: Answer, pixels: np.ndarray = test) -> float:
        return float((answer(pixels) == labels).mean())

    network = training.digit_network()
    train(network, X, Y, settings.steps, random)
    used_to_noise = training.digit_network()
    train(used_to_noise, X, Y, settings.steps, random, settings.noise)
    methods = {"nearest mean": nearest_mean(X, Y), "network": reads(network)}
    methods["network that saw noise"] = reads(used_to_noise)

    # "Try writing explicit rules for recognizing the digit 3"
    found = {name: np.array([is_a_three(picture, n) for picture in test.reshape(-1, 28, 28)])
             for n, name in enumerate(RULES, start=1)}  # fmt: skip
    show.threes({**found, "network": reads(network)(test) == 3}, labels == 3)

    # "An impossibly complex set of if-then statements": a rule for each mistake
    learnt, new = coarser(X, 7), coarser(test, 7)  # (n, 49), (m, 49)
    by_rules = {}
    for rules in write_rules(learnt, Y):
        if len(rules) in (10, 100, 1000):
            by_rules[len(rules)] = share_right(rules[0], new, labels)
    by_rules[len(rules)] = share_right(rules[0], new, labels)
    show.rules_and_exceptions(by_rules, share_right(rules[0], learnt, Y), rules, right(reads(network)))

    # "Remarkably robust to noisy, imperfect data (e.g., missing values, measurement errors, outliers)"
    table = {}
    for kind, (amounts, change) in KINDS.items():
        spoilt = {amount: change(test, amount, random) for amount in amounts}
        table[kind] = {
            name: {amount: right(answer, pixels) for amount, pixels in spoilt.items()}
            for name, answer in methods.items()
        }
    show.robustness(table)
    hide = np.random.default_rng(settings.seed)
    hidden = {share: drop_pixels(test, share, hide) for share in (0, 0.1, 0.3, 0.5, 0.7, 0.9)}
    show.incomplete({share: outputs(network, pixels) for share, pixels in hidden.items()}, labels)
    mixed = np.where(random.random(len(Y)) < settings.wrong_labels, random.integers(0, 10, len(Y)), Y)
    misled = training.digit_network()
    train(misled, X, mixed, settings.steps, random)
    show.wrong_labels(float((mixed != Y).mean()), right(reads(misled)), right(nearest_mean(X, mixed)))

    # "Simplicity: each neuron does something very simple, making the system robust": one after the other is silenced
    silent = [right(reads(without(network, layer, neuron))) for layer in (2, 4) for neuron in range(16)]
    show.silenced(silent, right(reads(network)))

    # "Neural networks often improve with more data, unlike many traditional methods that plateau"
    by_size = {}
    for n in settings.sizes:
        small = training.digit_network()
        train(small, X[:n], Y[:n], settings.steps, random)
        by_size[n] = [right(f) for f in (nearest_mean(X[:n], Y[:n]), nearest_neighbour(X[:n], Y[:n]), reads(small))]
    show.more_data(by_size)

    # "Neural networks can be retrained on new data": from now on every picture comes turned by 90 degrees
    turned, turned_test = turn(X), turn(test)
    adapted = training.digit_network()
    adapted.load_state_dict(network.state_dict())  # the network itself stays as it is
    retraining = [(0, right(reads(adapted), turned_test), right(reads(adapted)))]
    for _ in range(3):
        steps = retraining[-1][0] + train(adapted, turned, Y, max(1, settings.steps // 8), random)
        retraining.append((steps, right(reads(adapted), turned_test), right(reads(adapted))))
    show.retraining(retraining)

    print("\nPictures:")
    show.draw_spoilt(test[labels == 3][:1], random, settings.out / "spoilt.png")
    show.draw_robustness(table, settings.out / "robustness.png")
    show.draw_more_data(by_size, retraining, settings.out / "data.png")


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
            x = add_noise(x, random.uniform(0, noise, (32, 1)), random)  # more for some pictures than for others
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


def share_right(first: Rule, pictures: np.ndarray, labels: np.ndarray) -> float:
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
    wrong_labels: float = 0.2  # share of the training labels replaced by random ones

    def __post_init__(self) -> None:
        check(self, sizes=(100, 8500), noise=0, wrong_labels=(0, 1))


if __name__ == "__main__":
    start(main, Settings)
