"""The price of a gradient: time and memory of forward and backward with the digit network, and finite differences."""

from __future__ import annotations

import tracemalloc
from time import perf_counter

import numpy as np

import nn
import tinygrad_lecture as tl


def measure(model: nn.MLP, x: tl.Tensor, y: tl.Tensor, repeats: int) -> tuple[float, float]:
    """The median seconds of a forward and of a backward pass."""
    seconds = []
    for _ in range(repeats + 1):
        model.zero_grad()
        begin = perf_counter()
        C = nn.functional.mse_loss(model(x), y)
        middle = perf_counter()
        C.backward()
        seconds.append((middle - begin, perf_counter() - middle))
    return tuple(np.median(seconds[1:], axis=0).tolist())  # the first is slower


def memory(model: nn.MLP, x: tl.Tensor, y: tl.Tensor) -> int:
    """The most bytes that a forward and a backward pass hold at once, beside the pictures and the weights."""
    model.zero_grad()
    tracemalloc.start()
    try:
        nn.functional.mse_loss(model(x), y).backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def gradient(model: nn.MLP, x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
    """The gradient of the mean cost for all parameters, (13002,)."""
    model.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    return nn.utils.parameters_to_vector([p.grad for p in model.parameters()])


def noise(model: nn.MLP, x: tl.Tensor, y: tl.Tensor, n: int, seed: int) -> list[float]:
    """How far the gradients of 20 random batches of n pictures lie from that of all, relative to its length."""
    whole = gradient(model, x, y)  # (13002,)
    batches = np.random.default_rng(seed).integers(0, len(x), (20, n))
    return [((gradient(model, x[i], y[i]) - whole).norm() / whole.norm()).item() for i in batches]


def try_some(x: tl.Tensor, y: tl.Tensor, h: float = 1e-5, some: int = 50) -> float:
    """Finite differences for some weights of the second layer: the largest relative difference from backward()."""
    model = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid, dtype=tl.float64)
    x, y = x.double(), y.double()
    found = gradient(model, x, y)[784 * 16 + 16 :]  # without those of the first layer
    W = model[2].weight  # (16, 16)
    tried = []
    with tl.no_grad():
        for k in range(some):
            i = divmod(k, 16)
            W[i] += h
            more = nn.functional.mse_loss(model(x), y).item()
            W[i] -= 2 * h
            less = nn.functional.mse_loss(model(x), y).item()
            W[i] += h
            tried.append((more - less) / (2 * h))
    return float(np.abs(found[:some].numpy() - tried).max() / np.abs(tried).max())
