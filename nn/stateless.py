"""A module as a function of its parameters: called with other tensors in their place.

parameters = dict(model.named_parameters())

def loss(*values):
    return F.mse_loss(nn.functional_call(model, dict(zip(parameters, values)), x), y)

tl.func.hvp(loss, tuple(parameters.values()), direction)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tinygrad_lecture import Tensor, no_grad

from .module import Module


def functional_call(
    module: Module, parameters: Mapping[str, Tensor], args: Any = (), kwargs: Mapping[str, Any] | None = None
) -> Any:
    """What the module returns with other tensors in the place of some of its parameters or buffers, as in PyTorch.

    parameters: by the names of `named_parameters` and `named_buffers`; a shared one is replaced wherever it is.
    args: a tuple of inputs, or a single one.  kwargs: those with names.
    Afterwards, and if the call fails, the module is as it was. Not for two threads with the same module.
    Raises KeyError for a name that the module does not have, TypeError for what is no Tensor, ValueError for one of
    another shape, or for two in the place of one that is shared.
    """
    places = _places(module)
    taken: dict[tuple[Module, str], tuple[str, Tensor]] = {}
    for name, tensor in parameters.items():
        if name not in places:
            raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer {name!r}")
        if not isinstance(tensor, Tensor):
            raise TypeError(f"functional_call: wanted a Tensor for {name}, not a {type(tensor).__name__}")
        other, same = taken.setdefault(places[name][0], (name, tensor))
        if same is not tensor:
            raise ValueError(f"functional_call: {other} and {name} are one, and cannot be two different tensors")
        (owner, attribute), *_ = places[name]
        if tensor.shape != vars(owner)[attribute].shape:
            raise ValueError(
                f"functional_call: {name} has shape {vars(owner)[attribute].shape}, and {tensor.shape} cannot stand in "
                "its place"
            )
    replaced = [(owner, attribute, name) for name in parameters for owner, attribute in places[name]]
    before = [vars(owner)[attribute] for owner, attribute, _ in replaced]
    try:
        for owner, attribute, name in replaced:
            vars(owner)[attribute] = parameters[name]  # not by assignment, which refuses a Tensor for a Parameter
        return module(*(args if isinstance(args, (tuple, list)) else (args,)), **(kwargs or {}))
    finally:
        for (owner, attribute, _), held in zip(replaced, before, strict=True):
            vars(owner)[attribute] = held


def _places(module: Module) -> dict[str, list[tuple[Module, str]]]:
    """Under each name of a parameter or buffer: all modules that hold it, and as which attribute."""
    holders: dict[Tensor, list[tuple[Module, str]]] = {}
    names: dict[str, Tensor] = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        for own in (owner.named_parameters, owner.named_buffers):
            for attribute, tensor in own(recurse=False, remove_duplicate=False):
                names[f"{path}.{attribute}" if path else attribute] = tensor
                if (owner, attribute) not in holders.setdefault(tensor, []):
                    holders[tensor].append((owner, attribute))
    return {name: holders[tensor] for name, tensor in names.items()}


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Within it nothing is recorded and every part is in evaluation mode; each goes back to its own afterwards."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        with no_grad():
            yield
    finally:
        for module in training:
            module.training = True
