"""The block: attention, then FFN, each added to the residual stream; a model is a stack of them."""

from __future__ import annotations

import nn
from tinygrad_lecture import Tensor

from .attention import MultiHeadAttention
from .config import TransformerConfig
from .ffn import FeedForward
from .generation.cache import KeyValues
from .positions import Rotary


class Block(nn.Module):
    """Attention of the tokens to each other, then the FFN, around the residual stream.

    config.norm says where the norms are: "pre" (GPT-2), before each part, so that the stream itself stays untouched;
    "post" (the 2017 paper, BERT), after each sum.
    """

    def __init__(self, config: TransformerConfig) -> None:
        self.norm = config.norm
        self.norm_1 = layer_norm(config)
        self.attention = _attention(config)
        self.norm_2 = layer_norm(config)
        self.ffn = FeedForward(config.width, config.ffn_width, config.activation, config.bias, config.dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: KeyValues | None = None,
    ) -> Tensor:
        """(..., tokens, width) -> (..., tokens, width). The arguments are those of MultiHeadAttention."""
        if self.norm == "pre":
            x = x + self.attention(self.norm_1(x), mask=mask, positions=positions, cache=cache)
            x = x + self.ffn(self.norm_2(x))
        else:
            x = self.norm_1(x + self.attention(x, mask=mask, positions=positions, cache=cache))
            x = self.norm_2(x + self.ffn(x))
        return x

    def extra_repr(self) -> str:
        return f"norm={self.norm!r}"


class CrossBlock(nn.Module):
    """A block of a decoder that also looks at another text, the encoder's output, between attention and FFN."""

    def __init__(self, config: TransformerConfig) -> None:
        self.norm = config.norm
        self.norm_1 = layer_norm(config)
        self.attention = _attention(config)
        self.norm_2 = layer_norm(config)
        self.cross = MultiHeadAttention(config.width, config.heads, bias=config.bias, dropout=config.dropout)
        self.norm_3 = layer_norm(config)
        self.ffn = FeedForward(config.width, config.ffn_width, config.activation, config.bias, config.dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: KeyValues | None = None,
        memory_cache: KeyValues | None = None,
    ) -> Tensor:
        """(..., tokens, width) -> (..., tokens, width).

        memory: (..., keys, width), the other text.  memory_mask: which of it the tokens may look at, as `mask` of x.
        """
        own = {"mask": mask, "positions": positions, "cache": cache}
        other = {"mask": memory_mask, "cache": memory_cache}
        if self.norm == "pre":
            x = x + self.attention(self.norm_1(x), **own)
            x = x + self.cross(self.norm_2(x), memory, **other)
            x = x + self.ffn(self.norm_3(x))
        else:
            x = self.norm_1(x + self.attention(x, **own))
            x = self.norm_2(x + self.cross(x, memory, **other))
            x = self.norm_3(x + self.ffn(x))
        return x

    def extra_repr(self) -> str:
        return f"norm={self.norm!r}"


def layer_norm(config: TransformerConfig) -> nn.LayerNorm:
    """A LayerNorm over a token's vector, as the config has it."""
    return nn.LayerNorm(config.width, config.eps, bias=config.bias)


def final_norm(config: TransformerConfig) -> nn.Module:
    """What stands at the end of a stack: with "pre" the stream has not been normalised yet."""
    return layer_norm(config) if config.norm == "pre" else nn.Identity()


def _attention(config: TransformerConfig) -> MultiHeadAttention:
    rotary = Rotary(config.context, config.head_dim) if config.positions == "rotary" else None
    return MultiHeadAttention(config.width, config.heads, bias=config.bias, dropout=config.dropout, rotary=rotary)
