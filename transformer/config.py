"""Configs: the sizes and choices of a model, validated, and its parameter count by formula.

    config = GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128)
    config.parameter_count()                    # 813,440, without allocating the model

The models share the fields and differ in the defaults, which stand in each family's file: side by side, a table of
the families.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeVar, dataclass_transform, get_args, get_type_hints

import numpy as np

from nn.errors import explained
from tinygrad_lecture import get_default_dtype

__all__ = ["TransformerConfig"]

Activation = Literal["relu", "gelu", "gelu_tanh", "swiglu", "geglu"]
GATED = ("swiglu", "geglu")
Positions = Literal["learned", "sinusoidal", "rotary", "relative", "none"]
NormPlace = Literal["pre", "post"]
NormKind = Literal["layer", "rms"]
LEAST = {  # of the sizes; 0 stands for none, or for a default that follows from other fields
    **dict.fromkeys(("vocab_size", "context", "layers", "heads", "width", "max_distance"), 1),
    **dict.fromkeys(("kv_heads", "head_width", "hidden", "segments", "decoder_layers"), 0),
    "buckets": 4,
}
NOT_MATRICES = ("positions", "segments", "biases", "norms")
CHOICES = {"activation": Activation, "norm": NormPlace, "norm_kind": NormKind, "positions": Positions}
C = TypeVar("C")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def config_class(cls: type[C]) -> type[C]:
    """A decorator: a frozen dataclass whose errors tell other libraries' names of fields ours."""
    made: Any = dataclass(frozen=True, kw_only=True)(cls)
    made.__init__.__annotations__ = get_type_hints(made)  # those of the fields were written in several files
    made.__init__ = explained(made.__init__, OTHER_NAMES)
    return made  # type: ignore[no-any-return]


OTHER_NAMES = {  # of nanoGPT, Hugging Face and PyTorch -> the field
    **dict.fromkeys(("block_size", "n_positions", "n_ctx", "max_position_embeddings", "context_length"), "context"),
    **dict.fromkeys(("n_layer", "num_layers", "num_hidden_layers", "depth"), "layers"),
    **dict.fromkeys(("n_head", "num_heads", "nhead", "num_attention_heads"), "heads"),
    **dict.fromkeys(("n_embd", "d_model", "hidden_size", "embed_dim", "emb_dim"), "width"),
    **dict.fromkeys(("n_inner", "intermediate_size", "dim_feedforward", "d_ff"), "hidden"),
    **dict.fromkeys(("head_dim", "d_kv"), "head_width"),
    **dict.fromkeys(("num_key_value_heads", "n_kv_heads"), "kv_heads"),
    "rope_theta": "rotary_base",
}


@config_class
class TransformerConfig:
    """The fields of all configs; a family's config class has its defaults. "2017" is Vaswani et al., arXiv:1706.03762.

    - `vocab_size`: size of the vocabulary.
    - `context`: the most tokens the model can attend to. Relative positions have no limit: see `longest`.
    - `layers`: number of blocks.
    - `heads`: attention heads per layer.
    - `kv_heads`: how many of them have keys and values of their own, which groups of heads share (Ainslie et al.,
      arXiv:2305.13245); 0 becomes `heads`, all.
    - `width`: size of a token's vector.
    - `head_width`: size of a head's queries, keys and values; 0 becomes width / heads.
    - `hidden`: neurons in the hidden layer of each FFN; 0 becomes 4 * width.
    - `activation`: of the FFN, "relu" (2017, T5), "gelu" (BERT, BART), "gelu_tanh" (GPT-2), "swiglu" (gated, Llama) or
      "geglu" (gated, T5 1.1).
    - `norm`: "pre", before attention and FFN and after the last block (GPT-2), or "post", after each sum (2017, BERT).
    - `norm_kind`: "layer", nn.LayerNorm (2017), or "rms", nn.RMSNorm (Llama, T5).
    - `positions`: "learned" (GPT-2, BERT), "sinusoidal" (2017), "rotary" (Llama), "relative" (T5) or "none".
    - `rotary_base`: see `Rotary`. `buckets`, `max_distance`: see `RelativeBias`.
    - `scaled_scores`: whether q k^T is divided by sqrt(head_dim) (all but T5).
    - `scaled_logits`: whether vectors are multiplied by 1 / sqrt(width) before W_U (T5).
    - `bias`: of every Linear but W_U, and of every LayerNorm. `logits_bias`: of W_U, not trained (BART).
    - `dropout`: of embeddings, attention weights, attention and FFN outputs.
    - `tied`: W_U is W_E.
    - `embedding_norm`: a norm after the embedding (BERT, BART).
    - `eps`: of every norm.
    - `init_std`: standard deviation of the initial matrices, 0.02 (GPT-2, BERT); None means 1 / sqrt(width) (2017;
      Glorot & Bengio, 2010), with which narrow models learn faster. See `initialize` in training.py.

    Raises ValueError that lists every invalid field.
    """

    vocab_size: int = 50257
    context: int = 1024
    layers: int = 12
    heads: int = 12
    kv_heads: int = 0
    width: int = 768
    head_width: int = 0
    hidden: int = 0
    activation: Activation = "gelu_tanh"
    norm: NormPlace = "pre"
    norm_kind: NormKind = "layer"
    positions: Positions = "learned"
    rotary_base: float = 10000.0
    buckets: int = 32
    max_distance: int = 128
    scaled_scores: bool = True
    scaled_logits: bool = False
    bias: bool = True
    logits_bias: bool = False
    dropout: float = 0.0
    tied: bool = True
    embedding_norm: bool = False
    eps: float = 1e-5
    init_std: float | None = 0.02

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.generic):
                object.__setattr__(self, name, value.item())
        complaints = list(self._complaints())
        if complaints := complaints or list(self._mismatches()):
            raise ValueError(f"{type(self).__name__}: {'; '.join(complaints)}")
        for name, value in self._derived().items():
            object.__setattr__(self, name, getattr(self, name) or value)

    def _derived(self) -> dict[str, int]:
        """What fields become that are 0: they follow from others."""
        return {"kv_heads": self.heads, "head_width": self.width // self.heads, "hidden": 4 * self.width}

    def _complaints(self) -> Iterator[str]:
        """Yields an error message for each invalid field."""
        for name, value in vars(self).items():
            if name in CHOICES and value not in get_args(CHOICES[name]):
                listed = ", ".join(f'"{choice}"' for choice in get_args(CHOICES[name]))
                yield f"{name} must be one of {listed}, got {value!r}"
            elif name in LEAST and (type(value) is not int or value < LEAST[name]):
                yield f"{name} must be an integer of at least {LEAST[name]}, got {value!r}"
            elif type(getattr(type(self), name)) is bool and type(value) is not bool:
                yield f"{name} must be True or False, got {value!r}"
            elif name in ("eps", "rotary_base") and (not _is_number(value) or value <= 0):
                yield f"{name} must be a number above 0, got {value!r}"
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            yield f"dropout must be a probability below 1, got {self.dropout!r}"
        if self.init_std is not None and (not _is_number(self.init_std) or self.init_std < 0):
            yield f"init_std must be a number of at least 0, or None, got {self.init_std!r}"

    def _mismatches(self) -> Iterator[str]:
        """Yields an error message for fields that are valid, but not together."""
        if not self.head_width and self.width % self.heads:
            yield f"width {self.width} cannot be split into {self.heads} heads: it must be a multiple"
        elif self.positions == "rotary" and (head_width := self.head_width or self.width // self.heads) % 2:
            yield f"rotary positions rotate pairs, so width / heads must be even, got {head_width}"
        if self.max_distance <= self.buckets // 2:
            yield f"max_distance {self.max_distance} must be above buckets / 2, which have one distance each"
        if self.heads % (self.kv_heads or self.heads):
            yield f"{self.heads} heads cannot share the keys and values of {self.kv_heads}: heads must be a multiple"

    @property
    def longest(self) -> int:
        """The most tokens of a text: `context` or, with relative positions, as many as fit into the memory."""
        return sys.maxsize if self.positions == "relative" else self.context

    @property
    def std(self) -> float:
        """Standard deviation of the initial matrices: `init_std` or, if that is None, 1 / sqrt(width)."""
        return 1 / math.sqrt(self.width) if self.init_std is None else self.init_std

    # --- how many parameters ----------------------------------------------------------------------------

    def parameters_by_part(self) -> dict[str, int]:
        """Parameters per part, summed over layers; a tied W_U counts 0."""
        return self._parts(attentions=self.layers, ffns=self.layers, embeddings=1)

    def parameter_count(self) -> int:
        """The number of parameters."""
        return sum(self.parameters_by_part().values())

    def weight_count(self) -> int:
        """The lecture's count: the matrices only, without biases, norms and positions."""
        return sum(n for part, n in self.parameters_by_part().items() if part not in NOT_MATRICES)

    def _parts(self, attentions: int, ffns: int, embeddings: int) -> dict[str, int]:
        """`parameters_by_part` of a model with that many attentions, FFNs and position embeddings."""
        gated = self.activation in GATED
        queries, keys = self.heads * self.head_width, self.kv_heads * self.head_width
        matrix = ffns * self.width * self.hidden
        # One norm per attention and per FFN; per stack a final one with "pre", and one for the embedding.
        norms = attentions + ffns + embeddings * ((self.norm == "pre") + self.embedding_norm)
        biases = attentions * (queries + 2 * keys + self.width) + ffns * (self.hidden * (1 + gated) + self.width)
        positions = {"learned": self.context * self.width, "relative": self.buckets * self.heads}.get(self.positions, 0)
        return {
            "W_E": self.vocab_size * self.width,
            "positions": embeddings * positions,
            "W_Q": attentions * self.width * queries,
            "W_K": attentions * self.width * keys,
            "W_V": attentions * self.width * keys,
            "W_O": attentions * self.width * queries,
            "FFN gate": matrix if gated else 0,
            "FFN up": matrix,
            "FFN down": matrix,
            "biases": biases * self.bias + self.vocab_size * self.logits_bias,
            "norms": norms * self.width * (2 if self.bias and self.norm_kind == "layer" else 1),
            "W_U": 0 if self.tied else self.vocab_size * self.width,
        }


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_config(model: Any, config: Any) -> None:
    """Raises TypeError unless it is a model.config_type, ValueError if the model does not fit in memory."""
    kind = model.config_type
    if not isinstance(config, kind):
        name = type(model).__name__
        got = type(config).__name__ if isinstance(config, TransformerConfig) else repr(config)
        raise TypeError(f"{name}: expected a {kind.__name__}, as in {name}({kind.__name__}(width=64)), got {got}")
    count = config.parameter_count()
    size, memory = count * np.dtype(get_default_dtype()).itemsize, _memory()
    if size > memory:
        raise ValueError(
            f"{type(model).__name__}: {count:,} parameters take {size // 2**30:,} GiB, but this machine has "
            f"{memory // 2**30:,}: make vocab_size, context, layers, width or hidden smaller; the config alone, with "
            "its parameter_count(), takes no memory"
        )


def _memory() -> float:
    """The bytes of the machine's memory; inf where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # on Windows
        return math.inf
