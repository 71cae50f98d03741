"""Decoder: a model's step for one new token in plain array code, a GPT on a page.

    x = W_E[token] + position
    x = x + W_O attend(W_Q h, W_K h, W_V h)         with h = norm(x), in each block
    x = x + W_down activation(W_up h)               with h = norm(x), in each block
    logits = W_U norm(x)

The modules compute the same for any number of tokens, with gradients, dropout and hooks. Generation needs none of these,
and for one token a Tensor per intermediate result costs as much as the products. Such a product takes as long as reading
its matrix from memory, so the matrices are laid out to be read fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import nn
from tinygrad_lecture.autograd import modes
from tinygrad_lecture.backend import Array, move, xp
from tinygrad_lecture.traced import wrap

from .attention import Attend, MultiHeadAttention
from .block import Block, CrossBlock
from .embedding import Embedding
from .ffn import ACTIVATIONS, FeedForward
from .generation.cache import Cache
from .generation.snapshot import Snapshot
from .positions import Rotary
from .unembedding import Unembedding

Step: TypeAlias = Callable[[Array], Array]  # (batch, n) -> (batch, m)


@dataclass
class Now:
    """What the blocks need to know of the new token, besides its vector.

    - `position`: an int or, where texts are padded, (batch,).
    - `mask`: the keys that it may attend to, (batch, keys); None for all.
    - `memory_mask`: the same for the encoder's output.
    """

    cache: Cache
    position: Any
    mask: Array | None
    memory_mask: Array | None


class Decoder:
    """A stack of blocks, compiled to array functions. Raises NotAsDefined for a module changed by its user."""

    def __init__(self, embedding: Any, blocks: Any, norm: Any, unembedding: Any) -> None:
        self.device = embedding.W_E.weight.device
        self.embed = embed(embedding)
        self.blocks = [block(given, layer) for layer, given in enumerate(as_defined(blocks, nn.ModuleList))]
        self.norm = layer_norm(norm)
        self.W_U = product(as_defined(unembedding, Unembedding).W_U)

    def next_logits(self, tokens: Array, padding_mask: Array | None, cache: Cache) -> Array:
        """Append a token to each text in the cache: (batch,) -> logits of the token after it, (batch, vocab_size).

        - `tokens`, `padding_mask`: on the host; the mask is (batch, cached tokens + 1), or None without padding.
        """
        cache.begin(len(self.blocks), tokens[:, None], cache.memory)
        memory_padding = cache.memory_padding(None)
        now = Now(cache, cache.length, None, None if memory_padding is None else memory_padding.array)
        if padding_mask is not None:
            now.position = move((padding_mask.sum(-1) - 1).clip(0), self.device)  # padding has no position
            now.mask = move(padding_mask, self.device)
        x = self.embed(move(tokens, self.device), now.position)  # (batch, width)
        for block in self.blocks:
            x = block(x, now)
        cache.commit(tokens[:, None], None if now.mask is None else wrap(now.mask), memory_padding)
        return self.W_U(self.norm(x))


def embed(module: Any) -> Callable[[Array, Any], Array]:
    """`Embedding`: (batch,) -> (batch, width)."""
    as_defined(module, Embedding)
    W_E, norm = as_defined(module.W_E, nn.Embedding).weight.array, layer_norm(module.norm)
    if module.kind == "learned":
        W_P = as_defined(module.positions, nn.Embedding).weight.array
        return lambda tokens, position: norm(W_E[tokens] + W_P[position])
    if module.kind == "sinusoidal":
        waves, scale = module.waves.array, math.sqrt(W_E.shape[1])
        return lambda tokens, position: norm(W_E[tokens] * scale + waves[position])
    return lambda tokens, position: norm(W_E[tokens])


def block(module: Any, layer: int) -> Callable[[Array, Now], Array]:
    """`Block` or `CrossBlock`: (batch, width) -> (batch, width)."""
    updates = [(layer_norm(module.norm_1), attention(module.attention, layer))]
    if type(as_defined(module, Block, CrossBlock)) is CrossBlock:
        updates += [(layer_norm(module.norm_2), cross_attention(module.cross, layer))]
    updates += [(layer_norm(module.norm_3 if len(updates) > 1 else module.norm_2), ffn(module.ffn))]

    def pre(x: Array, now: Now) -> Array:
        for norm, update in updates:
            x = x + update(norm(x), now)
        return x

    def post(x: Array, now: Now) -> Array:
        for norm, update in updates:
            x = norm(x + update(x, now))
        return x

    return pre if module.norm == "pre" else post


def attention(module: Any, layer: int) -> Callable[[Array, Now], Array]:
    """`MultiHeadAttention` of a text to itself."""
    heads, W_QKV, W_O = module.heads, product(module.W_Q, module.W_K, module.W_V), output(module)
    rotate = None if module.rotary is None else rotary(module.rotary)

    def step(x: Array, now: Now) -> Array:
        qkv = W_QKV(x).reshape(len(x), 3, heads, 1, -1)  # (batch, 3, heads, 1, head_dim)
        if rotate is not None:
            qkv[:, :2] = rotate(qkv[:, :2], now.position)
        keys, values = now.cache.self_attention[layer].extend(qkv[:, 1], qkv[:, 2])  # (batch, heads, keys, head_dim)
        return W_O(attend(qkv[:, 0], keys, values, now.mask))

    return step


def cross_attention(module: Any, layer: int) -> Callable[[Array, Now], Array]:
    """`MultiHeadAttention` to the encoder's output, whose keys and values are in the cache."""
    heads, W_Q, W_O = module.heads, product(module.W_Q), output(module)

    def step(x: Array, now: Now) -> Array:
        q = W_Q(x).reshape(len(x), heads, 1, -1)  # (batch, heads, 1, head_dim)
        return W_O(attend(q, *now.cache.cross_attention[layer].arrays(), now.memory_mask))

    return step


def output(module: Any) -> Step:
    """W_O of a MultiHeadAttention."""
    as_defined(as_defined(module, MultiHeadAttention).attend, Attend), as_defined(module.dropout, nn.Dropout)
    return product(module.W_O)


def attend(q: Array, keys: Array, values: Array, mask: Array | None) -> Array:
    """softmax(q keys^T / sqrt(head_dim)) values, with the heads side by side: (batch, heads, 1, head_dim) -> (batch, width)."""
    lib = xp(q)
    weights = (q / math.sqrt(q.shape[-1])) @ keys.swapaxes(-1, -2)  # (batch, heads, 1, keys)
    if mask is not None:
        weights += lib.where(mask, 0.0, -math.inf).astype(q.dtype)[:, None, None]
    weights -= weights.max(-1, keepdims=True)
    lib.exp(weights, out=weights)
    weights /= weights.sum(-1, keepdims=True)
    return (weights @ values).reshape(len(q), -1)


def rotary(module: Any) -> Callable[[Array, Any], Array]:
    """`Rotary`: (batch, 2, heads, 1, head_dim), queries and keys -> the same shape."""
    cos, sin = as_defined(module, Rotary).cos.array, module.sin.array  # (context, head_dim / 2)

    def rotate(x: Array, position: Any) -> Array:
        c, s = cos[position], sin[position]  # (head_dim / 2,) or (batch, head_dim / 2)
        if c.ndim > 1:
            c, s = c[:, None, None, None], s[:, None, None, None]
        a, b = x[..., 0::2], x[..., 1::2]
        return xp(x).stack([a * c - b * s, a * s + b * c], -1).reshape(x.shape)

    return rotate


def ffn(module: Any) -> Callable[[Array, Now], Array]:
    """`FeedForward`."""
    down, activation = product(as_defined(module, FeedForward).down), ACTIVATIONS[module.activation]
    as_defined(module.dropout, nn.Dropout)
    if module.activation != "swiglu":
        up = product(module.up)
        return lambda x, now: down(activation(up(x)))
    both, hidden = product(module.gate, module.up), module.up.out_features

    def gated(x: Array, now: Now) -> Array:
        h = both(x)  # (batch, 2 hidden)
        return down(activation(h[:, :hidden]) * h[:, hidden:])

    return gated


def layer_norm(module: Any) -> Step:
    """`nn.LayerNorm` over the width, or `nn.Identity`."""
    if type(as_defined(module, nn.LayerNorm, nn.Identity)) is nn.Identity:
        return lambda x: x
    if module.weight is None or module.weight.ndim != 1:
        raise NotAsDefined
    weight, bias, eps = module.weight.array, None if module.bias is None else module.bias.array, module.eps
    lib, n = xp(weight), len(weight)
    average = lib.full((n, 1), 1 / n, weight.dtype)  # a product with it is several times faster than mean()

    def step(x: Array) -> Array:
        x = x - x.dot(average)
        x /= lib.sqrt((x * x).dot(average) + eps)
        x *= weight
        return x if bias is None else x + bias

    return step


def product(*linears: Any) -> Step:
    """x W^T + b of an nn.Linear or, as one product, of several side by side.

    NumPy's product of a vector and a matrix is fastest along the longer of the matrix's axes, so that is made
    contiguous: W itself if it has more columns than rows, else a transposed copy.
    """
    lib, arrays = xp(as_defined(linears[0], nn.Linear).weight.array), [as_defined(l, nn.Linear).weight.array for l in linears]
    W = arrays[0] if len(arrays) == 1 else lib.concatenate(arrays)  # (out, in)
    W_T = W.T if W.shape[0] < W.shape[1] else lib.ascontiguousarray(W.T)
    biases = [linear.bias.array for linear in linears if linear.bias is not None]
    if not biases:
        return lambda x: x.dot(W_T)
    if len(biases) < len(linears):
        raise NotAsDefined
    bias = lib.concatenate(biases)
    return lambda x: x.dot(W_T) + bias


# --- compiled once, until the model changes -----------------------------------------------------------------


class NotAsDefined(Exception):
    """A module is a subclass, or has a hook or a method of its own: only its own code knows what it computes."""


FORWARDS = {
    kind: kind.forward
    for kind in (Embedding, nn.Embedding, Block, CrossBlock, MultiHeadAttention, Attend, Rotary, FeedForward)
    + (nn.LayerNorm, nn.Identity, nn.Linear, nn.Dropout, Unembedding, nn.ModuleList)
}
_compiled: WeakKeyDictionary[nn.Module, tuple[Snapshot, Decoder | None]] = WeakKeyDictionary()


def as_defined(module: Any, *kinds: type[nn.Module]) -> Any:
    """The module, if it computes what one of these classes says. Raises NotAsDefined otherwise."""
    kind = type(module)
    if kind not in kinds or module._forward_hooks or any(callable(getattr(kind, name, None)) for name in vars(module)):
        raise NotAsDefined
    return module


def decoder_of(model: nn.Module, *stack: Any) -> Decoder | None:
    """A model's Decoder, compiled again when the model has changed; None if its modules must be called.

    They must where one is not as its class defines it, within `tl.reference()`, while ops are observed, and in float16.

    - `stack`: the arguments of Decoder.
    """
    if modes.modes.reference or (modes.observers and modes.modes.observer is not None):
        return None
    if any(kind.forward is not forward for kind, forward in FORWARDS.items()):
        return None
    snapshot, decoder = _compiled.get(model, (None, None))
    if snapshot is None or not snapshot.holds():
        snapshot = Snapshot(model)
        try:
            as_defined(model, type(model))
            decoder = Decoder(*stack) if snapshot.uniform() else None
        except NotAsDefined:
            decoder = None
        _compiled[model] = snapshot, decoder
    return decoder
