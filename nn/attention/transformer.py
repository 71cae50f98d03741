"""TransformerEncoder, TransformerDecoder and Transformer: stacks of blocks, and an encoder and decoder as one."""

from __future__ import annotations

import copy
import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

from .. import init
from ..container import ModuleList
from ..errors import check_sizes, check_tensor
from ..module import Module
from ..normalization import LayerNorm
from .blocks import Activation, TransformerDecoderLayer, TransformerEncoderLayer


class TransformerEncoder(Module):
    """`num_layers` copies of a block, one after the other, and then `norm`.

    The copies start with the same weights. As in PyTorch, padding gives 0 where it is not computed there: in evaluation
    mode, without gradients, for a batch-first block with an even number of heads and a mask of padding alone.

    - `enable_nested_tensor`: False leaves these outputs as they are.
    - `mask_check`: whether the padding must stand at the end for that.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        check_sizes("TransformerEncoder", num_layers=num_layers)
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.num_layers, self.norm = num_layers, norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        """(tokens, batch, d_model) -> the same shape; see `TransformerEncoderLayer.forward`."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        if mask is None and src_key_padding_mask is not None and self._computes_no_padding(src):
            padding = tl.as_tensor(src_key_padding_mask, device=x.device) != 0  # (batch, tokens)
            if not self.mask_check or not bool((padding[:, :-1] & ~padding[:, 1:]).any()):
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


class TransformerDecoder(Module):
    """`num_layers` copies of a block, one after the other, and then `norm`. The copies start with the same weights."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        check_sizes("TransformerDecoder", num_layers=num_layers)
        self.layers = ModuleList(copy.deepcopy(decoder_layer) for _ in range(num_layers))
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """(tokens, batch, d_model) and memory -> the shape of `tgt`; see `TransformerDecoderLayer.forward`."""
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        x = tgt
        for layer in self.layers:
            x = layer(x, memory, *masks, bool(tgt_is_causal), memory_is_causal)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """An encoder of a source text and a decoder of a target text, for translation (Vaswani et al., arXiv:1706.03762).

    - `num_encoder_layers`, `num_decoder_layers`: blocks; behind the last of each stands a LayerNorm.
    - `custom_encoder`, `custom_decoder`: modules to use in their places.

    The other arguments are those of `TransformerEncoderLayer`. Weight matrices start by Xavier's uniform.
    It takes and gives vectors: embeddings, positions and logits are not part of it.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        settings = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*settings, **place),
            num_encoder_layers,
            LayerNorm(d_model, layer_norm_eps, bias=bias, **place),
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*settings, **place),
            num_decoder_layers,
            LayerNorm(d_model, layer_norm_eps, bias=bias, **place),
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weight matrices; vectors stay as they are."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """src (source tokens, batch, d_model) and tgt (target tokens, batch, d_model) -> the shape of `tgt`.

        With batch_first=True, `batch` comes first. The masks are those of `MultiheadAttention`.
        Raises ValueError if the shapes do not match.
        """
        check_tensor("forward", "src", src)
        check_tensor("forward", "tgt", tgt)
        axis = 0 if self.batch_first else 1
        if src.ndim == tgt.ndim == 3 and src.shape[axis] != tgt.shape[axis]:
            raise TensorError(
                f"src {src.shape} and tgt {tgt.shape} must be of one batch, axis {axis} with "
                f"batch_first={self.batch_first}"
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)  # type: ignore[no-any-return]

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: str | None = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz): 0 where a token may attend, itself and those before it, -inf elsewhere."""
        mask: Tensor = tl.full((sz, sz), -math.inf, device=device, dtype=dtype).triu(1)
        return mask
