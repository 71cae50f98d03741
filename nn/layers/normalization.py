"""Normalisation layers: each takes mean and variance over other axes, and then learnt scales and shifts.

LayerNorm and RMSNorm: the last axes, for each row. BatchNorm: the batch, for each channel, with running averages for
evaluation. GroupNorm and InstanceNorm: groups of channels, or one channel, of each image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

from .. import functional as F, init
from ..errors import check_sizes, check_tensor
from ..functional.images import LAYOUTS
from ..functional.normalization import check_eps, rms_eps, row_axes
from ..module import Module, Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "GroupNorm", "InstanceNorm2d", "LayerNorm", "RMSNorm"]


class Affine(Module):
    """A module with a `weight`, initially 1, and a `bias`, initially 0; either may be None."""

    weight: Parameter | None
    bias: Parameter | None

    def make_affine(self, shape: Any, weight: bool, bias: bool, dtype: Any, device: str) -> None:
        """Make both, of this shape, if they are wanted."""
        self.weight = Parameter(tl.ones(shape, dtype=dtype, device=device)) if weight else None
        self.bias = Parameter(tl.zeros(shape, dtype=dtype, device=device)) if weight and bias else None

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


# --- over the last axes -------------------------------------------------------------------------------------


class _RowNorm(Affine):
    eps: Any

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = 1e-5, elementwise_affine: bool = True,
        bias: bool = True, device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        sizes = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        for size in sizes:
            check_sizes(name, normalized_shape=size)
        if isinstance(eps, int) and eps > 0:
            call = f"{name}({(*sizes, eps)})"
            raise TypeError(f"{name}: eps is a small float, not {eps}; sizes go into one tuple: {call}")
        if eps is not None:
            check_eps(name, eps)
        self.normalized_shape, self.eps, self.elementwise_affine = sizes, eps, elementwise_affine
        self.make_affine(sizes, elementwise_affine, bias, dtype, device)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LayerNorm(_RowNorm):
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var over the last axes.

    Shape: `(..., *normalized_shape) -> (..., *normalized_shape)`.

    - `normalized_shape`: sizes of these axes, or the size of the last axis.
    - `weight`, `bias`: of shape `normalized_shape`, initially 1 and 0. Both are None with elementwise_affine=False,
      the bias also with bias=False.

    Raises ValueError for sizes below 1 or a negative eps. (Ba et al., arXiv:1607.06450.)
    """

    def forward(self, x: Tensor) -> Tensor:
        """`(..., *normalized_shape) -> (..., *normalized_shape)`."""
        if self.weight is None:
            row_axes("layer_norm", x, self.normalized_shape)
        try:  # the op compares x with the weight's shape
            return tl.layer_norm(x, self.weight, self.bias, len(self.normalized_shape), self.eps)
        except ValueError:
            row_axes("layer_norm", x, self.normalized_shape)  # says more
            raise

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, bias={self.bias is not None}"


class RMSNorm(_RowNorm):
    """x / sqrt(mean(x²) + eps) · weight, with the mean over the last axes.

    Shape: `(..., *normalized_shape) -> (..., *normalized_shape)`.

    - `normalized_shape`: sizes of these axes, or the size of the last axis.
    - `weight`: of shape `normalized_shape`, initially 1; None with elementwise_affine=False.
    - `eps`: by default the machine epsilon of the input's dtype.

    Raises ValueError for sizes below 1 or a negative eps. (Zhang & Sennrich, arXiv:1910.07467.)
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True,
        device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(normalized_shape, eps, elementwise_affine, False, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., *normalized_shape) -> (..., *normalized_shape)`."""
        if self.weight is None:
            row_axes("rms_norm", x, self.normalized_shape)
        try:
            eps = rms_eps(x) if self.eps is None else self.eps
            return tl.rms_norm(x, self.weight, len(self.normalized_shape), eps)
        except (ValueError, AttributeError):  # as of a tuple, which has no dtype
            row_axes("rms_norm", x, self.normalized_shape)
            raise


def check_rank(x: Tensor, ranks: tuple[int, ...], layout: str) -> None:
    """Raises TypeError unless the input is a Tensor, ValueError for a shape of another number of axes."""
    check_tensor("forward", "input", x)
    if x.ndim not in ranks:
        raise TensorError(f"input must be {layout}, not {x.shape}")


# --- of channels --------------------------------------------------------------------------------------------


class BatchNorm(Affine):
    """What BatchNorm1d and BatchNorm2d share: all but the number of axes."""

    ranks: tuple[int, ...]  # how many axes the input may have
    layout: str  # what they are
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: str = "cpu", dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        check_sizes(type(self).__name__, num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.make_affine(num_features, affine, bias, dtype, device)
        mean, var = (make(num_features, dtype=dtype, device=device) for make in (tl.zeros, tl.ones))
        averages = {"running_mean": mean, "running_var": var, "num_batches_tracked": tl.tensor(0, device=device)}
        for name, average in averages.items():
            self.register_buffer(name, average if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Set the running averages to mean 0 and variance 1."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set the weight to 1, the bias to 0, and the running averages to mean 0 and variance 1."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def forward(self, x: Tensor) -> Tensor:
        """The output has the input's shape. In training this updates the running averages."""
        check_rank(x, self.ranks, self.layout)
        momentum: Any = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            if self.momentum is None:  # the average over all batches so far
                momentum = 1 / self.num_batches_tracked.to(dtype=self.running_mean.dtype)  # type: ignore[union-attr]
        use_batch = self.training or self.running_mean is None
        tracked = self.track_running_stats or not self.training
        mean, var = (self.running_mean, self.running_var) if tracked else (None, None)
        return F.batch_norm(x, mean, var, self.weight, self.bias, use_batch, momentum, self.eps)


class BatchNorm1d(BatchNorm):
    """Batch normalisation of vectors or sequences: see `BatchNorm2d`.

    Shape: `(batch, num_features)` or `(batch, num_features, length)`, and the same.
    """

    ranks, layout = (2, 3), "(batch, channels) or (batch, channels, length)"


class BatchNorm2d(BatchNorm):
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var of each channel over the batch and both axes.

    Shape: `(batch, num_features, height, width)`, and the same.

    In training mean and var are the batch's, and running averages are kept: average ← (1 - momentum) · average +
    momentum · new, or with momentum=None the mean over all batches. In evaluation the running averages are used.

    - `weight`, `bias`: `(num_features,)`, initially 1 and 0; None with affine=False, the bias also with bias=False.
    - `running_mean`, `running_var`, `num_batches_tracked`: buffers; None with track_running_stats=False, where
      evaluation uses the batch's mean and var too. The running variance is the unbiased one.

    Raises ValueError for another shape and, in training, for a batch with one number per channel.
    (Ioffe & Szegedy, arXiv:1502.03167.)
    """

    ranks, layout = (4,), LAYOUTS[2]


class InstanceNorm2d(Affine):
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var of each channel of each image.

    Shape: `(batch, num_features, height, width)`, also without the batch axis, and the same.

    - `weight`, `bias`: `(num_features,)`, initially 1 and 0, with affine=True; else None. bias=False leaves it out.

    Raises ValueError for another shape and for images of one number per channel, NotImplementedError for
    track_running_stats. (Ulyanov et al., arXiv:1607.08022.)
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: str = "cpu", dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        check_sizes("InstanceNorm2d", num_features=num_features)
        if track_running_stats:
            raise NotImplementedError("InstanceNorm2d: track_running_stats is not here; BatchNorm2d has it")
        self.num_features, self.eps, self.momentum, self.affine = num_features, eps, momentum, affine
        self.make_affine(num_features, affine, bias, dtype, device)

    def forward(self, x: Tensor) -> Tensor:
        """The output has the input's shape. Raises ValueError for images of one number per channel."""
        check_rank(x, (3, 4), f"{LAYOUTS[2]}, or one without batch")
        images = x[None] if x.ndim == 3 else x
        if images.shape[2] * images.shape[3] < 2:
            raise TensorError(f"a channel of an image needs two numbers or more, got {x.shape}")
        y = F.group_norm(images, images.shape[1], self.weight, self.bias, self.eps)
        return y[0] if x.ndim == 3 else y

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats=False"
        )


class GroupNorm(Affine):
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var over each group of channels of each image.

    Shape: `(batch, num_channels, ...)`, and the same. It does not depend on the batch, in training neither.

    - `weight`, `bias`: `(num_channels,)`, initially 1 and 0; None with affine=False, the bias also with bias=False.

    Raises ValueError unless num_groups divides num_channels. (Wu & He, arXiv:1803.08494.)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        device: str = "cpu", dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        check_sizes("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} must divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.make_affine(num_channels, affine, bias, dtype, device)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, num_channels, ...) -> (batch, num_channels, ...)`."""
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        sizes = f"{self.num_groups}, {self.num_channels}"
        return f"{sizes}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"
