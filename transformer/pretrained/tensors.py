"""The table of GPT-2's tensors: each one's name and layout in the file, and the parameters that it holds.

    wte.weight, wpe.weight          W_E, learned positions
    h.0.ln_1, h.0.attn.c_attn       norm; W_Q, W_K and W_V side by side
    h.0.attn.c_proj                 W_O
    h.0.ln_2, h.0.mlp.c_fc, h.0.mlp.c_proj      norm; the two layers of the FFN
    ln_f, lm_head.weight            final norm; W_U, unless tied

GPT-2's linear layers keep their matrices as (in, out), nn.Linear as (out, in).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nn import Parameter
from tinygrad_lecture.backend import Shape, move, to_host

from ..config import GPTConfig


class Model(Protocol):
    """The attributes of a GPT that are read here."""

    config: GPTConfig
    embedding: Any
    blocks: Any
    norm: Any
    unembedding: Any


@dataclass(frozen=True)
class Entry:
    """A tensor of the file, and the parameters that it holds side by side along its last axis.

    - `name`: without the prefix `transformer.`.
    - `size`: of each parameter along that axis.
    - `parameters`: None for a bias that the model does not have; it is zero in the file.
    - `transposed`: whether the file has (in, out).
    """

    name: str
    parameters: tuple[Parameter | None, ...]
    size: int
    transposed: bool = False

    @property
    def shape(self) -> Shape:
        """The tensor's shape in the file."""
        first = self.parameters[0]
        rows = () if first is None or first.ndim == 1 else (first.shape[1 if self.transposed else 0],)
        return (*rows, len(self.parameters) * self.size)

    def load(self, array: Any) -> None:
        """Copy the file's tensor into the parameters."""
        for i, parameter in enumerate(self.parameters):
            if parameter is not None:
                part = array[..., i * self.size : (i + 1) * self.size]  # (in, out) or (size,)
                parameter.inplace()[...] = move(part.T if self.transposed else part, parameter.device)

    def array(self) -> np.ndarray[Any, Any]:
        """The parameters as the file's tensor."""
        parts = [np.zeros(self.size) if p is None else to_host(p.array) for p in self.parameters]
        return np.concatenate([part.T if self.transposed else part for part in parts], axis=-1)


def entries(model: Model) -> Iterator[Entry]:
    """All tensors of a GPT-2 file."""
    width, hidden = model.config.width, model.config.ffn_width

    def norm(name: str, module: Any) -> Iterator[Entry]:
        yield Entry(f"{name}.weight", (module.weight,), width)
        yield Entry(f"{name}.bias", (module.bias,), width)

    def linear(name: str, size: int, *modules: Any) -> Iterator[Entry]:
        yield Entry(f"{name}.weight", tuple(m.weight for m in modules), size, transposed=True)
        yield Entry(f"{name}.bias", tuple(m.bias for m in modules), size)

    yield Entry("wte.weight", (model.embedding.W_E.weight,), width)
    yield Entry("wpe.weight", (model.embedding.positions.weight,), width)
    for i, block in enumerate(model.blocks):
        attention, ffn = block.attention, block.ffn
        yield from norm(f"h.{i}.ln_1", block.norm_1)
        yield from linear(f"h.{i}.attn.c_attn", width, attention.W_Q, attention.W_K, attention.W_V)
        yield from linear(f"h.{i}.attn.c_proj", width, attention.W_O)
        yield from norm(f"h.{i}.ln_2", block.norm_2)
        yield from linear(f"h.{i}.mlp.c_fc", hidden, ffn.up)
        yield from linear(f"h.{i}.mlp.c_proj", width, ffn.down)
    yield from norm("ln_f", model.norm)
    if not model.config.tied:
        yield Entry("lm_head.weight", (model.unembedding.W_U.weight,), width)
