"""The key/value cache: the keys and values of earlier tokens, so that a new token costs the work of one.

In causal attention no earlier token attends to a later one, so its keys and values never change. Generation therefore
keeps them and passes the model the new token only.
"""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, Shape, xp
from tinygrad_lecture.traced import wrap

START_NEW = "start a new one with new_cache()"


class KeyValues:
    """The keys and values of one attention, (..., heads, length, head_dim) each, in buffers that grow by doubling.

    - `length`: how many tokens.
    - `keys`, `values`: raise RuntimeError while the cache is empty.
    """

    def __init__(self) -> None:
        self.length = 0
        self._keys: Array = None
        self._values: Array = None

    @property
    def keys(self) -> Tensor:
        """(..., heads, length, head_dim)."""
        return wrap(self.arrays()[0])  # type: ignore[no-any-return]

    @property
    def values(self) -> Tensor:
        """(..., heads, length, head_dim)."""
        return wrap(self.arrays()[1])  # type: ignore[no-any-return]

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens, (..., heads, new, head_dim) each, and return all of them.

        Raises RuntimeError while gradients are recorded: they cannot flow back into a cache.
        """
        if tl.is_grad_enabled() and (k.requires_grad or v.requires_grad):
            raise RuntimeError("KeyValues: a cache cannot record gradients; call the model within tl.no_grad()")
        keys, values = self.extend(k.array, v.array)
        return wrap(keys), wrap(values)

    def extend(self, k: Array, v: Array) -> tuple[Array, Array]:
        """`append` for arrays: appends them, and returns all of them."""
        start, end = self.length, self.length + k.shape[-2]
        if self._keys is None or end > self._keys.shape[-2]:
            self._keys, self._values = _larger(self._keys, k, start), _larger(self._values, v, start)
        self._keys[..., start:end, :] = k
        self._values[..., start:end, :] = v
        self.length = end
        return self.arrays()

    def arrays(self) -> tuple[Array, Array]:
        """The keys and the values, as arrays: (..., heads, length, head_dim) each."""
        if self._keys is None:
            raise RuntimeError("KeyValues: the cache is empty; call the model with it first")
        return self._keys[..., : self.length, :], self._values[..., : self.length, :]

    def forget(self, length: int) -> None:
        """Drop all tokens but the first `length`. What `append` returned before keeps its values."""
        if length < self.length:
            self._keys, self._values = self._keys[..., :length, :].copy(), self._values[..., :length, :].copy()
            self.length = length


def _larger(buffer: Array | None, new: Array, start: int) -> Array:
    """A buffer with room for `new` after the first `start` tokens of `buffer`, and if there are any, for as many."""
    *leading, tokens, size = new.shape
    larger = xp(new).empty((*leading, max(start + tokens, 2 * start), size), new.dtype)
    if buffer is not None:
        larger[..., :start, :] = buffer[..., :start, :]
    return larger


class Cache:
    """The key/value caches of a whole model, one per block.

    - `layers`: how many blocks.
    - `length`: how many tokens it holds.
    - `self_attention`: a KeyValues per block.
    - `cross_attention`: the same for the keys and values of an encoder's output.
    - `memory`: that output; None without an encoder.

    Padding masks are kept too, so that later calls need not repeat them.

    A model calls `begin`, then its blocks, then `commit`: a call that fails in between leaves the cache unchanged.
    """

    def __init__(self, layers: int) -> None:
        self.length = 0
        self._clear(layers)
        self._batch: Shape = ()
        self.memory: Tensor | None = None
        self._padding_mask: Tensor | None = None
        self._memory_padding: Tensor | None = None

    def _clear(self, layers: int) -> None:
        self.self_attention = [KeyValues() for _ in range(layers)]
        self.cross_attention = [KeyValues() for _ in range(layers)]

    def begin(self, layers: int, tokens: Tensor | Array, memory: Tensor | None = None) -> None:
        """Prepare for the model's next tokens, (..., tokens). Discards a failed call's partial update.

        - `memory`: the encoder's output.

        Raises ValueError if the number of layers, the batch or the memory differs from that of earlier calls.
        """
        held = len(self.self_attention)
        if layers != held:
            raise ValueError(f"Cache: made for a model with {held} layers, got one with {layers}; {START_NEW}")
        if self.length == 0:
            self._clear(layers)
            self._batch, self.memory = tokens.shape[:-1], memory
        if tokens.shape[:-1] != self._batch:
            raise ValueError(f"Cache: holds a batch of shape {self._batch}, got {tokens.shape[:-1]}; {START_NEW}")
        if not _equal(memory, self.memory):
            raise ValueError(f"Cache: holds another memory, that of another source; {START_NEW}")
        for attention in self.self_attention:
            attention.forget(self.length)

    def padding_with(self, padding_mask: Tensor | None, new: int) -> Tensor | None:
        """The padding mask of the cached tokens and `new` more, (..., length + new).

        - `padding_mask`: that mask, if the caller has given one. None extends the cached mask, without new padding.
        """
        if padding_mask is not None or self._padding_mask is None:
            return padding_mask
        tokens = tl.ones(*self._batch, new, dtype=tl.bool, device=self._padding_mask.device)
        return tl.cat([self._padding_mask, tokens], -1)  # type: ignore[no-any-return]

    def memory_padding(self, padding_mask: Tensor | None) -> Tensor | None:
        """The padding mask of the memory: the given one or, if that is None, the one from earlier calls."""
        return self._memory_padding if padding_mask is None else padding_mask

    def commit(self, tokens: Tensor | Array, padding_mask: Tensor | None, memory_padding: Tensor | None = None) -> None:
        """Count the tokens as cached, now that every block has appended them, and keep the padding masks."""
        self.length += tokens.shape[-1]
        self._padding_mask, self._memory_padding = padding_mask, memory_padding


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two memories are the same array or, on the CPU, equal. On a GPU a comparison would have to wait."""
    if a is b or a is None or b is None:
        return a is b
    if a.shape != b.shape:
        return False
    return a.data_ptr() == b.data_ptr() or a.device != "cpu" or bool((a.array == b.array).all())


def cached_tokens(cache: Any) -> int:
    """How many tokens the cache holds; 0 for None. Raises TypeError for anything but a Cache."""
    if cache is None:
        return 0
    if not isinstance(cache, Cache):
        raise TypeError(f"cache: must come from new_cache(), got {cache!r}")
    return cache.length
