"""The transformer block: attention, then FFN, each added to the residual stream. A model is a stack of blocks."""

from __future__ import annotations

import nn
from tinygrad_lecture import Tensor

from .attention import MultiHeadAttention
from .cache import KeyValues
from .config import NormPlace, Positions, TransformerConfig
from .ffn import FeedForward
from .positions import Rotation

__all__ = ["Block", "CrossBlock"]


class ResidualStream(nn.Identity):
    """The identity. It gives the residual stream between two parts of a block a name: see inspect/points.py."""


class ResidualBlock(nn.Module):
    """The base of all blocks: each part adds its output to the residual stream. `norm`, `positions`: the config's."""

    norm: NormPlace
    positions: Positions

    def check_positions(self, mask: Tensor | None, rotation: Rotation | None) -> None:
        """Raises ValueError where the positions, a rotation or a mask (..., queries, keys), are left out."""
        relative = self.positions == "relative" and (mask is None or mask.dtype.kind != "f")
        if relative or (self.positions == "rotary" and rotation is None):
            raise ValueError(f"{self.positions} positions are missing; model.embedding gives a rotation or a mask")

    def extra_repr(self) -> str:
        return f"norm={self.norm!r}"


class Block(ResidualBlock):
    """Self-attention, then FFN.

        x = x + attention(norm_1(x))
        x = x + ffn(norm_2(x))

    This is config.norm "pre" (GPT-2, Llama, T5). With "post" (Vaswani et al., arXiv:1706.03762, BERT and BART) the norm
    follows the sum: x = norm_1(x + attention(x)).
    """

    def __init__(self, config: TransformerConfig) -> None:
        self.norm, self.positions = config.norm, config.positions
        self.norm_1 = make_norm(config)
        self.attention = make_attention(config)
        self.after_attention = ResidualStream()
        self.norm_2 = make_norm(config)
        self.ffn = make_ffn(config)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, rotation: Rotation | None = None, cache: KeyValues | None = None
    ) -> Tensor:
        """(..., tokens, width) -> (..., tokens, width). mask, rotation, cache: see `MultiHeadAttention.forward`.

        Raises ValueError without a rotation where positions are rotary, or a mask of floats where they are relative.
        """
        self.check_positions(mask, rotation)
        if self.norm == "pre":
            x = self.after_attention(x + self.attention(self.norm_1(x), mask=mask, rotation=rotation, cache=cache))
            return x + self.ffn(self.norm_2(x))  # type: ignore[no-any-return]
        x = self.after_attention(self.norm_1(x + self.attention(x, mask=mask, rotation=rotation, cache=cache)))
        return self.norm_2(x + self.ffn(x))  # type: ignore[no-any-return]


class CrossBlock(ResidualBlock):
    """A decoder's block with cross-attention: self-attention, attention to the encoder's output, then FFN.

        x = x + attention(norm_1(x))
        x = x + cross(norm_2(x), memory)
        x = x + ffn(norm_3(x))

    This is config.norm "pre"; with "post" each norm follows the sum, as in `Block`.
    """

    def __init__(self, config: TransformerConfig) -> None:
        self.norm, self.positions = config.norm, config.positions
        self.norm_1 = make_norm(config)
        self.attention = make_attention(config)
        self.after_attention = ResidualStream()
        self.norm_2 = make_norm(config)
        self.cross = make_attention(config)
        self.after_cross = ResidualStream()
        self.norm_3 = make_norm(config)
        self.ffn = make_ffn(config)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        rotation: Rotation | None = None,
        cache: KeyValues | None = None,
        memory_cache: KeyValues | None = None,
    ) -> Tensor:
        """(..., tokens, width) -> (..., tokens, width).

        - `memory`: (..., keys, width), the encoder's output.
        - `memory_mask`, `memory_cache`: mask and cache of the cross-attention; the others are those of the
          self-attention.

        See `MultiHeadAttention.forward`. Raises as `Block.forward` does.
        """
        self.check_positions(mask, rotation)
        if self.norm == "pre":
            x = self.after_attention(x + self.attention(self.norm_1(x), mask=mask, rotation=rotation, cache=cache))
            x = self.after_cross(x + self.cross(self.norm_2(x), memory, mask=memory_mask, cache=memory_cache))
            return x + self.ffn(self.norm_3(x))  # type: ignore[no-any-return]
        x = self.after_attention(self.norm_1(x + self.attention(x, mask=mask, rotation=rotation, cache=cache)))
        x = self.after_cross(self.norm_2(x + self.cross(x, memory, mask=memory_mask, cache=memory_cache)))
        return self.norm_3(x + self.ffn(x))  # type: ignore[no-any-return]


# --- parts, built from a config -----------------------------------------------------------------------------


def make_norm(config: TransformerConfig) -> nn.Module:
    """The norm of each token's vector: a LayerNorm (Ba et al., arXiv:1607.06450), or an RMSNorm, which neither
    subtracts the mean nor adds a bias (Zhang & Sennrich, arXiv:1910.07467)."""
    if config.norm_kind == "rms":
        return nn.RMSNorm(config.width, float(config.eps))
    return nn.LayerNorm(config.width, float(config.eps), bias=config.bias)


def make_final_norm(config: TransformerConfig) -> nn.Module:
    """The norm after the last block; "post" blocks end with one, so there it is the identity."""
    return make_norm(config) if config.norm == "pre" else nn.Identity()


def make_attention(config: TransformerConfig) -> MultiHeadAttention:
    """The multi-head attention of a block."""
    return MultiHeadAttention(
        config.width,
        config.heads,
        kv_heads=config.groups,
        head_dim=config.head_dim,
        bias=config.bias,
        dropout=config.dropout,
        scale=None if config.scaled_scores else 1.0,
        qkv_bias=config.qkv_bias,
    )


def make_ffn(config: TransformerConfig) -> FeedForward:
    """The FFN of a block."""
    return FeedForward(config.width, config.ffn_width, config.activation, config.bias, config.dropout)
