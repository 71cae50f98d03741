"""Where a token stands: attention by itself does not know, so it is told, in one of three ways."""

from __future__ import annotations

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor


def positions_of(tokens: int, start: int = 0, padding_mask: Tensor | None = None, device: str = "cpu") -> Tensor:
    """The positions of `tokens` tokens that follow `start` others: start, start + 1, ...: (tokens,).

    With a padding mask, (..., start + tokens) with True for what is a token, only tokens count, so that it does not
    matter where the padding is: (..., tokens).
    """
    if padding_mask is None:
        return tl.arange(start, start + tokens, device=device)
    before = tl.cumsum(padding_mask.long(), -1) - 1  # padding at the front is at -1
    return tl.maximum(before, 0)[..., start:]


def sinusoids(context: int, width: int) -> Tensor:
    """Sines and cosines of every position, from one wave per 2 pi tokens to one per 10,000 * 2 pi: (context, width).

        [p, 2i] = sin(p / 10000^(2i / width)),   [p, 2i + 1] = cos(p / 10000^(2i / width))

    (Vaswani et al., arXiv:1706.03762, section 3.5).
    """
    angles = _angles(context, width)  # (context, ceil(width / 2))
    waves = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(context, angles.shape[1] * 2)[:, :width]
    return tl.tensor(waves, dtype=tl.get_default_dtype())


def _angles(context: int, width: int) -> np.ndarray:
    """p / 10000^(2i / width): (context, ceil(width / 2)), in float64."""
    return np.arange(context)[:, None] / 10000 ** (np.arange(0, width, 2) / width)


class Rotary(nn.Module):
    """Turns queries and keys by their position, so that their product depends on how far apart they are.

    The pair (x[2i], x[2i + 1]) is turned by the angle p / 10000^(2i / head_dim) (Su et al., arXiv:2104.09864, formula
    34). Nothing is learnt. (LLaMA's files pair x[i] with x[i + head_dim / 2], the same in another order.)
    """

    def __init__(self, context: int, head_dim: int) -> None:
        if head_dim % 2:
            raise ValueError(f"Rotary: positions turn pairs, so head_dim must be even, and is {head_dim}")
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
            cos, sin = tl.unsqueeze(cos, -3), tl.unsqueeze(sin, -3)  # the same for all heads
        pairs = x.reshape(*x.shape[:-1], x.shape[-1] // 2, 2)  # (..., heads, tokens, head_dim / 2, 2)
        a, b = pairs[..., 0], pairs[..., 1]
        return tl.stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape)  # type: ignore[no-any-return]
