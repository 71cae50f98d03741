"""The transformer block: attention, then FFN, each added to the residual stream. A model is a stack of blocks.

The vectors of the tokens, (..., tokens, width), pass through all blocks; each part of a block reads them, and adds to
them what it has computed. That is the residual stream.
"""

from __future__ import annotations

from collections.abc import Callable

import nn
from tinygrad_lecture import Tensor

from .attention import MultiHeadAttention, Rotation
from .cache import KeyValues
from .config import TransformerConfig
from .ffn import FeedForward

__all__ = ["Block", "CrossBlock"]

Part = Callable[..., Tensor]


def pre_norm(x: Tensor, norm: nn.Module, part: Part, *given: object, **more: object) -> Tensor:
    """x + part(norm(x)): each part reads vectors of one size (GPT-2, Llama, T5)."""
    return x + part(norm(x), *given, **more)


def post_norm(x: Tensor, norm: nn.Module, part: Part, *given: object, **more: object) -> Tensor:
    """norm(x + part(x)): the stream itself keeps one size (Vaswani et al., arXiv:1706.03762, BERT, BART)."""
    return norm(x + part(x, *given, **more))  # type: ignore[no-any-return]


class ResidualStream(nn.Identity):
    """The identity. It gives the residual stream between two parts of a block a name: see inspect/points.py."""


class Block(nn.Module):
    """Self-attention, then FFN. With config.norm "pre" (GPT-2, Llama, T5):

        x = x + attention(norm_1(x))
        x = x + ffn(norm_2(x))

    With "post" (2017, BERT and BART) each norm follows the sum: x = norm_1(x + attention(x)).
    """

    def __init__(self, config: TransformerConfig) -> None:
        self.norm, self.positions = config.norm, config.positions
        self.add = pre_norm if config.norm == "pre" else post_norm
        self.norm_1 = make_norm(config)
        self.attention = make_attention(config)
        self.after_attention = ResidualStream()
        self.norm_2 = make_norm(config)
        self.ffn = make_ffn(config)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        rotation: Rotation | None = None,
        cache: KeyValues | None = None,
    ) -> Tensor:
        """(..., tokens, width) -> (..., tokens, width). The others: see `MultiHeadAttention.forward`.

        Raises ValueError without a rotation where positions are rotary, or a bias where they are relative.
        """
        self._check_positions(bias, rotation)
        x = self.add(x, self.norm_1, self.attention, mask=mask, bias=bias, rotation=rotation, cache=cache)
        x = self.after_attention(x)
        return self.add(x, self.norm_2, self.ffn)

    def _check_positions(self, bias: Tensor | None, rotation: Rotation | None) -> None:
        """Raises ValueError where the positions are left out."""
        if (self.positions == "rotary" and rotation is None) or (self.positions == "relative" and bias is None):
            raise ValueError(f"{self.positions} positions are missing; model.embedding gives a rotation or a bias")


class CrossBlock(Block):
    """A decoder's block with cross-attention: self-attention, attention to the encoder's output, then FFN.

        x = x + attention(norm_1(x))
        x = x + cross(norm_2(x), memory)
        x = x + ffn(norm_3(x))

    This is config.norm "pre"; with "post" each norm follows the sum, as in `Block`.
    """

    def __init__(self, config: TransformerConfig) -> None:
        self.norm, self.positions = config.norm, config.positions
        self.add = pre_norm if config.norm == "pre" else post_norm
        self.norm_1 = make_norm(config)
        self.attention = make_attention(config)
        self.after_attention = ResidualStream()
        self.norm_2 = make_norm(config)
        self.cross = make_attention(config)
        self.after_cross = ResidualStream()
        self.norm_3 = make_norm(config)
        self.ffn = make_ffn(config)

    def forward(  # type: ignore[override] # a memory more
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        bias: Tensor | None = None,
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
        self._check_positions(bias, rotation)
        x = self.add(x, self.norm_1, self.attention, mask=mask, bias=bias, rotation=rotation, cache=cache)
        x = self.after_attention(x)
        x = self.add(x, self.norm_2, self.cross, memory, mask=memory_mask, cache=memory_cache)
        x = self.after_cross(x)
        return self.add(x, self.norm_3, self.ffn)


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
        kv_heads=config.kv_heads,
        head_dim=config.head_width,
        bias=config.bias,
        dropout=config.dropout,
        scale=None if config.scaled_scores else 1.0,
    )


def make_ffn(config: TransformerConfig) -> FeedForward:
    """The FFN of a block."""
    return FeedForward(config.width, config.hidden, config.activation, config.bias, config.dropout)
