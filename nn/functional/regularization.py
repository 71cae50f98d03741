"""Dropout: random zeros while training, so that no neuron relies on another."""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from ..errors.checks import check_probability


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """The input with each element set to 0 with probability p, and the others divided by 1 - p.

    The division keeps the expected value.

    Returns the input itself if training is False or p is 0. The stream that `tl.manual_seed` seeds is used.
    Raises ValueError for a p outside [0, 1]. (Srivastava et al., JMLR 15, 2014.)
    """
    check_probability("dropout", p)
    if not training or p == 0:
        return input
    kept = tl.rand(input.shape, dtype=tl.float32, device=input.device) >= p
    return tl.where(kept, input * (1 / (1 - p) if p < 1 else 0.0), 0)
