"""Normalisation: (x - mean) / sqrt(var + eps), with mean and var over the last axes, the batch, or groups of channels.

All but rms_norm, which has no mean, are layer_norm of other rows: batch_norm's are the channels,
group_norm's the groups of each image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.autograd.op import Value
from tinygrad_lecture.backend import Array, xp
from tinygrad_lecture.kernels.arrays import row_products, row_sums
from tinygrad_lecture.kernels.fused import centre, layer_norm as normalised_rows, layer_norm_backward
from tinygrad_lecture.ops.composite import as_floats
from tinygrad_lecture.tensor_base import TENSORS

from ..errors import check_tensor, shape_complaint

__all__ = ["batch_norm", "group_norm", "layer_norm", "rms_norm"]


def layer_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var over the last axes; var divides by n.

    - `input`: `(..., *normalized_shape)`; the output has the same shape.
    - `weight`, `bias`: of shape `normalized_shape`, or None.

    Raises ValueError if a shape does not fit. (Ba et al., arXiv:1607.06450.)
    """
    axes = row_axes("layer_norm", input, normalized_shape)
    return tl.layer_norm(input, weight, bias, axes, eps)


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x²) + eps) · weight, with the mean over the last axes.

    - `input`: `(..., *normalized_shape)`; the output has the same shape.
    - `weight`: of shape `normalized_shape`, or None.
    - `eps`: by default the machine epsilon of the input's dtype.

    Raises ValueError if a shape does not fit. (Zhang & Sennrich, arXiv:1910.07467.)
    """
    axes = row_axes("rms_norm", input, normalized_shape)
    return tl.rms_norm(input, weight, axes, rms_eps(input) if eps is None else eps)


def rms_eps(x: Tensor) -> float:
    """The eps of `rms_norm` unless it is given: the distance from 1 to the next number of x's dtype, as in PyTorch."""
    return float(np.finfo(x.dtype).eps)


def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var of each channel, axis 1.

    - `training`: True to take them over the batch and all other axes, and to move the running averages towards them:
      average ← (1 - momentum) · average + momentum · new, in place. False to use the running averages.
    - `running_mean`, `running_var`, `weight`, `bias`: `(channels,)`, or None. The variance that the average gets is the
      unbiased one.

    Raises ValueError if a shape does not fit and, in training, for one number per channel.
    (Ioffe & Szegedy, arXiv:1502.03167.)
    """
    check_eps("batch_norm", eps, positive=training)
    _check_channels("batch_norm", input, running_mean, running_var, weight, bias)
    if not training:
        if running_mean is None or running_var is None:
            raise TensorError("batch_norm: without training it needs running_mean and running_var, not None")
        mean, var = _along_channels(running_mean, input), _along_channels(running_var, input)
        return _scaled((as_floats(input) - mean) / tl.sqrt(var + eps), weight, bias)
    if input.numel() < 2 * input.shape[1]:
        raise TensorError(
            f"batch_norm: in training a channel needs two numbers or more, got {input.shape}; take larger batches "
            "(DataLoader's drop_last=True leaves out a small one at the end), or evaluate after model.eval()"
        )
    rows = _by_channel(input.detach())
    _track(running_mean, rows.mean(1), momentum)
    _track(running_var, rows.var(1), momentum)
    return normalised_channels(input, weight, bias, eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var over each group of channels of each image.

    - `input`: `(batch, channels, ...)`; the output has the same shape. `weight`, `bias`: `(channels,)`, or None.

    Raises ValueError if a shape does not fit. (Wu & He, arXiv:1803.08494.)
    """
    check_eps("group_norm", eps)
    _check_channels("group_norm", input, weight, bias)
    batch, channels, *axes = input.shape
    if num_groups < 1 or channels % num_groups:
        raise TensorError(f"group_norm: {num_groups} groups do not divide the {channels} channels of {input.shape}")
    rows = input.contiguous().reshape(batch, num_groups, channels // num_groups * math.prod(axes))
    return _scaled(tl.layer_norm(rows, eps=eps).reshape(input.shape), weight, bias)


def check_eps(name: str, eps: float, positive: bool = False) -> None:
    """Raises ValueError for a negative eps or NaN, and for 0 if it must be positive."""
    if not eps >= 0 or (positive and eps == 0):
        raise TensorError(f"{name}: eps must be {'above 0' if positive else '0 or more'}, not {eps}")


def _track(average: Tensor | None, new: Tensor, momentum: float) -> None:
    """Move a running average towards a new value, in place."""
    if average is not None:
        with tl.no_grad():
            average.copy_((1 - momentum) * average + momentum * new)


def _along_channels(values: Tensor, input: Tensor) -> Tensor:
    """A value for each channel, in a shape that broadcasts with the input."""
    return values.reshape(values.numel(), *[1] * (input.ndim - 2))


def _scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """x · weight + bias, with a weight and a bias for each channel, or None."""
    x = x if weight is None else x * _along_channels(weight, x)
    return x if bias is None else x + _along_channels(bias, x)


def _check_channels(name: str, input: Tensor, *values: Tensor | None) -> None:
    """Raises ValueError unless all values are vectors with a number for each channel, axis 1 of the input."""
    if input.ndim < 2:
        raise TensorError(f"{name}: input must be (batch, channels, ...), not {input.shape}")
    for value in values:
        if value is not None and value.shape != input.shape[1:2]:
            raise TensorError(f"{name}: {value.numel()} weights or averages do not fit axis 1 of {input.shape}")


def row_axes(name: str, input: Tensor, normalized_shape: int | Sequence[int]) -> int:
    """How many axes normalized_shape has. Raises ValueError unless they are input's last ones."""
    wanted = normalized_shape
    if type(wanted) is not tuple:  # as a layer has it
        wanted = (wanted,) if isinstance(wanted, int) else tuple(wanted)
    if type(input) not in TENSORS:
        check_tensor(name, "input", input)
    n = len(wanted)
    if not n or input._array.shape[-n:] != wanted:
        raise TensorError(f"{name}: {shape_complaint(wanted, input.shape)}") from None
    return n


# --- the op: channels normalised over all other axes, by the kernels that normalise rows -----------------------


def _batch_norm(x: Value, weight: Value = None, bias: Value = None, /, eps: float = 1e-5) -> Value:
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var of each channel, axis 1, over all other axes."""
    rows = tl.layer_norm(_by_channel(x), eps=eps)
    rows = rows if weight is None else rows * weight.reshape(-1, 1)
    return _like(x, rows if bias is None else rows + bias.reshape(-1, 1))


def _by_channel(x: Value) -> Value:
    """(batch, channels, ...) -> (channels, n)."""
    batch, channels, *axes = x.shape
    return tl.reshape(tl.swapaxes(x, 0, 1), (channels, batch * math.prod(axes)))


def _like(x: Value, rows: Value) -> Value:
    """(channels, n) -> (batch, channels, ...), the shape of x."""
    batch, channels, *axes = x.shape
    return tl.swapaxes(tl.reshape(rows, (channels, batch, *axes)), 0, 1)


def _forward(
    x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5, *, keep: bool = False
) -> Any:
    rows, kept = normalised_rows(_by_channel(x), eps=eps, keep=True)
    rows = rows if weight is None else rows * weight[:, None]
    y = xp(x).ascontiguousarray(_like(x, rows if bias is None else rows + bias[:, None]))
    return (y, kept) if keep else y


def _backward(
    g: Array, needs: list[bool], x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5,
    *, kept: tuple[Array, Array],
) -> tuple[Any, ...]:  # fmt: skip
    g, rows = _by_channel(g), _by_channel(x)
    offset, scale = kept
    dbias = row_sums(g)[:, 0] if any(needs[2:]) else None
    dweight = (row_products(g, centre(rows, offset)[0]) * scale)[:, 0] if any(needs[1:2]) else None
    upstream = g if weight is None else g * weight[:, None]
    (dx,) = layer_norm_backward(upstream, [True], rows, eps=eps, kept=kept) if needs[0] else (None,)
    return (None if dx is None else _like(x, dx), dweight, dbias)[: len(needs)]


_batch_norm.__name__ = "batch_norm"  # as errors and graphs show the op
normalised_channels = tl.fused(_batch_norm)
normalised_channels.kernel(_forward, _backward, views=False)
