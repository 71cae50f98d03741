"""Configs: the sizes and choices of a model, validated, and its parameter count by formula.

    config = GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128)
    config.parameter_count()                    # 813,440, without allocating the model

The three models share the fields and differ in the defaults.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, Literal, Self, get_args

import numpy as np

from nn.errors.arguments import explained
from tinygrad_lecture import get_default_dtype

__all__ = ["EncoderConfig", "EncoderDecoderConfig", "GPTConfig", "TransformerConfig"]

Activation = Literal["relu", "gelu", "gelu_tanh", "swiglu"]
Positions = Literal["learned", "sinusoidal", "rotary", "none"]
NormPlace = Literal["pre", "post"]
SIZES = ("vocab_size", "context", "layers", "heads", "width", "hidden")


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The fields of all three configs. "2017" stands for Vaswani et al., arXiv:1706.03762.

    - `vocab_size`: size of the vocabulary.
    - `context`: the most tokens the model can attend to.
    - `layers`: number of blocks.
    - `heads`: attention heads per layer.
    - `width`: size of a token's vector, divided among heads.
    - `hidden`: neurons in the hidden layer of each FFN; 0 means 4 * width.
    - `activation`: of the FFN, "relu" (2017), "gelu" (BERT), "gelu_tanh" (GPT-2) or "swiglu" (gated, LLaMA).
    - `norm`: "pre", before attention and FFN and after the last block (GPT-2), or "post", after each sum (2017, BERT).
    - `positions`: "learned" (GPT-2, BERT), "sinusoidal" (2017), "rotary" (LLaMA) or "none".
    - `bias`: of every Linear and LayerNorm.
    - `dropout`: of embeddings, attention weights, attention and FFN outputs.
    - `tied`: W_U is W_E.
    - `embedding_norm`: a LayerNorm after the embedding (BERT).
    - `eps`: of every LayerNorm.
    - `init_std`: standard deviation of the initial matrices, 0.02 (GPT-2, BERT); None means 1 / sqrt(width) (2017;
      Glorot & Bengio, 2010), with which narrow models learn faster. See `initialize` in training.py.

    Raises ValueError that lists every invalid field.
    """

    vocab_size: int = 50257
    context: int = 1024
    layers: int = 12
    heads: int = 12
    width: int = 768
    hidden: int = 0
    activation: Activation = "gelu_tanh"
    norm: NormPlace = "pre"
    positions: Positions = "learned"
    bias: bool = True
    dropout: float = 0.0
    tied: bool = True
    embedding_norm: bool = False
    eps: float = 1e-5
    init_std: float | None = 0.02

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), np.generic):
                object.__setattr__(self, field.name, value.item())
        complaints = list(self._complaints())
        if not complaints and self.width % self.heads:
            complaints.append(f"width {self.width} cannot be split into {self.heads} heads: it must be a multiple")
        if not complaints and self.positions == "rotary" and self.head_dim % 2:
            complaints.append(f"rotary positions rotate pairs, so width / heads must be even, got {self.head_dim}")
        if complaints:
            raise ValueError(f"{type(self).__name__}: {'; '.join(complaints)}")

    def _complaints(self) -> Iterator[str]:
        """Yields an error message for each invalid field."""
        for name in SIZES:
            value, least = getattr(self, name), 0 if name == "hidden" else 1
            if type(value) is not int or value < least:
                yield f"{name} must be an integer of at least {least}, got {value!r}"
        for name, choices in (("activation", Activation), ("norm", NormPlace), ("positions", Positions)):
            if (value := getattr(self, name)) not in get_args(choices):
                listed = ", ".join(f'"{choice}"' for choice in get_args(choices))
                yield f"{name} must be one of {listed}, got {value!r}"
        for name in ("bias", "tied", "embedding_norm"):
            if type(value := getattr(self, name)) is not bool:
                yield f"{name} must be True or False, got {value!r}"
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            yield f"dropout must be a probability below 1, got {self.dropout!r}"
        if not _is_number(self.eps) or self.eps <= 0:
            yield f"eps must be a number above 0, got {self.eps!r}"
        if self.init_std is not None and (not _is_number(self.init_std) or self.init_std < 0):
            yield f"init_std must be a number of at least 0, or None, got {self.init_std!r}"

    @property
    def head_dim(self) -> int:
        """Size of a head's queries, keys and values: width / heads."""
        return self.width // self.heads

    @property
    def std(self) -> float:
        """Standard deviation of the initial matrices: `init_std` or, if that is None, 1 / sqrt(width)."""
        return 1 / math.sqrt(self.width) if self.init_std is None else self.init_std

    @property
    def ffn_width(self) -> int:
        """Neurons in the hidden layer of each FFN: `hidden` or, if that is 0, 4 * width."""
        return self.hidden or 4 * self.width

    # --- how many parameters ----------------------------------------------------------------------------

    def parameters_by_part(self) -> dict[str, int]:
        """Parameters per part, summed over layers; a tied W_U counts 0."""
        return self._parts(attentions=self.layers, ffns=self.layers, embeddings=1)

    def parameter_count(self) -> int:
        """The number of parameters."""
        return sum(self.parameters_by_part().values())

    def weight_count(self) -> int:
        """The lecture's count: the matrices only, without biases, norms and positions."""
        return sum(n for part, n in self.parameters_by_part().items() if part not in ("positions", "biases", "norms"))

    def _parts(self, attentions: int, ffns: int, embeddings: int) -> dict[str, int]:
        """`parameters_by_part` of a model with that many attentions, FFNs and position embeddings."""
        gated = self.activation == "swiglu"
        square = attentions * self.width * self.width
        matrix = ffns * self.width * self.ffn_width
        # One norm per attention and per FFN; per stack a final one with "pre", and one for the embedding.
        norms = attentions + ffns + embeddings * ((self.norm == "pre") + self.embedding_norm)
        biases = attentions * 4 * self.width + ffns * (self.ffn_width * (1 + gated) + self.width) if self.bias else 0
        return {
            "W_E": self.vocab_size * self.width,
            "positions": embeddings * self.context * self.width if self.positions == "learned" else 0,
            "W_Q": square,
            "W_K": square,
            "W_V": square,
            "W_O": square,
            "FFN gate": matrix if gated else 0,
            "FFN up": matrix,
            "FFN down": matrix,
            "biases": biases,
            "norms": norms * self.width * (2 if self.bias else 1),
            "W_U": 0 if self.tied else self.vocab_size * self.width,
        }


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_config(model: object, config: object, kind: type[TransformerConfig]) -> None:
    """Raises TypeError unless the config is of the model's kind, ValueError if the model does not fit in memory."""
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


@dataclass(frozen=True, kw_only=True)
class GPTConfig(TransformerConfig):
    """The config of a GPT (decoder-only). The defaults are those of the smallest GPT-2.

    Hugging Face's (and nanoGPT's) names: context is n_positions (block_size), layers n_layer, heads n_head, width
    n_embd, hidden n_inner, activation "gelu_tanh" is "gelu_new", eps layer_norm_epsilon, init_std initializer_range,
    tied tie_word_embeddings.
    """

    @classmethod
    def gpt2(cls, size: str = "small", **changes: Any) -> Self:
        """GPT-2 "small" (124M), "medium" (355M), "large" (774M) or "xl" (1,558M) (Radford et al., 2019).

        changes: fields to set differently. Raises ValueError for another size.
        """
        if size not in GPT2_SIZES:
            raise ValueError(f"GPTConfig.gpt2: size must be one of {', '.join(GPT2_SIZES)}, got {size!r}")
        layers, heads, width = GPT2_SIZES[size]
        return cls(**{"layers": layers, "heads": heads, "width": width, **changes})

    @classmethod
    def gpt3(cls) -> Self:
        """The lecture's GPT-3: 96 layers of 96 heads, width 12,288 (Brown et al., arXiv:2005.14165), W_U not tied.

        Its weight_count() is 175,181,291,520.
        """
        return cls(context=2048, layers=96, heads=96, width=12288, tied=False)


GPT2_SIZES = {  # layers, heads, width
    "small": (12, 12, 768),
    "medium": (24, 16, 1024),
    "large": (36, 20, 1280),
    "xl": (48, 25, 1600),
}


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(TransformerConfig):
    """The config of an Encoder (encoder-only). The defaults are BERT base's, without segment embeddings.

    Hugging Face's names: context is max_position_embeddings, layers num_hidden_layers, heads
    num_attention_heads, width hidden_size, hidden intermediate_size, eps layer_norm_eps.
    """

    vocab_size: int = 30522
    context: int = 512
    activation: Activation = "gelu"
    norm: NormPlace = "post"
    embedding_norm: bool = True
    eps: float = 1e-12


@dataclass(frozen=True, kw_only=True)
class EncoderDecoderConfig(TransformerConfig):
    """The config of an EncoderDecoder: `layers` blocks each, one vocabulary, one W_E. The defaults are 2017's.

    The names of Hugging Face's BART: context is max_position_embeddings, layers encoder_layers and decoder_layers,
    width d_model, hidden encoder_ffn_dim and decoder_ffn_dim.
    """

    vocab_size: int = 37000
    context: int = 512
    layers: int = 6
    heads: int = 8
    width: int = 512
    activation: Activation = "relu"
    norm: NormPlace = "post"
    positions: Positions = "sinusoidal"
    init_std: float | None = None

    def parameters_by_part(self) -> dict[str, int]:
        """Parameters per part, summed over layers; a decoder block has two attentions."""
        return self._parts(attentions=3 * self.layers, ffns=2 * self.layers, embeddings=2)


OTHER_NAMES = {  # of nanoGPT, Hugging Face and PyTorch -> the field
    **dict.fromkeys(("block_size", "n_positions", "n_ctx", "max_position_embeddings", "context_length"), "context"),
    **dict.fromkeys(("n_layer", "num_layers", "num_hidden_layers", "depth"), "layers"),
    **dict.fromkeys(("n_head", "num_heads", "nhead", "num_attention_heads"), "heads"),
    **dict.fromkeys(("n_embd", "d_model", "hidden_size", "embed_dim", "emb_dim"), "width"),
    **dict.fromkeys(("n_inner", "intermediate_size", "dim_feedforward", "d_ff"), "hidden"),
}
for _config in (TransformerConfig, GPTConfig, EncoderConfig, EncoderDecoderConfig):
    _config.__init__ = explained(_config.__init__, OTHER_NAMES)  # type: ignore[method-assign]
