"""InstanceNorm1d and InstanceNorm2d: rescale each channel of each image by its own mean and variance."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor

from .. import functional as F
from ..errors import LAYOUTS
from .batch import Channels


class _InstanceNorm(Channels):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: str = "cpu", dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, x: Tensor) -> Tensor:
        """The output has the input's shape."""
        self.check(x)
        alone = x.ndim == self.ranks[0]
        use_own = self.training or not self.track_running_stats
        momentum: Any = 0.0 if self.momentum is None else self.momentum
        y = F.instance_norm(
            x[None] if alone else x, self.running_mean, self.running_var, self.weight, self.bias, use_own, momentum,
            self.eps,
        )  # fmt: skip
        return y[0] if alone else y


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of sequences: see `InstanceNorm2d`.

    Shape: `(batch, num_features, length)`, also without the batch axis, and the same.
    """

    ranks, layout = (2, 3), f"{LAYOUTS[1]}, or one without batch"


class InstanceNorm2d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var of each channel of each image.

    Shape: `(batch, num_features, height, width)`, also without the batch axis, and the same.

    - `weight`, `bias`: `(num_features,)`, initially 1 and 0, with affine=True; else None. bias=False leaves it out.
    - With track_running_stats=True running averages are kept, as in `BatchNorm2d`, and used in evaluation.

    Raises ValueError for another shape and for images of one number per channel. (Ulyanov et al., arXiv:1607.08022.)
    """

    ranks, layout = (3, 4), f"{LAYOUTS[2]}, or one without batch"
