"""MLP: a stack of linear layers with activations between them, the lecture's network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

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
        if isinstance(sizes, int):
            given = [n for n in (sizes, activation, final_activation, bias) if type(n) is int]
            raise TypeError(f"MLP: the sizes go into one list: write MLP({given})")
        if len(sizes) < 2:
            raise ValueError(f"MLP: sizes must be at least two numbers, inputs and outputs, not {list(sizes)}")
        layers: list[Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [Linear(n_in, n_out, bias, device, dtype), _made(activation)]
        layers.pop()
        if final_activation is not None:
            layers.append(_made(final_activation))
        super().__init__(*layers)


def _made(activation: Any) -> Module:
    """The module that a class, or function, makes."""
    if isinstance(activation, type) and issubclass(activation, Module):
        return activation()
    bare = "; leave out its parentheses" if isinstance(activation, Module) else ""
    wanted = f"MLP: an activation must be a class such as nn.ReLU, not {shown(activation)}{bare}"
    try:
        made = None if bare else activation()
    except TypeError:
        hide_frames()
        raise TypeError(wanted) from None
    if not isinstance(made, Module):
        hide_frames()
        raise TypeError(wanted)
    return made
