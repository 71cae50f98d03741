"""BatchNorm1d and BatchNorm2d: rescale each channel by the mean and variance that it has in the batch."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

from .. import functional as F
from ..errors import LAYOUTS, check_sizes, check_tensor
from .affine import Affine


class Channels(Affine):
    """What batch and instance normalisation share: scales, shifts and running averages, one for each channel."""

    ranks: tuple[int, ...]  # how many axes the input may have
    layout: str  # what they are
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool,
        device: str, dtype: Any, bias: bool,
    ) -> None:  # fmt: skip
        check_sizes(type(self).__name__, num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        settings = {"dtype": dtype, "device": device}
        self.make_affine(num_features, affine, bias, dtype, device)
        tracked = track_running_stats
        self.register_buffer("running_mean", tl.zeros(num_features, **settings) if tracked else None)
        self.register_buffer("running_var", tl.ones(num_features, **settings) if tracked else None)
        self.register_buffer("num_batches_tracked", tl.tensor(0, device=device) if tracked else None)

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

    def check(self, x: Tensor) -> None:
        """Raises TypeError unless the input is a Tensor, ValueError for another number of axes."""
        check_tensor("forward", "input", x)
        if x.ndim not in self.ranks:
            raise TensorError(f"input must be {self.layout}, not {x.shape}")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm(Channels):
    """What BatchNorm1d and BatchNorm2d share: all but the number of axes."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: str = "cpu", dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, x: Tensor) -> Tensor:
        """The output has the input's shape. In training this updates the running averages."""
        self.check(x)
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
