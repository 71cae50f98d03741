"""Weights that are computed of others, wherever the layer reads them: their length apart from their direction.

layer = nn.utils.weight_norm(nn.Linear(4, 3))       # trains layer.weight_g and layer.weight_v
layer(x)                                            # with layer.weight = weight_g · weight_v / ‖weight_v‖
"""

from __future__ import annotations

from functools import cache
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from ..module import Module, Parameter
from ..module.tree import UninitializedParameter

__all__ = ["remove_weight_norm", "weight_norm"]


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """The module, whose parameter `name` becomes name_g · name_v / ‖name_v‖: length and direction, trained apart.

    dim: the axis of the vectors, each with a length of its own; `name_g` has size 1 along the others. None or -1 is
    one length for all, as in PyTorch. Raises ValueError if the module has no such parameter. (Salimans & Kingma,
    arXiv:1602.07868.)
    """
    weight = vars(module).get(name)
    if not isinstance(weight, Parameter) or isinstance(weight, UninitializedParameter):
        raise ValueError(f"weight_norm: {type(module).__name__} has no parameter {name!r}, or not yet")
    delattr(module, name)
    setattr(module, f"{name}_g", Parameter(_lengths(weight.detach(), dim)))
    setattr(module, f"{name}_v", weight)
    kind: Any = type(module)
    module.__class__ = _normalized(kind, name, dim)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """The module with `name` as a parameter again, of its present values. Raises ValueError without a weight norm."""
    if f"{name}_g" not in vars(module):
        raise ValueError(f"remove_weight_norm: {name!r} of {type(module).__name__} has no weight norm")
    weight = getattr(module, name).detach()
    module.__class__ = type(module).__base__
    delattr(module, f"{name}_g")
    delattr(module, f"{name}_v")
    setattr(module, name, Parameter(weight))
    return module


@cache
def _normalized(kind: Any, name: str, dim: int | None) -> type[Module]:
    """The class of modules of this kind whose attribute `name` is computed when it is read."""

    def computed(module: Any) -> Tensor:
        g, v = (getattr(module, f"{name}_{part}") for part in "gv")
        return v * (g / _lengths(v, dim))  # type: ignore[no-any-return]

    return type(kind.__name__, (kind,), {name: property(computed), "__module__": __name__})


def _lengths(v: Tensor, dim: int | None) -> Any:
    """The lengths of the vectors along an axis, with size 1 along the others."""
    if dim in (None, -1):
        return tl.norm(v)
    return tl.norm(v, axis=tuple(axis for axis in range(v.ndim) if axis != dim % v.ndim), keepdims=True)
