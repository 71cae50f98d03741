"""The transformer of "Attention is all you need", with PyTorch's names, arguments and keys.

TransformerEncoderLayer and TransformerDecoderLayer are its blocks: self-attention, in a decoder attention to the
encoder, and a feed-forward network. TransformerEncoder and TransformerDecoder are stacks of them, Transformer both. The
package `transformer`, on top of this one, has the lecture's own, to read.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from .. import functional as F
from .. import init
from ..activation import Dropout
from ..container import ModuleList
from ..errors import check_sizes
from ..linear import Linear
from ..module import Module
from .attention import MultiheadAttention
from .normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip

Activation: TypeAlias = str | Callable[[Tensor], Tensor]

# --- blocks -------------------------------------------------------------------------------------------------


class _Block(Module):
    """Attention and a feed-forward network, each added to x; a decoder's block has attention to a memory too."""

    attentions: tuple[str, ...] = ("self_attn",)
    self_attn: MultiheadAttention

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        parts = range(1, len(self.attentions) + 2)
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **place))
        self.linear1 = Linear(d_model, dim_feedforward, bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **place)
        self.norm_first = norm_first
        for n in parts:
            setattr(self, f"norm{n}", LayerNorm(d_model, layer_norm_eps, bias=bias, **place))
        for n in parts:
            setattr(self, f"dropout{n}", Dropout(dropout))
        self.activation = as_activation(activation)

    def _add(self, n: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x + part(norm(x)) or, unless the norm comes first, norm(x + part(x)), for part number n, with dropout."""
        norm, dropout = getattr(self, f"norm{n}"), getattr(self, f"dropout{n}")
        if self.norm_first:
            return x + dropout(part(norm(x)))  # type: ignore[no-any-return]
        return norm(x + dropout(part(x)))  # type: ignore[no-any-return]

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))  # type: ignore[no-any-return]


class TransformerEncoderLayer(_Block):
    """A block of an encoder: x = norm(x + attention(x)); x = norm(x + feed_forward(x)) (Vaswani et al., 2017).

    - `d_model`: features of a token.  `nhead`: attention heads.  `dim_feedforward`: hidden features of the network.
    - `dropout`: of attention weights, of what both parts add, and of the hidden features.
    - `activation`: "relu", "gelu" or a function.
    - `norm_first`: x = x + attention(norm(x)); x = x + feed_forward(norm(x)), which is easier to train (Xiong et al.,
      arXiv:2002.04745).
    - `batch_first`: whether a batch is (batch, tokens, d_model) instead of (tokens, batch, d_model).

    Raises ValueError unless nhead divides d_model, and for another activation.
    """

    def forward(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """(tokens, batch, d_model) -> the same shape. The masks are those of `MultiheadAttention`."""
        masks = (src_mask, src_key_padding_mask, is_causal)
        x = self._add(1, src, lambda x: _attention(self.self_attn, x, x, *masks))
        return self._add(2, x, self._feed_forward)


class TransformerDecoderLayer(_Block):
    """A block of a decoder: as `TransformerEncoderLayer`, with attention to the encoder's output between its parts.

    x = norm(x + attention(x)); x = norm(x + attention(x, memory)); x = norm(x + feed_forward(x)). Arguments and errors
    are those of `TransformerEncoderLayer`.
    """

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Any = None, memory_mask: Any = None,
        tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """(tokens, batch, d_model) and memory (source tokens, batch, d_model) -> the shape of `tgt`.

        The masks are those of `MultiheadAttention`, of `tgt` by itself and by `memory`.
        """
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        cross = (memory_mask, memory_key_padding_mask, memory_is_causal)
        x = self._add(1, tgt, lambda x: _attention(self.self_attn, x, x, *own))
        x = self._add(2, x, lambda x: _attention(self.multihead_attn, x, memory, *cross))
        return self._add(3, x, self._feed_forward)


def _attention(module: Module, x: Tensor, memory: Tensor, mask: Any, padding: Any, is_causal: bool) -> Tensor:
    out, _ = module(x, memory, memory, padding, need_weights=False, attn_mask=mask, is_causal=is_causal)
    return out  # type: ignore[no-any-return]


def as_activation(activation: Activation) -> Callable[[Tensor], Tensor]:
    """The function of an activation given by name. Raises ValueError for another name."""
    if callable(activation):
        return activation
    if activation not in ("relu", "gelu"):
        raise ValueError(f'activation must be "relu", "gelu" or a function such as F.silu, not {activation!r}')
    return F.relu if activation == "relu" else F.gelu


# --- stacks of blocks ---------------------------------------------------------------------------------------


class _Stack(Module):
    """`num_layers` copies of a block, one after the other, and then `norm`."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        check_sizes(type(self).__name__, num_layers=num_layers)
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers, self.norm = num_layers, norm


class TransformerEncoder(_Stack):
    """`num_layers` copies of a block, one after the other, and then `norm`.

    The copies start with the same weights. As in PyTorch, padding gives 0 where it is not computed there: in evaluation
    mode, without gradients, for a batch-first block with an even number of heads and a mask of padding alone, at the
    end of each text. enable_nested_tensor=False leaves these outputs as they are.
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        """(tokens, batch, d_model) -> the same shape; see `TransformerEncoderLayer.forward`."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        if mask is None and src_key_padding_mask is not None and self._computes_no_padding(src):
            padding = tl.as_tensor(src_key_padding_mask, device=x.device) != 0  # (batch, tokens)
            if not bool((padding[:, :-1] & ~padding[:, 1:]).any()):
                x = tl.where(padding.unsqueeze(-1), 0, x)
        return x if self.norm is None else self.norm(x)

    def _computes_no_padding(self, src: Tensor) -> bool:
        """Whether PyTorch would leave out padding."""
        block = self.layers[0]
        if self.training or src.ndim != 3 or not self.enable_nested_tensor:
            return False
        if not isinstance(block, TransformerEncoderLayer) or block.norm_first or block.self_attn.in_proj_bias is None:
            return False
        recorded = tl.is_grad_enabled() and (src.requires_grad or any(p.requires_grad for p in block.parameters()))
        return not recorded and block.self_attn.batch_first and block.self_attn.num_heads % 2 == 0


class TransformerDecoder(_Stack):
    """`num_layers` copies of a block, one after the other, and then `norm`. The copies start with the same weights."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Any = None, memory_mask: Any = None,
        tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """(tokens, batch, d_model) and memory -> the shape of `tgt`; see `TransformerDecoderLayer.forward`."""
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        x = tgt
        for layer in self.layers:
            x = layer(x, memory, *masks, bool(tgt_is_causal), memory_is_causal)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """An encoder of a source text and a decoder of a target text, for translation (Vaswani et al., arXiv:1706.03762).

    - `num_encoder_layers`, `num_decoder_layers`: blocks; behind the last of each stands a LayerNorm.

    The other arguments are those of `TransformerEncoderLayer`. Weight matrices start by Xavier's uniform.
    It takes and gives vectors: embeddings, positions and logits are not part of it.
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = "relu", *,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        settings = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        norms = [LayerNorm(d_model, layer_norm_eps, bias=bias, **place) for _ in range(2)]
        self.encoder = TransformerEncoder(TransformerEncoderLayer(*settings, **place), num_encoder_layers, norms[0])
        self.decoder = TransformerDecoder(TransformerDecoderLayer(*settings, **place), num_decoder_layers, norms[1])
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weight matrices; vectors stay as they are."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """src (source tokens, batch, d_model) and tgt (target tokens, batch, d_model) -> the shape of `tgt`.

        With batch_first=True, `batch` comes first. The masks are those of `MultiheadAttention`.
        Raises ValueError if the shapes do not match.
        """
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)  # type: ignore[no-any-return]

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: str | None = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz): 0 where a token may attend, itself and those before it, -inf elsewhere."""
        return tl.triu(tl.full((sz, sz), -math.inf, device=device, dtype=dtype), 1)
