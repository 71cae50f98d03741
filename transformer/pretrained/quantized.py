"""Layers whose weights have 4 or 8 bits, as they are in a GGUF file: a fifth of the memory, and of the time to read it.

A block of 32 neighbours in a row has a scale and an offset of its own: weight = number * scale + offset. Gradients flow
through these layers to what lies before them, not to their weights, which are no parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array
from tinygrad_lecture.ops.fused import quantized_rows
from tinygrad_lecture.tensor_base import wrap

BLOCK = 32


class Quantized(NamedTuple):
    """A matrix (rows, n) as `tl.quantized_linear` takes it; `weight` has the numbers."""

    weight: Array
    scale: Array
    offset: Array

    @classmethod
    def from_blocks(cls, kind: str, blocks: Array) -> Quantized | None:
        """The matrix of a GGUF file's blocks, (rows, blocks, bytes); None for another kind than Q8_0, Q4_0 and Q4_1.

        A block begins with its scale, a float16, then in Q4_1 its offset; the numbers follow. Those of Q4_0 are from -8
        to 7, kept as 0 to 15.
        """
        if kind not in ("Q8_0", "Q4_0", "Q4_1"):
            return None
        head = 4 if kind == "Q4_1" else 2
        floats = np.ascontiguousarray(blocks[..., :head]).view(np.float16).astype(np.float32)  # (rows, blocks, 1 or 2)
        scale = np.ascontiguousarray(floats[..., 0])
        offset = {"Q8_0": 0 * scale, "Q4_0": -8 * scale, "Q4_1": np.ascontiguousarray(floats[..., -1])}[kind]
        numbers = np.ascontiguousarray(blocks[..., head:]).reshape(len(blocks), -1)
        return cls(numbers.view(np.int8) if kind == "Q8_0" else numbers, scale, offset)


class QuantizedLayer(nn.Module):
    """The base of both layers. It holds three buffers: see `tl.quantized_linear`."""

    def __init__(self, matrix: Quantized) -> None:
        for name, array in matrix._asdict().items():
            self.register_buffer(name, tl.as_tensor(array))
        self.weight: Tensor
        self.scale: Tensor
        self.offset: Tensor

    def extra_repr(self) -> str:
        rows, blocks = self.scale.shape
        return f"{rows}, {blocks * BLOCK}, bits={8 if self.weight.dtype == np.int8 else 4}"


class QuantizedLinear(QuantizedLayer):
    """A Linear without bias: (..., in) -> (..., out)."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.quantized_linear(x, self.weight, self.scale, self.offset)

    @staticmethod
    def together(x: Tensor, layers: Sequence[nn.Module]) -> list[Tensor]:
        """See `linears`: in one job, unless it is recorded, one of them has a hook or is of another kind."""
        matrices = [(y.weight, y.scale, y.offset) for y in layers if isinstance(y, QuantizedLinear) and not y.has_hooks]
        if len(matrices) < len(layers) or x.dtype != tl.float32 or (tl.is_grad_enabled() and x.requires_grad):
            return [layer(x) for layer in layers]
        out = quantized_rows(x, *[each for matrix in matrices for each in matrix])._array
        sizes = [len(scale._array) for _, scale, _ in matrices]
        return [wrap(out[..., end - n : end]) for n, end in zip(sizes, accumulate(sizes), strict=True)]


class QuantizedEmbedding(QuantizedLayer):
    """An Embedding: integers (...) -> (..., width). A token's vector is its row, made of its blocks."""

    @property
    def num_embeddings(self) -> int:
        return len(self.scale)

    def forward(self, tokens: Tensor) -> Tensor:
        rows = (x[tokens.flatten()] for x in (self.weight, self.scale, self.offset))
        return tl.dequantize(*rows).reshape(*tokens.shape, -1)  # type: ignore[no-any-return]


LAYERS: dict[type, type[QuantizedLayer]] = {nn.Linear: QuantizedLinear, nn.Embedding: QuantizedEmbedding}


def replace_layers(model: nn.Module, matrices: Mapping[int, Quantized]) -> None:
    """Put quantised layers in the place of those whose weights have these `id`s."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) in LAYERS and (matrix := matrices.get(id(child.weight))) is not None:
                setattr(parent, name, LAYERS[type(child)](matrix))
