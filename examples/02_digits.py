"""A network learns to read handwritten digits: the lecture's first network, whole.

    python examples/02_digits.py
    python examples/02_digits.py --loss cross-entropy --activation relu --hidden 128 16
    python examples/02_digits.py --batch-size 8500 --epochs 200      # batch gradient descent: one step per epoch
    python examples/02_digits.py --page                              # draw a digit yourself: out/digits/digit.html

A picture of 28 x 28 pixels is 784 numbers, from 0 for paper to 1 for ink. They go through two hidden layers of 16
neurons to ten outputs, one for each digit. The largest output is the answer. For one picture of the digit k the cost is

    C = sum_j (a_j - y_j)²      a_j: the ten outputs;  y_j: the wanted ten, 1 for j = k and 0 for all others

The training pictures are shuffled and divided into mini-batches. After each, every weight takes a small step against
the gradient of the batch's mean cost. An epoch is one pass through all pictures. Ctrl-C ends the training early.
"""

from helpers.claims import Measured
from helpers.mnist import coarser, hidden_layers, load_digits, resized
from helpers.program import Common, DataError, by_chance, start, until_ctrl_c
from helpers.training import xavier
from show import digits as show

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

import nn
import tinygrad_lecture as tl

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU}
WANTED = tl.eye(10)  # row k: the ten outputs wanted for the digit k


def measure(settings: "Settings", home: str = "") -> Measured | None:
    """Build the network, train it, and look at what it does and at what it has learnt.

    With --page only its page is written. home: a link from there to the site's first page.
    """
    digits = load_digits(settings.data)
    images, labels = tl.tensor(digits.train_images), tl.tensor(digits.train_labels)  # (n, 784), (n,)
    test_images, test_labels = tl.tensor(digits.test_images), digits.test_labels  # (m, 784), (m,)
    model = build(settings)
    before = model[0].weight.detach().numpy().copy()  # (16, 784), random
    m = Measured(digits=digits, brightness=[digits.train_images.min(), digits.train_images.max()])
    m.threes = digits.train_images[digits.train_labels == 3][:36]
    m.alike = np.corrcoef(m.threes)[np.triu_indices(len(m.threes), 1)].max()  # of two different ones
    m.weights, m.biases = ([p.numel() for p in model.parameters() if p.ndim == axes] for axes in (2, 1))

    # "For a single training example": what the untrained network makes of one picture of a 3, and what that costs
    three, guesses = int((test_labels == 3).argmax()), answers(model, test_images)
    m.favourite = np.bincount(guesses.numpy().argmax(axis=1)).max() / len(test_labels)  # share of the commonest answer
    m.guessed_right = show.share_right(guesses.numpy(), test_labels)
    m.untrained, m.C = guesses[three].numpy(), cost(guesses[three : three + 1], tl.tensor([3]), "mse").item()
    m.squares = (m.untrained - WANTED[3].numpy()) ** 2  # (10,)
    m.off = np.sort(np.delete(m.untrained, 3))[[0, -1]]  # the least and the most of the outputs that should be 0
    m.off_costs = m.off**2

    # The learning loop, and after each epoch pictures that were not seen in it
    m.history = []
    print(f"{digits.source}: {len(labels):,} to learn from, {len(test_labels):,} to be tested on.")
    print(f"Training: sgd, {settings.batch_size:,} pictures a step, seed {settings.seed}.")
    for costs in until_ctrl_c(learn(model, images, labels, settings)):
        right = show.share_right(answers(model, test_images).numpy(), test_labels)
        m.history.append(show.epoch(show.Epoch(costs, right), len(m.history) + 1, settings))
    if settings.page:
        return show.page(model, digits, settings.out / "digit.html", home)
    m.epochs, m.plateau = len(m.history), show.plateau([epoch.right for epoch in m.history])
    m.cost = {"first": np.mean(m.history[0].costs), "last": np.mean(m.history[-1].costs)}
    m.after_one = m.history[0].right

    m.sure = answers(model, test_images).numpy()  # (m, 10): how sure it is of each digit
    m.trained = m.sure[three]
    m.read, said = show.share_right(m.sure, test_labels), m.sure.argmax(axis=1)
    m.counts = np.bincount(10 * test_labels + said, minlength=100).reshape(10, 10)  # [digit, answer]
    m.by_digit = m.counts.diagonal() / m.counts.sum(axis=1).clip(1)
    m.worst = m.by_digit.min()
    m.sums = np.quantile(m.sure.sum(axis=1), [0.05, 0.95])  # of the ten outputs, for nine of ten pictures
    m.costs, m.groups = show.costs_by_answer(m.sure, test_labels)

    # "Different angles, sizes, writing styles, and lighting conditions": as no training picture was (angles: see 22)
    lighting = {"half the ink": 0.5 * test_images, "on grey paper": 0.3 + 0.7 * test_images}
    sizes = {f"at {name} of the size": resized(test_images, size) for name, size in (("3/4", 0.75), ("5/4", 1.25))}
    varied = {**lighting, **sizes}.items()
    m.varied = {name: show.share_right(answers(model, x).numpy(), test_labels) for name, x in varied}

    # What the neurons like to see. First layer: their weights are pictures. Last hidden layer: whom do they fire for?
    m.first = model[0].weight.detach().numpy()  # (16, 784)
    layers = {"before training": before, "random patches": show.patches(before), "after training": m.first}
    m.smooth, m.explained = show.first_layer(layers, digits)
    m.fires = hidden_layers(model, digits.test_images)[-1] if len(settings.hidden) > 1 else None  # (m, 16)
    m.loop = np.nan if m.fires is None else show.separation(m.fires, test_labels, (8, 9))

    # "784 inputs might seem like a lot, but images require this level of detail"; "real networks often use hundreds"
    wide = replace(settings, hidden=(128, *settings.hidden[1:]))
    coarse = {f"{n} × {n} = {n * n} inputs": (n, settings) for n in (14, 7)}
    others = {**coarse, "128 neurons in layer 1": (28, wide)}
    m.others = {}
    for name, (side, chosen) in until_ctrl_c(others.items()):
        other = build(chosen, side * side)
        for _ in learn(other, coarser(images, side), labels, replace(chosen, epochs=m.epochs)):
            pass
        m.others[name] = show.share_right(answers(other, coarser(test_images, side)).numpy(), test_labels)
    m.by_chance = {name: by_chance(len(test_labels), m.read, other) for name, other in m.others.items()}
    return m


def build(settings: "Settings", inputs: int = 784) -> nn.MLP:
    """The network with random weights: the inputs, the hidden layers, ten outputs.

    Squared error compares outputs with 0 and 1, so a sigmoid comes last. Cross-entropy has its softmax built in.
    """
    last = nn.Sigmoid if settings.loss == "mse" else None
    model = nn.MLP([inputs, *settings.hidden, 10], ACTIVATIONS[settings.activation], last)
    return xavier(model) if settings.activation in ("sigmoid", "tanh") else model


def learn(model: nn.MLP, images: tl.Tensor, labels: tl.Tensor, settings: "Settings") -> Iterator[list[float]]:
    """The learning loop: predict, measure the error, trace it back, adjust, next batch.

    Yields the costs of the batches of each epoch.
    """
    rate = 1.0 if (settings.activation, settings.loss) == ("sigmoid", "mse") else 0.1  # a sigmoid's slopes are small
    optimizer = nn.optim.SGD(model.parameters(), rate)
    batches = nn.DataLoader(nn.TensorDataset(images, labels), settings.batch_size, shuffle=True)
    for _ in range(settings.epochs):
        costs = []
        for x, y in batches:  # (32, 784), (32,)
            optimizer.zero_grad()
            C = cost(model(x), y, settings.loss)  # forward pass: the mean cost of the batch
            C.backward()  # backward pass: the gradient of C for each weight and bias
            optimizer.step()  # every weight goes a step against its gradient
            costs.append(C.item())
        yield costs


def cost(outputs: tl.Tensor, labels: tl.Tensor, loss: str) -> tl.Tensor:
    """The mean cost of a batch. outputs: (batch, 10); labels: (batch,), the digits."""
    if loss == "cross-entropy":
        return nn.functional.cross_entropy(outputs, labels)
    wanted = WANTED[labels]  # (batch, 10)
    return ((outputs - wanted) ** 2).sum(axis=1).mean()


def answers(model: nn.MLP, images: tl.Tensor) -> tl.Tensor:
    """How sure the network is of each digit: (..., 784) -> (..., 10)."""
    with tl.no_grad():
        outputs = model(images)
        return outputs if isinstance(model[-1], nn.Sigmoid) else tl.softmax(outputs, axis=-1)


class Settings(Common, out="digits"):
    """What can be set on the command line."""

    hidden: tuple[int, ...] = (16, 16)  # neurons in each hidden layer
    activation: Literal["sigmoid", "tanh", "relu", "leaky-relu"] = "sigmoid"  # of the hidden layers
    loss: Literal["mse", "cross-entropy"] = "mse"  # the cost: squared error, as in the lecture, or cross-entropy
    batch_size: int = 32  # pictures per step
    epochs: int = 20  # how often each picture is seen
    data: Path | None = None  # a folder with the full MNIST's four files; without it, 10,000 bundled pictures
    page: bool = False  # only train, and write a page, digit.html, on which one draws a digit for the network

    def __post_init__(self) -> None:
        if self.page and (self.hidden, self.activation, self.loss) != ((16, 16), "sigmoid", "mse"):
            raise DataError("--page shows the lecture's network: leave out --hidden, --activation and --loss")


if __name__ == "__main__":
    start(measure, Settings, show.report)
