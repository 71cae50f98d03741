"""Positions: attention alone ignores word order, so positions are added to the vectors or rotate queries and keys."""

from __future__ import annotations

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

__all__ = ["Rotary", "sinusoids"]


def token_positions(tokens: int, start: int = 0, padding_mask: Tensor | None = None, device: str = "cpu") -> Tensor:
    """The positions start, start + 1, ... of `tokens` tokens: (tokens,).

    - `start`: how many tokens came before.
    - `padding_mask`: (..., start + tokens), True for tokens. Then only tokens are counted, so that padding on the left
      shifts nothing, and the result is (..., tokens).
    """
    if padding_mask is None:
        return tl.arange(start, start + tokens, device=device)
    positions = tl.cumsum(padding_mask.long(), -1) - 1  # padding on the left is at -1
    return tl.maximum(positions, 0)[..., start:]


def sinusoids(context: int, width: int) -> Tensor:
    """Sinusoidal position vectors: (context, width).

        [p, 2i] = sin(p / 10000^(2i / width)),   [p, 2i + 1] = cos(p / 10000^(2i / width))

    Wavelengths run from 2 pi tokens to 10,000 * 2 pi (Vaswani et al., arXiv:1706.03762, section 3.5).
    """
    angles = _angles(context, width)  # (context, ceil(width / 2))
    waves = np.stack([np.sin(angles), np.cos(angles)], -1)  # (context, ceil(width / 2), 2)
    waves = waves.reshape(context, angles.shape[1] * 2)[:, :width]  # (context, width)
    return tl.tensor(waves, dtype=tl.get_default_dtype())


def _angles(context: int, width: int) -> np.ndarray:
    """p / 10000^(2i / width) in float64: (context, ceil(width / 2))."""
    return np.arange(context)[:, None] / 10000 ** (np.arange(0, width, 2) / width)


class Rotary(nn.Module):
    """Rotary positions: rotate queries and keys by their position, so that q k^T depends on the distance alone.

    The pair (x[2i], x[2i + 1]) at position p is rotated by p / 10000^(2i / head_dim) (Su et al., arXiv:2104.09864,
    formula 34). No parameters. LLaMA's files pair x[i] with x[i + head_dim / 2]: the same up to a permutation.
    Raises ValueError for an odd head_dim.
    """

    def __init__(self, context: int, head_dim: int) -> None:
        if head_dim % 2:
            raise ValueError(f"Rotary: head_dim must be even, because pairs are rotated, got {head_dim}")
        self.head_dim = head_dim
        angles = _angles(context, head_dim)  # (context, head_dim / 2)
        dtype = tl.get_default_dtype()
        self.register_buffer("cos", tl.tensor(np.cos(angles), dtype=dtype), persistent=False)
        self.register_buffer("sin", tl.tensor(np.sin(angles), dtype=dtype), persistent=False)
        self.cos: Tensor
        self.sin: Tensor

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """x: (..., heads, tokens, head_dim).  positions: (tokens,) or (..., tokens).  Returns x's shape."""
        cos, sin = self.cos[positions], self.sin[positions]  # (..., tokens, head_dim / 2)
        if positions.ndim > 1:
            cos, sin = tl.unsqueeze(cos, -3), tl.unsqueeze(sin, -3)  # (..., 1, tokens, head_dim / 2): for all heads
        pairs = x.reshape(*x.shape[:-1], x.shape[-1] // 2, 2)  # (..., heads, tokens, head_dim / 2, 2)
        a, b = pairs[..., 0], pairs[..., 1]  # (..., heads, tokens, head_dim / 2)
        rotated = tl.stack([a * cos - b * sin, a * sin + b * cos], -1)  # (..., heads, tokens, head_dim / 2, 2)
        return rotated.reshape(x.shape)  # type: ignore[no-any-return]
