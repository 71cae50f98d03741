"""What is done to parameters and gradients: clipping, all of them as one vector, a weight's length apart.

`rnn` pads sequences of different lengths to a batch.

Clip between `backward` and `step`, so that one bad batch does not undo the training:

    loss.backward()
    nn.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()

With weight_norm a weight is computed of others, wherever the layer reads it: its length and its direction are trained.

    layer = nn.utils.weight_norm(nn.Linear(4, 3))       # trains layer.weight_g and layer.weight_v
    layer(x)                                            # with layer.weight = weight_g · weight_v / ‖weight_v‖
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, reduce
from operator import add
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, cat
from tinygrad_lecture.autograd.memory import announce_write
from tinygrad_lecture.backend import FLOAT64, Array, device_of, move, xp
from tinygrad_lecture.errors import TensorError

from ..errors import as_parameters
from ..module import Module, Parameter
from . import rnn

__all__ = ["clip_grad_norm_", "parameters_to_vector", "rnn", "vector_to_parameters", "weight_norm"]


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients in place by min(1, max_norm / (norm + 1e-6)), and return their norm before clipping.

    The norm is that of all gradients as one vector, sqrt(Σ g²). It is a 0-d Tensor on the gradients' device, computed
    without waiting for a GPU. One NaN makes every gradient NaN: find the op that made it with `tl.detect_anomaly`.
    """
    given = [parameters] if isinstance(parameters, Tensor) else as_parameters("clip_grad_norm_", parameters)
    grads = [g._array for g in [p.grad for p in given] if g is not None]
    if not grads:
        return Tensor(0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = [_sum_of_squares(g) for g in grads]
        if set(map(type, grads)) != {np.ndarray}:  # they may be on several devices
            squares = [move(each, device_of(grads[0])) for each in squares]
        total = reduce(add, squares) ** 0.5
        factor = xp(total).minimum(float(max_norm) / (total + 1e-6), 1.0)
        if xp(total) is not np:  # a comparison would wait for the GPU
            factors = [move(factor, device_of(g)).astype(g.dtype) for g in grads]
        else:
            factors = [float(factor)] * len(grads) if factor != 1 else []
        announce_write(*grads[: len(factors)])
        for g, number in zip(grads, factors, strict=False):
            g *= number
    return Tensor(xp(total).asarray(total), dtype=grads[0].dtype)


def _sum_of_squares(array: Array) -> Array:
    """Σ x²: a 0-d float64 array on the array's device; overflow shows as infinity."""
    flat = array.ravel("K")  # a view where memory is contiguous, in any order
    if flat.dtype == np.float16:
        flat = flat.astype(np.float32)  # squares overflow float16
    return xp(array).vdot(flat, flat).astype(FLOAT64)


# --- as one vector ------------------------------------------------------------------------------------------


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after another, as a vector `(n,)`. Gradients flow back through it.

    Raises ValueError without parameters.
    """
    vector: Tensor = cat([p.reshape(-1) for p in as_parameters("parameters_to_vector", parameters)])
    return vector


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of a vector `(n,)` into the parameters, in place.

    Raises ValueError unless the vector has as many elements as all parameters together.
    """
    params = as_parameters("vector_to_parameters", parameters)
    wanted = sum(p.numel() for p in params)
    if vec.shape != (wanted,):
        raise TensorError(f"vector_to_parameters: the vector is {vec.shape}, and the parameters have {wanted} elements")
    end = 0
    for p in params:
        begin, end = end, end + p.numel()
        p.inplace()[...] = move(vec._array[begin:end], p.device).reshape(p.shape)


# --- length and direction apart -----------------------------------------------------------------------------


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """The module, whose parameter `name` becomes name_g · name_v / ‖name_v‖: length and direction, trained apart.

    dim: the axis of the vectors, each with a length of its own; `name_g` has size 1 along the others. None or -1 is
    one length for all, as in PyTorch. Raises ValueError if the module has no such parameter. (Salimans & Kingma,
    arXiv:1602.07868.)
    """
    weight = vars(module).get(name)
    if not isinstance(weight, Parameter) or hasattr(weight, "initialize"):  # it waits for its first input
        raise ValueError(f"weight_norm: {type(module).__name__} has no parameter {name!r}, or not yet")
    delattr(module, name)
    setattr(module, f"{name}_g", Parameter(_lengths(weight.detach(), dim)))
    setattr(module, f"{name}_v", weight)
    kind: Any = type(module)
    module.__class__ = _normalized(kind, name, dim)
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
