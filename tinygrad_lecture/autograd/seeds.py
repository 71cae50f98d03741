"""The upstream gradient that a backward pass starts with."""

from __future__ import annotations

from typing import Any

from ..backend import device_of, xp
from ..conversion import new_array
from ..errors.kinds import TensorError
from ..traced import Traced, wrap


def seed_for(x: Traced, gradient: Any, create_graph: bool) -> Any:
    """The initial upstream gradient at x: one by default for a single element; under create_graph, a Tensor.

    gradient: what the user gave, of x's shape; None stands for 1 if x has a single element.
    Raises RuntimeError if x does not require grad, or needs a gradient and got none; ValueError for another shape or
    device.
    """
    array = x._array
    if x._node is None:
        raise RuntimeError(
            "this tensor does not require grad, so there is nothing to differentiate: it was computed from constants, "
            "under no_grad(), or by an op without a gradient (comparisons, argmax, integers), or it is a derivative "
            "that is constant, as that of 3 * x; set requires_grad=True on the inputs"
        )
    if gradient is None:
        if array.size != 1:
            raise RuntimeError(
                f"backward from shape {array.shape} needs an upstream gradient of that shape, in x.backward(gradient) "
                "or as grad_outputs of tl.grad; or reduce to one number first, as in x.sum().backward()"
            )
        seed: Any = wrap(xp(array).array(1, array.dtype, ndmin=array.ndim))
    else:
        here = device_of(array)
        seed = gradient if isinstance(gradient, Traced) else wrap(new_array(gradient, array.dtype, here))
        there = device_of(seed._array)
        if seed._array.shape != array.shape:
            raise TensorError(f"the upstream gradient has shape {seed._array.shape}, but the tensor has {array.shape}")
        if there != here:
            raise TensorError(f"the upstream gradient is on {there}, but the tensor on {here}; move it there")
        seed = seed.to(dtype=array.dtype)
    return seed if create_graph else seed._array
