"""Decoder: a model's step for one new token in plain array code, a GPT on a page.

    x = W_E[token] + position
    x = x + W_O attend(W_Q h, W_K h, W_V h)         with h = norm(x), in each block
    x = x + W_down activation(W_up h)               with h = norm(x), in each block
    logits = W_U norm(x)

The modules compute the same for any number of tokens, with gradients, dropout and hooks. Generation needs none of
these, and for one token a Tensor per intermediate result costs as much as the products.

A product with one vector takes as long as reading its matrix from memory. So the matrices are laid out to be read fast,
in copies that take two thirds of the memory of the blocks' weights, and live as long as the model.
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
from tinygrad_lecture.kernels.blas import one_thread
from tinygrad_lecture.kernels.compiled import compiles
from tinygrad_lecture.kernels.gelu import gelu
from tinygrad_lecture.traced import wrap

from .attention import Attend, MultiHeadAttention
from .block import Block, CrossBlock
from .embedding import Embedding
from .ffn import ACTIVATIONS, FeedForward
from .generation.cache import Cache
from .generation.snapshot import Snapshot
from .positions import Rotary
from .unembedding import Unembedding


@dataclass
class Now:
    """What blocks need to know of the new token, besides its vector.

    - `position`: an int or, where texts are padded, (batch,).
    - `mask`: the keys that it may attend to, (batch, keys); None for all.
    - `memory_mask`: the same for the encoder's output.
    """

    cache: Cache
    position: Any
    mask: Array | None
    memory_mask: Array | None


Step: TypeAlias = Callable[[Array], Array]  # (batch, n) -> (batch, m)
Update: TypeAlias = Callable[[Array, Now], Array]  # (batch, width) -> (batch, width)


class Decoder:
    """A stack of blocks, compiled. Raises NotAsDefined for modules that do not compute what their class says."""

    def __init__(self, embedding: Any, blocks: Any, norm: Any, unembedding: Any) -> None:
        self.embed = embed(embedding)
        self.blocks = [block(module, layer) for layer, module in enumerate(as_defined(blocks, nn.ModuleList))]
        self.norm = layer_norm(norm)
        self.W_U = product(as_defined(unembedding, Unembedding).W_U)
        self.device = embedding.W_E.weight.device

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
        with one_thread:  # threads would cost more than they save in products of a single row
            x = self.embed(move(tokens, self.device), now.position)  # (batch, width)
            for block in self.blocks:
                x = block(x, now)
            logits = self.W_U(self.norm(x))
        cache.commit(tokens[:, None], None if now.mask is None else wrap(now.mask), memory_padding)
        return logits


# --- modules, compiled to array functions -------------------------------------------------------------------


def embed(module: Any) -> Callable[[Array, Any], Array]:
    """`Embedding`: tokens and position, (batch,) -> (batch, width)."""
    W_E = as_defined(as_defined(module, Embedding).W_E, nn.Embedding).weight.array
    norm = layer_norm(module.norm)
    if module.kind == "learned":
        W_P = as_defined(module.positions, nn.Embedding).weight.array
        return lambda tokens, position: norm(W_E[tokens] + W_P[position])
    if module.kind == "sinusoidal":
        waves, scale = module.waves.array, math.sqrt(W_E.shape[1])
        return lambda tokens, position: norm(W_E[tokens] * scale + waves[position])
    return lambda tokens, position: norm(W_E[tokens])


def block(module: Any, layer: int) -> Update:
    """`Block` or `CrossBlock`."""
    if type(as_defined(module, Block, CrossBlock)) is Block:
        parts = [(module.norm_1, attention(module.attention, layer)), (module.norm_2, ffn(module.ffn))]
    else:
        parts = [(module.norm_1, attention(module.attention, layer)), (module.norm_2, cross(module.cross, layer))]
        parts += [(module.norm_3, ffn(module.ffn))]
    steps = [(layer_norm(norm), update) for norm, update in parts]

    def pre(x: Array, now: Now) -> Array:
        for norm, update in steps:
            x = x + update(norm(x), now)
        return x

    def post(x: Array, now: Now) -> Array:
        for norm, update in steps:
            x = norm(x + update(x, now))
        return x

    return pre if module.norm == "pre" else post


def attention(module: Any, layer: int) -> Update:
    """`MultiHeadAttention` of each text to itself."""
    W_O, heads = output(module), module.heads
    W_QKV = product(module.W_Q, module.W_K, module.W_V)
    rotate = None if module.rotary is None else rotary(module.rotary)

    def step(x: Array, now: Now) -> Array:
        qkv = W_QKV(x).reshape(len(x), 3, heads, 1, -1)  # (batch, 3, heads, 1, head_dim)
        if rotate is not None:
            qkv[:, :2] = rotate(qkv[:, :2], now.position)
        keys, values = now.cache.self_attention[layer].extend(qkv[:, 1], qkv[:, 2])  # (batch, heads, keys, head_dim)
        return W_O(attend(qkv[:, 0], keys, values, now.mask))

    return step


def cross(module: Any, layer: int) -> Update:
    """`MultiHeadAttention` to the encoder's output, whose keys and values are in the cache."""
    W_O, heads = output(module), module.heads
    W_Q = product(module.W_Q)

    def step(x: Array, now: Now) -> Array:
        q = W_Q(x).reshape(len(x), heads, 1, -1)  # (batch, heads, 1, head_dim)
        return W_O(attend(q, *now.cache.cross_attention[layer].arrays(), now.memory_mask))

    return step


def output(module: Any) -> Step:
    """W_O of a `MultiHeadAttention`."""
    as_defined(as_defined(module, MultiHeadAttention).attend, Attend)
    as_defined(module.dropout, nn.Dropout)
    return product(module.W_O)


def attend(q: Array, keys: Array, values: Array, mask: Array | None) -> Array:
    """softmax(q keys^T / sqrt(head_dim)) values, (batch, heads, 1, head_dim) -> (batch, width): heads side by side."""
    lib = xp(q)
    weights = (q / math.sqrt(q.shape[-1])) @ keys.swapaxes(-1, -2)  # (batch, heads, 1, keys)
    if mask is not None:
        weights += lib.where(mask, 0.0, -math.inf).astype(q.dtype)[:, None, None]
    weights -= weights.max(-1, keepdims=True)
    lib.exp(weights, out=weights)
    weights /= weights.sum(-1, keepdims=True)
    return (weights @ values).reshape(len(q), -1)


def rotary(module: Any) -> Callable[[Array, Any], Array]:
    """`Rotary` of queries and keys: (batch, 2, heads, 1, head_dim) -> the same shape."""
    cos, sin = as_defined(module, Rotary).cos.array, module.sin.array  # (context, head_dim / 2)

    def rotate(x: Array, position: Any) -> Array:
        c, s = cos[position], sin[position]  # (head_dim / 2,) or (batch, head_dim / 2)
        if c.ndim > 1:
            c, s = c[:, None, None, None], s[:, None, None, None]
        a, b = x[..., 0::2], x[..., 1::2]  # (batch, 2, heads, 1, head_dim / 2)
        return xp(x).stack([a * c - b * s, a * s + b * c], -1).reshape(x.shape)

    return rotate


def ffn(module: Any) -> Update:
    """`FeedForward`."""
    down = product(as_defined(module, FeedForward).down)
    as_defined(module.dropout, nn.Dropout)
    # the kernel itself: calling an op, which might have to record, costs as much for one token
    own = {"gelu": gelu, "gelu_tanh": gelu_tanh}
    activation = own.get(module.activation) or ACTIVATIONS[module.activation]
    if module.activation != "swiglu":
        up = product(module.up)
        return lambda x, now: down(activation(up(x)))
    both, hidden = product(module.gate, module.up), module.up.out_features

    def gated(x: Array, now: Now) -> Array:
        h = both(x)  # (batch, 2 hidden)
        return down(activation(h[:, :hidden]) * h[:, hidden:])

    return gated


def gelu_tanh(x: Array) -> Array:
    """GPT-2's formula for GELU. Without Numba the kernel, made for large arrays, takes twice as long."""
    if compiles(x):
        return gelu(x, "tanh")
    return 0.5 * x * (1 + xp(x).tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))


def layer_norm(module: Any) -> Step:
    """`nn.LayerNorm` over the width, or `nn.Identity`."""
    if type(as_defined(module, nn.LayerNorm, nn.Identity)) is nn.Identity:
        return lambda x: x
    if module.weight is None or module.weight.ndim != 1:
        raise NotAsDefined
    weight, bias, eps = module.weight.array, None if module.bias is None else module.bias.array, module.eps
    lib, n = xp(weight), len(weight)
    average = lib.full((n, 1), 1 / n, weight.dtype)  # a product with it takes a fifth of the time of mean()

    def step(x: Array) -> Array:
        y = x - x.dot(average)
        y /= lib.sqrt((y * y).dot(average) + eps)
        y *= weight
        return y if bias is None else y + bias

    return step


def product(*linears: Any) -> Step:
    """x W^T + b of an `nn.Linear` or, in one product, of several side by side.

    BLAS reads a matrix fastest along its longer axis, so that one is made contiguous: up to half of the time is saved.
    """
    weights = [as_defined(linear, nn.Linear).weight.array for linear in linears]
    biases = [linear.bias.array for linear in linears if linear.bias is not None]
    if biases and len(biases) < len(linears):
        raise NotAsDefined
    lib = xp(weights[0])
    W = weights[0] if len(weights) == 1 else lib.concatenate(weights)  # (out, in)
    W_T = W.T if W.shape[0] < W.shape[1] else lib.ascontiguousarray(W.T)  # (in, out)
    if not biases:
        return lambda x: x.dot(W_T)
    bias = lib.concatenate(biases)
    return lambda x: x.dot(W_T) + bias


# --- when to compile ----------------------------------------------------------------------------------------


class NotAsDefined(Exception):
    """A module is of a user's class, or has a hook or a method of its own: only calling it tells what it computes."""


KINDS: list[Any] = [Embedding, Block, CrossBlock, MultiHeadAttention, Attend, Rotary, FeedForward, Unembedding]
KINDS += [nn.Embedding, nn.Linear, nn.LayerNorm, nn.Identity, nn.Dropout, nn.ModuleList]
FORWARDS = [kind.forward for kind in KINDS]
_compiled: WeakKeyDictionary[nn.Module, tuple[Snapshot, Decoder | None]] = WeakKeyDictionary()


def as_defined(module: Any, *kinds: type[nn.Module]) -> Any:
    """The module, if it is of one of these classes and computes what that says. Raises NotAsDefined otherwise."""
    kind = type(module)
    if kind not in kinds or module.has_hooks or any(callable(getattr(kind, name, None)) for name in vars(module)):
        raise NotAsDefined
    return module


def decoder_of(model: nn.Module, *stack: Any) -> Decoder | None:
    """A model's Decoder, compiled anew if the model has changed; None if the modules themselves must be called.

    They must if one does not compute what its class says, within `tl.reference()`, while ops are observed, and in
    float16.

    - `stack`: the arguments of Decoder.
    """
    if modes.modes.reference or (modes.observers and modes.modes.observer is not None):
        return None
    if [kind.forward for kind in KINDS] != FORWARDS:  # a user has changed a class
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
