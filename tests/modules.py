"""Modules in tests: other tensors in the place of their parameters, and weights that are not what they start with."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

import tinygrad_lecture as tl
import nn

M = TypeVar("M", bound=nn.Module)


def call_with(module: nn.Module, parameters: dict[str, tl.Tensor], *inputs: tl.Tensor) -> tl.Tensor:
    """Call a module with other tensors in the place of its parameters."""
    before = dict(module.named_parameters())
    owners = {name: dict(module.named_modules())[name.rpartition(".")[0]] for name in before}
    try:
        for name, tensor in parameters.items():
            vars(owners[name])[name.rpartition(".")[2]] = tensor
        return module(*inputs)  # type: ignore[no-any-return]
    finally:
        for name, parameter in before.items():
            vars(owners[name])[name.rpartition(".")[2]] = parameter


def shuffled(module: M, dtype: Any = tl.float64, device: str = "cpu", scale: float = 0.5) -> M:
    """The module with all parameters drawn anew, the biases and norms too, so that none is invisible."""
    random = np.random.default_rng(0)
    for parameter in module.parameters():
        with tl.no_grad():
            parameter.copy_(tl.tensor(random.normal(size=parameter.shape) * scale + 0.05))
    return module.to(dtype=dtype, device=device)


def gradcheck_module(module: nn.Module, *inputs: tl.Tensor) -> None:
    """Hold the gradients by the inputs that want one, and by every parameter, against differences."""
    parameters = dict(module.named_parameters())
    by = [x for x in inputs if x.requires_grad]

    def run(*values: tl.Tensor) -> tl.Tensor:
        given = iter(values)
        arguments = [next(given) if x.requires_grad else x for x in inputs]
        return call_with(module, dict(zip(parameters, given, strict=True)), *arguments)

    assert tl.gradcheck(run, [*by, *parameters.values()])
