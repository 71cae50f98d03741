"""MLP: a stack of linear layers with activations between them, the lecture's network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from .activation import ReLU
from .container import Sequential
from .errors import check_layer_sizes, made_module
from .linear import Linear
from .module import Module

__all__ = ["MLP"]


class MLP(Sequential):
    """Multilayer perceptron: Linear, activation, Linear, activation, ..., Linear.

    Shape: `(..., sizes[0]) -> (..., sizes[-1])`. With two layers, W_2 σ(W_1 x + b_1) + b_2 (Rumelhart, Hinton &
    Williams, Nature 323, 1986).

        nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)       # the lecture's, for handwritten digits

    - `sizes`: number of inputs, of neurons in each hidden layer, of outputs.
    - `activation`: class, or function that makes a module, for the activation after each hidden layer.
    - `final_activation`: the same for the last layer; None where the loss takes logits, as cross-entropy does.

    Raises ValueError for fewer than two sizes, TypeError for sizes that are not in a list and for an activation that is
    not a class of modules, such as nn.ReLU.
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
        check_layer_sizes("MLP", sizes, activation, final_activation)
        layers: list[Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [Linear(n_in, n_out, bias, device, dtype), made_module("MLP", activation)]
        layers.pop()
        if final_activation is not None:
            layers.append(made_module("MLP", final_activation))
        super().__init__(*layers)
