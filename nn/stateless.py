"""Temporary state: call a module with other tensors as its parameters, or in evaluation mode.

Higher derivatives of a loss by a model's parameters:

    parameters = dict(model.named_parameters())

    def loss(*values):
        return F.mse_loss(nn.functional_call(model, dict(zip(parameters, values)), x), y)

    tl.func.hvp(loss, tuple(parameters.values()), direction)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from tinygrad_lecture import Tensor, no_grad
from tinygrad_lecture.errors.kinds import TensorError

from .module import Module


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with some parameters or buffers replaced by other tensors, as in PyTorch.

    - `parameter_and_buffer_dicts`: replacements by the names of `named_parameters` and `named_buffers`, a dict or a
      tuple of dicts.
    - `args`: a tuple of inputs, or a single input; None for none.
    - `tie_weights`: a shared tensor is replaced everywhere; with False, under the names given alone.
    - `strict`: every parameter and buffer must be given.

    The module has its own tensors again afterwards, also if the call raises. Two threads must not call this with the
    same module at once.

    Raises KeyError for an unknown name and, with strict, for one that is missing; TypeError for a replacement that is
    not a Tensor, ValueError for one of another shape, or two different ones for a shared tensor.
    """
    given = parameter_and_buffer_dicts
    parameters = given if isinstance(given, Mapping) else {k: tensor for some in given for k, tensor in some.items()}
    places = _places(module, tie_weights)
    replaced = [(owner, attribute, name) for name in parameters for owner, attribute in places.get(name, ())]
    reached = {(owner, attribute) for owner, attribute, _ in replaced}
    missing = [name for name, held in places.items() if not reached.issuperset(held)]
    if strict and missing:
        raise KeyError(
            f"functional_call: strict=True, but {', '.join(missing)} of {type(module).__name__} "
            f"{'is' if len(missing) == 1 else 'are'} missing"
        )
    taken: dict[tuple[Module, str], tuple[str, Tensor]] = {}
    for name, tensor in parameters.items():
        if name not in places:
            raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer {name!r}")
        if not isinstance(tensor, Tensor):
            raise TypeError(f"functional_call: {name} must be a Tensor, not {type(tensor).__name__}")
        other, same = taken.setdefault(places[name][0], (name, tensor))
        if same is not tensor:
            raise TensorError(f"functional_call: {other} and {name} are shared, but got two different tensors")
        (owner, attribute), *_ = places[name]
        wanted = vars(owner)[attribute].shape
        if tensor.shape != wanted:
            raise TensorError(f"functional_call: {name} must have shape {wanted}, not {tensor.shape}")
    before = [vars(owner)[attribute] for owner, attribute, _ in replaced]
    try:
        for owner, attribute, name in replaced:
            vars(owner)[attribute] = parameters[name]  # setattr would refuse a Tensor for a Parameter
        return module(*(() if args is None else args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for (owner, attribute, _), held in zip(replaced, before, strict=True):
            vars(owner)[attribute] = held


def _places(module: Module, tied: bool) -> dict[str, list[tuple[Module, str]]]:
    """For each name of a parameter or buffer, all (module, attribute) pairs that hold the tensor, or its own alone."""
    holders: dict[Tensor, list[tuple[Module, str]]] = {}
    names: dict[str, Tensor] = {}
    own_places: dict[str, list[tuple[Module, str]]] = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        for own in (owner.named_parameters, owner.named_buffers):
            for name, tensor in own(path, recurse=False, remove_duplicate=False):
                names[name] = tensor
                place = owner, name.rpartition(".")[2]
                own_places[name] = [place]
                if place not in holders.setdefault(tensor, []):
                    holders[tensor].append(place)
    return {name: holders[tensor] for name, tensor in names.items()} if tied else own_places


class HasModules(Protocol):
    """The interface that `evaluating` needs from a model: its modules."""

    def modules(self) -> Iterable[Module]: ...


@contextmanager
def evaluating(model: HasModules) -> Iterator[None]:
    """Context manager: the model in evaluation mode and no recording; afterwards each module has its own mode again."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        with no_grad():
            yield
    finally:
        for module in training:
            module.training = True
