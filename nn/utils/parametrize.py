"""Parametrization: a parameter that is computed from others each time it is read.

class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

layer = nn.Linear(3, 3)
register_parametrization(layer, "weight", Symmetric())
layer.weight                                        # symmetric; what is trained is layer.parametrizations.weight
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_lecture import Tensor, no_grad
from tinygrad_lecture.errors import brief

from ..container import ModuleDict, ModuleList
from ..module import Module, Parameter


class ParametrizationList(ModuleList):
    """The modules that compute a parameter, in order, and the parameters from which they do: `original`, or several."""

    def __init__(self, modules: Sequence[Module], original: Tensor) -> None:
        super().__init__(modules)
        values = self._inverted(original)
        self.several = isinstance(values, tuple | list)
        trained = original.requires_grad
        if not self.several:
            with no_grad():
                original.copy_(values)
            if isinstance(original, Parameter):
                self.original: Tensor = original
            else:
                self.register_buffer("original", original)
        for i, value in enumerate(values if self.several else ()):
            setattr(self, f"original{i}", Parameter(value, requires_grad=trained))

    def _inverted(self, value: Any) -> Any:
        """What the modules compute a value from, as far as they know: their `right_inverse`."""
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        return value

    def _originals(self) -> list[Any]:
        if not self.several:
            return [self.original]
        return [value for name, value in vars(self).items() if name.startswith("original")]

    def forward(self) -> Any:
        """The parameter."""
        first, *others = self
        x = first(*self._originals())
        for module in others:
            x = module(x)
        return x

    def assign(self, value: Tensor) -> None:
        """Let the modules compute this value, or as near as they can come to it."""
        values = self._inverted(value)
        for original, new in zip(self._originals(), values if self.several else [values], strict=True):
            with no_grad():
                original.copy_(new)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a parameter or buffer of a module be computed by another module, from then on. Returns the module.

    parametrization: `forward(x)` computes the parameter from another of the same shape; an optional `right_inverse`
    computes that one from the parameter, so that it keeps its value, or a tuple of several.
    unsafe: allow another shape or dtype. A second call composes both.
    Raises ValueError for an unknown name, or a result of another shape or dtype.
    """
    known = is_parametrized(module, tensor_name)
    if not known and tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer {tensor_name!r}"
        )
    before = getattr(module, tensor_name)
    parametrization.train(module.training)
    computed = ParametrizationList([parametrization], before)  # also of one that is computed already: a trial
    made = computed()
    if not unsafe and (made.shape, made.dtype) != (before.shape, before.dtype):
        raise ValueError(
            f"register_parametrization: {tensor_name} is {brief(before)}, but the parametrization made {brief(made)}; "
            "pass unsafe=True if that is meant"
        )
    if known:
        _computed_in(module)[tensor_name].append(parametrization)
        return module
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.__class__ = type(f"Parametrized{type(module).__name__}", (type(module),), {})
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _attribute(tensor_name))
    _computed_in(module)[tensor_name] = computed
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether this, or any, parameter of a module is computed."""
    held = vars(module).get("parametrizations")
    return isinstance(held, ModuleDict) and (tensor_name is None or tensor_name in held)


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a computed parameter an ordinary one again, with its present value. Returns the module.

    leave_parametrized: False for the value of what it was computed from. Raises ValueError if it is not computed, or
    computed from several and leave_parametrized=False.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {tensor_name} of {type(module).__name__} has no parametrization")
    held = _computed_in(module)[tensor_name]
    if held.several and not leave_parametrized:
        raise ValueError(f"remove_parametrizations: {tensor_name} is computed from several; leave_parametrized=True")
    with no_grad():
        value = getattr(module, tensor_name) if leave_parametrized else held.original
    if held.several:
        restored = Parameter(value, requires_grad=held.original0.requires_grad)
    else:
        restored = held.original
        with no_grad():
            restored.copy_(value)
    delattr(type(module), tensor_name)
    del _computed_in(module)[tensor_name]
    setattr(module, tensor_name, restored)
    if not len(_computed_in(module)):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def _computed_in(module: Module) -> Any:
    """The lists by which a module's parameters are computed, by name."""
    return vars(module)["parametrizations"]


def _attribute(name: str) -> property:
    """The attribute of a computed parameter."""

    def read(module: Any) -> Any:
        return _computed_in(module)[name]()

    def assign(module: Any, value: Tensor) -> None:
        _computed_in(module)[name].assign(value)

    return property(read, assign)
