"""One training step of the lecture's digit network, 784-16-16-10, mini-batch of 32: forward, backward, SGD.

    python tests/benchmarks/digits_step.py

Both sides use the public API: a model of layers, a loss, an optimiser. Two settings: sigmoid, squared error and plain
SGD, as in the lecture; and 784-128-10 with ReLU, cross-entropy and Adam.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from side_by_side import Timings, main, median_of


def _data() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 32)
    return rng.random((32, 784), dtype=np.float32), np.eye(10, dtype=np.float32)[labels], labels


def _timed(step: Any) -> float:
    for _ in range(200):
        step()
    return median_of(step, 2000)


def ours() -> Timings:
    import nn
    import tinygrad_lecture as tl

    images, one_hot, labels = (tl.tensor(array) for array in _data())

    def trainer(model: nn.Module, optimizer: nn.optim.Optimizer, loss: Any) -> Any:
        def step() -> None:
            optimizer.zero_grad()
            loss(model(images)).backward()
            optimizer.step()

        return step

    lecture = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
    modern = nn.MLP([784, 128, 10], nn.ReLU)
    mse, cross_entropy = nn.MSELoss(), nn.CrossEntropyLoss()
    sgd, adam = nn.optim.SGD(lecture.parameters(), lr=0.1), nn.optim.Adam(modern.parameters())
    return {
        "784-16-16-10, MSE, SGD: a step": _timed(trainer(lecture, sgd, lambda out: mse(out, one_hot))),
        "784-128-10, cross-entropy, Adam: a step": _timed(
            trainer(modern, adam, lambda out: cross_entropy(out, labels))
        ),
    }


def theirs() -> Timings:
    import torch
    from torch import nn

    images, one_hot, labels = (torch.tensor(array) for array in _data())

    def trainer(model: Any, optimizer: Any, loss: Any) -> Any:
        def step() -> None:
            optimizer.zero_grad()
            loss(model(images)).backward()
            optimizer.step()

        return step

    lecture = nn.Sequential(
        nn.Linear(784, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 10), nn.Sigmoid()
    )
    modern = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    mse, cross_entropy = nn.MSELoss(), nn.CrossEntropyLoss()
    sgd, adam = torch.optim.SGD(lecture.parameters(), lr=0.1), torch.optim.Adam(modern.parameters())
    return {
        "784-16-16-10, MSE, SGD: a step": _timed(trainer(lecture, sgd, lambda out: mse(out, one_hot))),
        "784-128-10, cross-entropy, Adam: a step": _timed(
            trainer(modern, adam, lambda out: cross_entropy(out, labels))
        ),
    }


if __name__ == "__main__":
    main(__file__, ours, theirs)
