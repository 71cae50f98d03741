"""The transformer of "Attention is all you need", with PyTorch's names, arguments and keys.

MultiheadAttention has several heads, each of which attends on its slice of the features. TransformerEncoderLayer and
TransformerDecoderLayer are blocks: self-attention, in a decoder attention to the encoder, and a feed-forward network.
TransformerEncoder and TransformerDecoder are stacks of them, Transformer both. The package `transformer`, on top of
this one, has the lecture's own, to read.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.ops.shape import merge_heads, split_heads

from .. import functional as F, init
from ..activation import Dropout
from ..container import ModuleList
from ..errors import check_probability, check_sizes, check_tensor
from ..functional.tokens import attend
from ..linear import Linear
from ..module import Module, Parameter
from .normalization import LayerNorm

__all__ = [
    "MultiheadAttention", "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
]  # fmt: skip


# --- attention ----------------------------------------------------------------------------------------------


class MultiheadAttention(Module):
    """softmax(q kᵀ / sqrt(head_dim)) v for each head, and a linear map of all heads (Vaswani et al., arXiv:1706.03762).

    - `embed_dim`: features of queries and outputs.  `num_heads`: each has head_dim = embed_dim / num_heads of them.
    - `dropout`: probability of dropping a weight while training.  `bias`: of all four linear maps.
    - `batch_first`: whether a batch is (batch, tokens, features) instead of (tokens, batch, features).

    Parameters:

    - `in_proj_weight`: (3 * embed_dim, embed_dim), the maps of queries, keys and values one below the other.
    - `in_proj_bias`: (3 * embed_dim,), initially 0.  `out_proj`: a Linear.

    Raises ValueError unless num_heads divides embed_dim.
    """

    in_proj_bias: Parameter | None
    out_kind = Linear
    usage = "; self-attention is mha(x, x, x)"

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, *, batch_first: bool = False,
        device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        check_sizes("MultiheadAttention", embed_dim=embed_dim, num_heads=num_heads)
        check_probability("MultiheadAttention", dropout)
        if embed_dim % num_heads:
            raise TensorError(f"MultiheadAttention: embed_dim {embed_dim} cannot be split into {num_heads} heads")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.dropout, self.batch_first = dropout, batch_first
        self.in_proj_weight = Parameter.empty(3 * embed_dim, embed_dim, dtype=dtype, device=device)
        self.in_proj_bias = Parameter.empty(3 * embed_dim, dtype=dtype, device=device) if bias else None
        self.out_proj = self.out_kind(embed_dim, embed_dim, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights, Xavier's uniform for the maps into the heads, and set biases to 0."""
        init.xavier_uniform_(self.in_proj_weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """The output, (queries, batch, embed_dim), and the weights, (batch, queries, keys), or None.

        - `query`: (queries, batch, embed_dim).  `key`, `value`: (keys, batch, embed_dim). With batch_first=True `batch`
          comes first; without `batch` for a single sequence.
        - `key_padding_mask`: (batch, keys), True for padding, which nothing attends to.
        - `attn_mask`: (queries, keys) or (batch * num_heads, queries, keys), True where a query may *not* attend.
          Masks of floats are added to the scores.
        - `need_weights`: whether to return the weights: their mean over the heads or, with average_attn_weights=False,
          (batch, num_heads, queries, keys).
        - `is_causal`: says that `attn_mask` is causal, which is not used; it needs one.

        A query that may attend to no key gets zeros (PyTorch: NaN). Raises ValueError if the shapes do not match.
        """
        if is_causal and attn_mask is None:
            raise TensorError("is_causal needs attn_mask: nn.Transformer.generate_square_subsequent_mask(tokens)")
        self._check(query, key, value)
        batched, same = query.ndim == 3, query is key is value
        query, key, value = (self._batch_first(x) for x in (query, key, value))  # (batch, tokens, features)
        if not batched and key_padding_mask is not None:
            key_padding_mask = tl.as_tensor(key_padding_mask).unsqueeze(0)
        projected = self._projected(query, key, value, same)
        q, k, v = (split_heads(x, self.num_heads) for x in projected)  # (batch, heads, tokens, head_dim)
        mask = joined_mask(attn_mask, key_padding_mask, q, k)
        out, weights = attend(q, k, v, mask, self.dropout if self.training else 0.0, need_weights=need_weights)
        out = self.out_proj(merge_heads(out))  # (batch, queries, embed_dim)
        out = out if self.batch_first else out.swapaxes(0, 1)
        if not batched:
            out = out.squeeze(0 if self.batch_first else 1)
        if not need_weights or weights is None:
            return out, None
        weights = weights if batched else weights[0]  # (..., heads, queries, keys)
        return out, weights.mean(-3) if average_attn_weights else weights

    def _batch_first(self, x: Tensor) -> Tensor:
        """(tokens, batch, features), or without batch -> (batch, tokens, features)."""
        if x.ndim == 2:
            return x.unsqueeze(0)  # type: ignore[no-any-return]
        return x if self.batch_first else x.swapaxes(0, 1)

    def _projected(self, query: Tensor, key: Tensor, value: Tensor, same: bool) -> list[Tensor]:
        """Queries, keys and values of all heads, (batch, tokens, embed_dim) each; `same`: they are of one Tensor."""
        if same:
            return list(tl.chunk(tl.linear(query, self.in_proj_weight, self.in_proj_bias), 3, -1))
        maps = tl.chunk(self.in_proj_weight, 3)
        biases = [None] * 3 if self.in_proj_bias is None else tl.chunk(self.in_proj_bias, 3)
        return [tl.linear(x, w, b) for x, w, b in zip((query, key, value), maps, biases, strict=True)]

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        for name, x in (("query", query), ("key", key), ("value", value)):
            check_tensor("forward", name, x)
            if x.ndim not in (2, 3) or x.ndim != query.ndim:
                batch = "batch, tokens" if self.batch_first else "tokens, batch"
                raise TensorError(
                    f"query, key and value must have shape ({batch}, features) or, for one sequence, (tokens, "
                    f"features), not {query.shape}, {key.shape}, {value.shape}"
                )
            if x.shape[-1] != self.embed_dim:
                raise TensorError(f"{name} must have {self.embed_dim} features on its last axis, not shape {x.shape}")
        axis = 0 if self.batch_first else 1
        if key.shape != value.shape or (query.ndim == 3 and key.shape[axis] != query.shape[axis]):
            raise TensorError(
                f"key {key.shape} and value {value.shape} must have as many tokens, and the batch of query "
                f"{query.shape}, which is axis {axis} with batch_first={self.batch_first}"
            )


def joined_mask(attn_mask: Any, key_padding_mask: Any, q: Tensor, k: Tensor) -> Tensor | None:
    """PyTorch's two masks as the one that `F.scaled_dot_product_attention` takes: bools, True = may attend, or floats.

    In PyTorch's, True means that a query may *not* attend; floats are added to the scores.

    - `attn_mask`: (queries, keys) or (batch * heads, queries, keys), or None.
    - `key_padding_mask`: (batch, keys), True for padding, or None.
    - `q`, `k`: (batch, heads, queries or keys, head_dim).

    Returns a mask that broadcasts to (batch, heads, queries, keys), None if both are. Raises ValueError for other
    shapes, TypeError unless a mask is of bools or floats.
    """
    (batch, heads, queries, _), keys = q.shape, k.shape[2]
    masks: list[Tensor] = []
    if attn_mask is not None:
        mask = _checked("attn_mask", attn_mask, q, [(queries, keys), (batch * heads, queries, keys)])
        masks.append(mask if mask.ndim == 2 else mask.reshape(batch, heads, queries, keys))
    if key_padding_mask is not None:
        masks.append(_checked("key_padding_mask", key_padding_mask, q, [(batch, keys)]).reshape(batch, 1, 1, keys))
    if not masks:
        return None
    if all(mask.dtype.kind == "b" for mask in masks):
        return tl.logical_not(reduce(tl.logical_or, masks))
    nothing = tl.zeros((), dtype=q.dtype, device=q.device)
    return reduce(tl.add, (m if m.dtype.kind == "f" else tl.where(m, -math.inf, nothing) for m in masks))


def _checked(name: str, mask: Any, q: Tensor, wanted: list[tuple[int, ...]]) -> Tensor:
    made: Tensor = tl.as_tensor(mask, device=q.device)
    if made.dtype.kind not in "bf":
        raise TypeError(
            f"{name} must be bools, True where a query may not attend, or floats that are added to the scores, "
            f"not {made.dtype}; write {name}.bool()"
        )
    if made.shape not in wanted:
        shapes = " or ".join(map(str, wanted))
        axes = "(batch, keys)" if name == "key_padding_mask" else "(queries, keys), or one for each batch * heads"
        raise TensorError(f"{name} must have shape {shapes}, {axes}, not {made.shape}")
    return made


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
    """`num_layers` copies of a block, one after the other, and then `norm`. The copies start with the same weights.

    Outputs at padding mean nothing; PyTorch's are 0 in evaluation, where it does not compute them.
    `enable_nested_tensor` has no effect.
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        """(tokens, batch, d_model) -> the same shape; see `TransformerEncoderLayer.forward`."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        return x if self.norm is None else self.norm(x)


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
