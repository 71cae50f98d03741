"""Normalisation over the last axes: layer_norm and rms_norm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.ops.half import in_float32

from ..errors.checks import shape_complaint


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var over the last axes; var divides by n.

    - `input`: `(..., *normalized_shape)`; the output has the same shape.
    - `weight`, `bias`: of shape `normalized_shape`, or None.

    Raises ValueError if a shape does not fit. (Ba et al., arXiv:1607.06450.)
    """
    axes = _normalized_axes("layer_norm", input, normalized_shape, weight, bias)
    return tl.layer_norm(input, weight, bias, axes, eps)  # type: ignore[no-any-return]


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x²) + eps) · weight, with the mean over the last axes.

    - `input`: `(..., *normalized_shape)`; the output has the same shape.
    - `weight`: of shape `normalized_shape`, or None.
    - `eps`: by default the machine epsilon of the input's dtype.

    Raises ValueError if a shape does not fit. (Zhang & Sennrich, arXiv:1910.07467.)
    """
    axes = tuple(range(-_normalized_axes("rms_norm", input, normalized_shape, weight), 0))
    if eps is None:
        eps = float(np.finfo(input.dtype).eps)
    normal = _unit_rms(input, axes, eps)
    return normal if weight is None else normal * weight


@in_float32
def _unit_rms(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    return x / tl.sqrt((x * x).mean(axes, keepdims=True) + eps)


def _normalized_axes(name: str, input: Tensor, normalized_shape: int | Sequence[int], *weights: Tensor | None) -> int:
    """Number of axes in normalized_shape. Raises ValueError unless they are input's last axes and all the weights'."""
    wanted = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not wanted or input.shape[-len(wanted) :] != wanted:
        raise ValueError(f"{name}: {shape_complaint(wanted, input.shape)}")
    for weight in weights:
        if weight is not None and weight.shape != wanted:
            raise ValueError(f"{name}: weight and bias must have the normalized shape, {wanted}, not {weight.shape}")
    return len(wanted)
