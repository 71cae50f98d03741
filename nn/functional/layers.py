"""Layers and losses as functions: without parameters of their own, under PyTorch's names, usually imported as F.

What the engine has as an op is that op. The losses are in loss_functions.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.ops.half import in_float32

from ..errors.checks import check_indices

# --- tables -------------------------------------------------------------------------------------------------


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of a table that integers name.

    input: any shape, from 0 to rows - 1.  weight: (rows, features).  Returns (*input.shape, features).
    padding_idx: a row that gets no gradient; negative ones count from the end.
    Raises TypeError for an input of floats, IndexError for a row that does not exist (on a GPU that is not looked at).
    """
    if weight.ndim != 2:
        raise ValueError(f"embedding: the weight is a table of shape (rows, features), not {weight.shape}")
    rows = weight.shape[0]
    check_indices("embedding", input, rows, "rows")
    found = weight[input]  # (*input.shape, features)
    if padding_idx is None:
        return found
    if not -rows <= padding_idx < rows:
        raise IndexError(f"embedding: padding_idx {padding_idx} is none of {rows} rows")
    padding = input == padding_idx % rows
    return tl.where(tl.unsqueeze(padding, -1), found.detach(), found)  # type: ignore[no-any-return]


# --- normalisation ------------------------------------------------------------------------------------------


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) over the last axes, times weight, plus bias (Ba et al., arXiv:1607.06450).

    input: (..., *normalized_shape).  weight, bias: of shape normalized_shape, or None.  var divides by n.
    Raises ValueError for other shapes.
    """
    axes = _normalized_axes("layer_norm", input, normalized_shape, weight, bias)
    return tl.layer_norm(input, weight, bias, axes, eps)  # type: ignore[no-any-return]


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x²) + eps) over the last axes, times weight (Zhang & Sennrich, arXiv:1910.07467).

    input: (..., *normalized_shape).  weight: of shape normalized_shape, or None.
    eps: by default the distance from 1 to the next number of input's dtype. Raises ValueError for other shapes.
    """
    axes = tuple(range(-_normalized_axes("rms_norm", input, normalized_shape, weight), 0))
    if eps is None:
        eps = float(np.finfo(input.dtype).eps)
    normal = _of_length_1(input, axes, eps)
    return normal if weight is None else normal * weight


@in_float32
def _of_length_1(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    return x / tl.sqrt((x * x).mean(axes, keepdims=True) + eps)


def _normalized_axes(name: str, input: Tensor, normalized_shape: int | Sequence[int], *weights: Tensor | None) -> int:
    """How many axes normalized_shape has; raises ValueError unless they are input's last ones, and the weights'."""
    wanted = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not wanted or input.shape[-len(wanted) :] != wanted:
        sizes = ", ".join(map(str, wanted))
        raise ValueError(f"{name}: wanted (..., {sizes}), got {input.shape}")
    for weight in weights:
        if weight is not None and weight.shape != wanted:
            raise ValueError(f"{name}: weight and bias must have the normalized shape, {wanted}, not {weight.shape}")
    return len(wanted)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(norm, eps) along an axis, with the p-norm: vectors of length 1, but for those of almost 0."""
    return input / tl.clip(tl.norm(input, p, dim, keepdims=True), min=eps)  # type: ignore[no-any-return]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along an axis, broadcast: 1 for the same direction, 0 for a right angle.

    Norms below eps count as eps.
    """
    return (normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps)).sum(dim)


# --- chance -------------------------------------------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """In training each element is 0 with probability p, else divided by 1 - p, so that the expectation stays.

    Otherwise the input itself (Srivastava et al., JMLR 15, 2014). Raises ValueError for a p outside of [0, 1].
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, from 0 to 1, not {p}")
    if not training or p == 0:
        return input
    kept = tl.rand(input.shape, dtype=tl.float32, device=input.device) >= p
    return input * (kept.to(dtype=input.dtype) * (1 / (1 - p) if p < 1 else 0.0))


# --- shape --------------------------------------------------------------------------------------------------


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """`value` added around the input; pad is (left, right, top, bottom, ...), from the last axis forwards.

    Negative widths cut off. Raises ValueError for an odd number of widths or too many, or another mode than "constant".
    (NumPy's way, a pair for each axis from the first on, is `tl.pad`.)
    """
    if mode != "constant":
        raise ValueError(f'pad: mode must be "constant", not {mode!r}')
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(f"pad: {tuple(pad)} must be pairs, (before, after), for at most all axes of {input.shape}")
    pairs = [(0, 0)] * (input.ndim - len(pad) // 2) + list(zip(pad[-2::-2], pad[-1::-2], strict=True))
    if any(n + min(before, 0) + min(after, 0) < 0 for n, (before, after) in zip(input.shape, pairs, strict=True)):
        raise ValueError(f"pad: {tuple(pad)} cuts off more than there is of shape {input.shape}")
    inner = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(input.shape, pairs, strict=True))
    return tl.pad(input[inner], [(max(a, 0), max(b, 0)) for a, b in pairs], value=value)
