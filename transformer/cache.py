"""The key/value cache: the keys and values of earlier tokens, so that a new token costs the work of one.

In causal attention no earlier token attends to a later one, so its keys and values never change. Generation therefore
keeps them and passes the model the new token only.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import tinygrad_lecture as tl
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

    @property
    def held(self) -> tuple[Tensor, Tensor]:
        """Keys and values, (..., heads, length, head_dim) each, once there are some."""
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
        self._blocks: Callable[[], Any] | None = None
        self._batch: Shape = ()

    def begin(self, blocks: Any, batch: Shape, memory: Tensor | None = None) -> None:
        """Prepare for the model's next tokens, (*batch, tokens). Discards a failed call's partial update.

        - `blocks`: the model's.
        - `memory`: the encoder's output.

        Raises ValueError for another number of blocks, or if blocks, batch or memory differ from those before.
        """
        if self.length == 0:
            self._blocks, self._batch, self.memory = weakref.ref(blocks), batch, memory
            for attention in self.cross_attention:
                attention.length = 0
        if self._blocks is None or self._blocks() is not blocks or len(blocks) != len(self.self_attention):
            raise ValueError(f"Cache: of {len(self.self_attention)} layers, or in use by another model; {START_NEW}")
        if batch != self._batch:
            raise ValueError(f"Cache: holds a batch of shape {self._batch}, got {batch}; {START_NEW}")
        if memory is not self.memory and (memory is None or self.memory is None or not tl.equal(memory, self.memory)):
            raise ValueError(f"Cache: holds another memory, that of another source; {START_NEW}")
        for attention in self.self_attention:
            attention.length = self.length
