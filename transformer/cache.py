"""The key/value cache: the keys and values of earlier tokens, so that a new token costs the work of one.

In causal attention no earlier token attends to a later one, so its keys and values never change. Generation therefore
keeps them and passes the model the new token only.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from nn.module_calls import evaluating
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, Shape, xp
from tinygrad_lecture.tensor_base import wrap

__all__ = ["Cache", "KeyValues"]

START_NEW = "start a new one with new_cache()"


class KeyValues:
    """The keys and values of one attention, (..., heads, length, head_dim) each. `length`: how many tokens.

    They lie in memory with room for more tokens, which doubles when it is full: a new token is written, none is copied.
    """

    def __init__(self) -> None:
        self.length = 0
        self._keys: Array = None  # (..., heads, room, head_dim)
        self._values: Array = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens, (..., heads, new, head_dim) each, and return all of them.

        Raises RuntimeError while gradients are recorded: they cannot flow back into a cache.
        """
        if tl.is_grad_enabled() and (k.requires_grad or v.requires_grad):
            raise RuntimeError("KeyValues: a cache cannot record gradients; call the model within tl.no_grad()")
        self._keys = _written(self._keys, self.length, k._array)
        self._values = _written(self._values, self.length, v._array)
        self.length += k.shape[-2]
        return self.held

    def select(self, rows: Array) -> None:
        """Row i becomes the former row rows[i]. rows: (batch,), integers on the host."""
        rows = xp(self._keys).asarray(rows)
        self._keys, self._values = self._keys[rows], self._values[rows]

    @property
    def held(self) -> tuple[Tensor, Tensor]:
        """Keys and values, (..., heads, length, head_dim) each. Raises RuntimeError while the cache is empty."""
        if not self.length:
            raise RuntimeError("KeyValues: the cache is empty; call the model with it first")
        return wrap(self._keys[..., : self.length, :]), wrap(self._values[..., : self.length, :])


def _written(memory: Array, start: int, new: Array) -> Array:
    """The memory, (..., room, head_dim), with `new` from `start` on; if it is full, another one, twice as large."""
    stop = start + new.shape[-2]
    if start == 0 or stop > memory.shape[-2]:
        room = xp(new).empty((*new.shape[:-2], max(stop, 2 * start), new.shape[-1]), new.dtype)
        if start:
            room[..., :start, :] = memory[..., :start, :]
        memory = room
    memory[..., start:stop, :] = new
    return memory


class Cache:
    """The key/value caches of a whole model, one per block.

    - `layers`: how many blocks.
    - `length`: how many tokens it holds.
    - `self_attention`: a KeyValues per block.
    - `cross_attention`: the same for the keys and values of an encoder's output, `memory`; None without an encoder.

    - `padding`, `memory_padding`: the padding masks of the tokens and of the memory, so that later calls need not
      repeat them; None without padding.
    """

    def __init__(self, layers: int) -> None:
        self.length = 0
        self.self_attention = [KeyValues() for _ in range(layers)]
        self.cross_attention = [KeyValues() for _ in range(layers)]
        self.memory: Tensor | None = None
        self.padding: Tensor | None = None
        self.memory_padding: Tensor | None = None
        self._blocks = 0
        self._batch: Shape = ()

    def begin(self, blocks: Sized, batch: Shape, memory: Tensor | None = None) -> None:
        """Prepare for the model's next tokens, (*batch, tokens). Discards a failed call's partial update.

        - `blocks`: the model's.
        - `memory`: the encoder's output.

        Raises ValueError for another number of blocks, or if blocks, batch or memory differ from those before.
        """
        if self.length == 0:
            self._blocks, self._batch, self.memory = id(blocks), batch, memory
            for attention in self.cross_attention:
                attention.length = 0
        if id(blocks) != self._blocks or (self.length == 0 and len(blocks) != len(self.self_attention)):
            raise ValueError(f"Cache: of {len(self.self_attention)} layers, or in use by another model; {START_NEW}")
        if batch != self._batch:
            raise ValueError(f"Cache: holds a batch of shape {self._batch}, got {batch}; {START_NEW}")
        if memory is not self.memory and (memory is None or self.memory is None or not tl.equal(memory, self.memory)):
            raise ValueError(f"Cache: holds another memory, that of another source; {START_NEW}")
        for attention in self.self_attention:
            attention.length = self.length


class Texts:
    """Texts in progress, one a row: their tokens, and the cache of what the model has computed for them.

    - `model`: a LanguageModel.
    - `tokens`, `mask`: (batch, tokens); False in the mask for padding.
    - `cached`: whether to use a cache.

    Beyond the context the window slides: the model sees the last `context` tokens. Their positions then change with
    every token, so no cache is valid, and each token costs the work of a whole window.
    """

    def __init__(self, model: Any, tokens: Array, mask: Array, cached: bool) -> None:
        self.model, self.tokens, self.mask, self.cached = model, tokens, mask, cached
        self._cache: Cache | None = None
        self._modules = [*model.modules()]

    def next_logits(self) -> Tensor:
        """Logits of each text's next token: (batch, vocab_size). Only here evaluation mode and no_grad hold."""
        tokens, mask = self.tokens[:, -self.model.context :], self.mask[:, -self.model.context :]
        if tokens.shape != self.tokens.shape:
            self._cache = None
        elif self.cached and self._cache is None:
            self._cache = self.model.new_cache()
        new = tokens if self._cache is None else tokens[:, self._cache.length :]  # (batch, new)
        with evaluating(self._modules):
            return self.model.next_logits(tl.tensor(new), None if mask.all() else tl.tensor(mask), self._cache)  # type: ignore[no-any-return]

    def append(self, tokens: Array, running: Array) -> None:
        """Append a token to each text, (batch,); padding where `running`, (batch,), is False."""
        new = np.where(running, tokens, 0)[:, None]  # (batch, 1)
        self.tokens = np.concatenate([self.tokens, new], axis=1)  # (batch, tokens + 1)
        self.mask = np.concatenate([self.mask, running[:, None]], axis=1)

    def select(self, rows: Array) -> None:
        """Row i becomes the former row rows[i], which had the same prompt. rows: (batch,)."""
        self.tokens = self.tokens[rows]
        for attention in [] if self._cache is None else self._cache.self_attention:  # the others are of the prompt
            attention.select(rows)
