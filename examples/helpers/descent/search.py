"""Gradient descent against random search, for the digit network with its 13,002 parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import nn
import tinygrad_lecture as tl

Cost = Callable[[nn.MLP], tl.Tensor]


def cost_at(network: nn.MLP, weights: tl.Tensor, cost_of: Cost) -> float:
    """The cost of the network with these weights, (13002,)."""
    with tl.no_grad():
        nn.utils.vector_to_parameters(weights, network.parameters())
        return cost_of(network).item()


def by_gradient(network: nn.MLP, weights: tl.Tensor, evaluations: int, cost_of: Cost) -> list[float]:
    """Gradient descent. A backward pass takes about as long as a forward pass, so a step counts as two evaluations."""
    nn.utils.vector_to_parameters(weights, network.parameters())
    optimizer = nn.optim.SGD(network.parameters(), lr=3.0)
    costs = []
    for _ in range(max(1, evaluations // 2)):
        optimizer.zero_grad()
        C = cost_of(network)
        C.backward()
        optimizer.step()
        costs += [C.item()] * 2
    return costs


def by_random_changes(network: nn.MLP, weights: tl.Tensor, evaluations: int, cost_of: Cost) -> list[float]:
    """Change all weights a little at random, and keep the change if the cost falls."""
    costs = [cost_at(network, weights, cost_of)]
    for _ in range(evaluations - 1):
        changed = weights + 0.02 * tl.randn(len(weights))
        C = cost_at(network, changed, cost_of)
        if costs[-1] > C:
            weights = changed
        costs.append(min(C, costs[-1]))
    return costs


def by_random_weights(evaluations: int, cost_of: Cost) -> list[float]:
    """The lowest cost so far of networks with weights drawn anew each time."""
    with tl.no_grad():
        costs = [cost_of(random_network()).item() for _ in range(evaluations)]
    return np.minimum.accumulate(costs).tolist()


def random_network() -> nn.MLP:
    """The digit network with random weights."""
    network = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    return network
