"""MLP: a stack of linear layers with activations between them, the lecture's network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from .activation import ReLU
from .container import Sequential
from .linear import Linear
from .module import Module


class MLP(Sequential):
    """Multilayer perceptron: Linear, activation, Linear, activation, ..., Linear.

    Shape: `(..., sizes[0]) -> (..., sizes[-1])`.

        nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)       # the lecture's, for handwritten digits

    - `sizes`: number of inputs, of neurons in each hidden layer, of outputs.
    - `activation`: class, or function that makes a module, for the activation after each hidden layer.
    - `final_activation`: the same for the last layer; None where the loss takes logits, as cross-entropy does.

    Raises ValueError for fewer than two sizes.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[], Module] = ReLU,
        final_activation: Callable[[], Module] | None = None,
        bias: bool = True,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        if len(sizes) < 2:
            raise ValueError(f"MLP: sizes must be at least two numbers, inputs and outputs, not {list(sizes)}")
        layers: list[Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [Linear(n_in, n_out, bias, device, dtype), activation()]
        layers.pop()
        if final_activation is not None:
            layers.append(final_activation())
        super().__init__(*layers)
