"""Calls that leave a module as it is: with other tensors as its parameters, in evaluation mode.

Higher derivatives of a loss by a model's parameters:

    parameters = dict(model.named_parameters())

    def loss(*values):
        return F.mse_loss(nn.functional_call(model, dict(zip(parameters, values)), x), y)

    tl.func.hvp(loss, tuple(parameters.values()), direction)

    tl.gradcheck(loss, tuple(parameters.values()))                  # of a model and data in float64
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tinygrad_lecture import Tensor, TensorError, no_grad

from .module import Module
from .module.tree import join

__all__ = ["functional_call"]


def functional_call(
    module: Module, parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None, kwargs: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """`module(*args, **kwargs)` with some parameters or buffers replaced by other tensors, as in PyTorch.

    - `parameter_and_buffer_dicts`: replacements by the names of `named_parameters` and `named_buffers`, a dict or a
      tuple of dicts.
    - `args`: a tuple of inputs, or a single input; None for none.

    A shared tensor is replaced everywhere.
    The module has its own tensors again afterwards, also if the call raises. Two threads must not call this with the
    same module at once.

    Raises KeyError for an unknown name, TypeError for a replacement that is not a Tensor, ValueError for one of another
    shape, or two different ones for a shared tensor.
    """
    given = parameter_and_buffer_dicts
    tensors = given if isinstance(given, Mapping) else {k: tensor for some in given for k, tensor in some.items()}
    places = _places(module)
    replaced: dict[tuple[Module, str], str] = {}
    for name, tensor in tensors.items():
        if name not in places:
            raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer {name!r}")
        if not isinstance(tensor, Tensor):
            raise TypeError(f"functional_call: {name} must be a Tensor, not {type(tensor).__name__}")
        owner, attribute = next(iter(places[name]))
        if tensor.shape != vars(owner)[attribute].shape:
            wanted = vars(owner)[attribute].shape
            raise TensorError(f"functional_call: {name} must have shape {wanted}, not {tensor.shape}")
        other = replaced.get((owner, attribute), name)
        if tensors[other] is not tensor:
            raise TensorError(f"functional_call: {other} and {name} are shared, but got two different tensors")
        replaced.update(dict.fromkeys(places[name], name))
    before = {(owner, attribute): vars(owner)[attribute] for owner, attribute in replaced}
    try:
        for (owner, attribute), name in replaced.items():
            vars(owner)[attribute] = tensors[name]  # setattr would refuse a Tensor for a Parameter
        return module(*(() if args is None else args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for (owner, attribute), held_before in before.items():
            vars(owner)[attribute] = held_before


def _places(module: Module) -> dict[str, dict[tuple[Module, str], None]]:
    """For each name of a parameter or buffer, all pairs (module, attribute) that hold the tensor."""
    places: dict[str, dict[tuple[Module, str], None]] = {}
    holders: dict[Tensor, dict[tuple[Module, str], None]] = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        for attribute, tensor in (*owner._parameters.items(), *owner._buffers.items()):
            places[join(path, attribute)] = holders.setdefault(tensor, {})
            holders[tensor][owner, attribute] = None
    return places


@contextmanager
def evaluating(model: Module | Iterable[Module]) -> Iterator[None]:
    """Context manager: evaluation mode and no recording; afterwards each module has its own mode again.

    model: a model, or all of its modules, so that they are not looked for again.
    """
    training = [module for module in (model.modules() if isinstance(model, Module) else model) if module.training]
    for module in training:
        module.training = False
    try:
        with no_grad():
            yield
    finally:
        for module in training:
            module.training = True
