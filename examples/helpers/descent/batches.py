"""The digit network, trained with mini-batches of different sizes until it reads as many training pictures right."""

from __future__ import annotations

from typing import NamedTuple

import nn
import tinygrad_lecture as tl
from helpers.descent.search import random_network
from helpers.digits.mnist import Digits


class Trained(NamedTuple):
    """What came of a training: how long it took, and the shares of pictures that are read right."""

    size: int  # pictures in a mini-batch
    epochs: int
    steps: int
    learnt: float
    test: float
    tested: int  # pictures


def train(digits: Digits, size: int, wanted: float, epochs: int, seed: int) -> Trained:
    """Train until a share of the training pictures is read right, or for so many epochs."""
    tl.manual_seed(seed)
    images, labels = tl.tensor(digits.train_images), tl.eye(10)[tl.tensor(digits.train_labels)]
    network = random_network()
    optimizer = nn.optim.SGD(network.parameters(), lr=1.0)
    batches = nn.DataLoader(nn.TensorDataset(images, labels), size, shuffle=True)
    learnt, epoch = 0.0, 0
    while learnt < wanted and epoch < epochs:
        for x, y in batches:
            optimizer.zero_grad()
            C = ((network(x) - y) ** 2).sum(axis=1).mean()
            C.backward()
            optimizer.step()
        learnt, epoch = right(network, images, digits.train_labels), epoch + 1
    test = right(network, tl.tensor(digits.test_images), digits.test_labels)
    return Trained(size, epoch, epoch * len(batches), learnt, test, len(digits.test_labels))


def right(network: nn.MLP, images: tl.Tensor, labels: object) -> float:
    """The share of pictures that are read right."""
    with tl.no_grad():
        return float((network(images).numpy().argmax(axis=1) == labels).mean())
