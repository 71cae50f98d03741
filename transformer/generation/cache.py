"""The key/value cache: what attention computed of earlier tokens, so that a new token costs the work of one.

A token's keys and values do not change when others follow, since no earlier token looks at them. So generation keeps
them, and hands the model the new token alone.
"""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Shape

ANOTHER = "begin another with new_cache()"


class KeyValues:
    """Keys and values of one attention, (..., heads, length, head_dim) each, in memory that grows by doubling."""

    def __init__(self) -> None:
        self.length = 0
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    @property
    def keys(self) -> Tensor:
        """Those so far. Raises RuntimeError if there are none."""
        return self._so_far(self._keys)

    @property
    def values(self) -> Tensor:
        """Those so far. Raises RuntimeError if there are none."""
        return self._so_far(self._values)

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add those of new tokens, (..., heads, new, head_dim) each, and return all.

        Raises RuntimeError where gradients are recorded, which do not flow back into a cache.
        """
        if tl.is_grad_enabled() and (k.requires_grad or v.requires_grad):
            raise RuntimeError("a key/value cache is for generating, and has no gradients: use it within tl.no_grad()")
        end = self.length + k.shape[-2]
        self._keys = _written(self._keys, k.detach(), self.length)
        self._values = _written(self._values, v.detach(), self.length)
        self.length = end
        return self.keys, self.values

    def _so_far(self, held: Tensor | None) -> Tensor:
        if held is None:
            raise RuntimeError("the key/value cache is empty")
        return held[..., : self.length, :]


def _written(held: Tensor | None, new: Tensor, start: int) -> Tensor:
    """Memory with `new` from `start` on along the second last axis: `held` itself or, where that is full, a larger."""
    end = start + new.shape[-2]
    if held is None:
        return new.clone()
    if end > held.shape[-2]:
        larger = tl.zeros(
            *held.shape[:-2], max(end, 2 * held.shape[-2]), held.shape[-1], dtype=new.dtype, device=new.device
        )
        larger[..., :start, :] = held[..., :start, :]
        held = larger
    held[..., start:end, :] = new
    return held


class Cache:
    """The caches of a model: per block one of its attention to its own text and one of that to another (`cross`).

    length: how many tokens are in it.  The padding masks of these and of the other text are kept, so that later calls
    need none.
    """

    def __init__(self, layers: int) -> None:
        self.own, self.cross = _empty(layers), _empty(layers)
        self.length = 0
        self._batch: Shape = ()
        self._memory: Tensor | None = None
        self._padding: Tensor | None = None
        self._source_padding: Tensor | None = None

    def begin(self, layers: int, tokens: Tensor, memory: Tensor | None = None) -> None:
        """Get ready for a model's next tokens, (..., tokens). What a call that did not end has added is forgotten.

        memory: the other text's vectors. Raises ValueError for another one, or another number of layers or texts, than
        before.
        """
        if layers != len(self.own):
            raise ValueError(
                f"the cache is of a model with {len(self.own)} layers, and this one has {layers}; {ANOTHER}"
            )
        if self.length == 0:
            self.own, self.cross = _empty(layers), _empty(layers)
            self._batch, self._memory = tokens.shape[:-1], memory
        if tokens.shape[:-1] != self._batch:
            raise ValueError(
                f"the cache is of a batch of texts of shape {self._batch}, and this is {tokens.shape[:-1]}; {ANOTHER}"
            )
        if not _same(memory, self._memory):
            raise ValueError(f"the cache is of another memory, that of another text; {ANOTHER}")
        for attention in self.own:
            attention.length = self.length

    def padding(self, padding_mask: Tensor | None, new: int) -> Tensor | None:
        """The padding mask of the tokens in it and `new` others, all of them tokens if none is given: (..., tokens)."""
        if padding_mask is not None or self._padding is None:
            return padding_mask
        tokens = tl.ones(*self._padding.shape[:-1], new, dtype=self._padding.dtype, device=self._padding.device)
        return tl.cat([self._padding, tokens], -1)  # type: ignore[no-any-return]

    def source_padding(self, padding_mask: Tensor | None) -> Tensor | None:
        """The padding mask of the other text: this one or, if none is given, that of before."""
        return self._source_padding if padding_mask is None else padding_mask

    def end(self, tokens: Tensor, padding_mask: Tensor | None, source_padding: Tensor | None = None) -> None:
        """These tokens are in it, in all layers, and these are the masks from now on."""
        self.length += tokens.shape[-1]
        self._padding, self._source_padding = padding_mask, source_padding


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two memories are one, or (on the CPU, where looking costs little) alike."""
    if a is None or b is None:
        return a is b
    return a.array is b.array or (a.shape == b.shape and (a.device != "cpu" or bool((a.array == b.array).all())))


def _empty(layers: int) -> list[KeyValues]:
    return [KeyValues() for _ in range(layers)]


def seen_by(cache: Any) -> int:
    """How many tokens are in a cache, or 0 where there is none. Raises TypeError for what is no cache."""
    if cache is None:
        return 0
    if not isinstance(cache, Cache):
        raise TypeError(f"a cache is what new_cache() makes, not {cache!r}")
    return cache.length
