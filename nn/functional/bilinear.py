"""Bilinear: products of two vectors' features."""

from __future__ import annotations

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1 W_k x2 + b_k for each output k: (..., in1) and (..., in2) -> (..., out).

    - `weight`: (out, in1, in2).  `bias`: (out,) or None.

    Raises ValueError for other shapes.
    """
    fits = weight.ndim == 3 and (input1.shape[-1:], input2.shape[-1:]) == (weight.shape[1:2], weight.shape[2:])
    if not fits or input1.shape[:-1] != input2.shape[:-1]:
        raise TensorError(
            "bilinear: weight (out, in1, in2) needs input1 (..., in1) and input2 (..., in2) with equal leading axes, "
            f"not weight {weight.shape}, input1 {input1.shape} and input2 {input2.shape}"
        )
    n_out, n_in1, n_in2 = weight.shape
    maps = weight.permute(1, 0, 2).reshape(n_in1, n_out * n_in2)
    left = (input1 @ maps).reshape(*input1.shape[:-1], n_out, n_in2)  # (..., out, in2): x1 W_k for each k
    y: Tensor = (left @ input2.unsqueeze(-1)).squeeze(-1)  # (..., out, in2) @ (..., in2, 1) -> (..., out)
    return y if bias is None else y + bias
