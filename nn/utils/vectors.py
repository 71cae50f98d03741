"""All parameters of a model as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_lecture import Tensor, cat
from tinygrad_lecture.backend import move
from tinygrad_lecture.errors import TensorError

from ..errors import as_parameters


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after another. Gradients flow back through it."""
    vector: Tensor = cat([p.reshape(-1) for p in as_parameters("parameters_to_vector", parameters)])
    return vector


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of a vector into the parameters, in place.

    Raises ValueError unless the vector has as many elements as all parameters together.
    """
    params = as_parameters("vector_to_parameters", parameters)
    wanted = sum(p.numel() for p in params)
    if vec.shape != (wanted,):
        raise TensorError(
            f"vector_to_parameters: the vector has shape {vec.shape}, but the parameters have {wanted} elements"
        )
    end = 0
    for p in params:
        begin, end = end, end + p.numel()
        p.inplace()[...] = move(vec._array[begin:end], p.device).reshape(p.shape)
