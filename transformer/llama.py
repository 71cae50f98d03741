"""Llama: a GPT with RMSNorm, rotary positions, SwiGLU, shared keys and values, and no biases.

    model = Llama.from_pretrained("smollm2")        # a folder with config.json and model.safetensors
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)
    for token in model.generate([1, 2, 3]): ...

Touvron et al., arXiv:2302.13971 and 2307.09288.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .config import Activation, NormKind, Positions, TransformerConfig, config_class
from .gpt import GPT
from .pretrained.format import Format, Packed

__all__ = ["Llama", "LlamaConfig"]


@config_class
class LlamaConfig(TransformerConfig):
    """The config of a Llama. The defaults are those of the first, with 7 billion parameters.

    - RMSNorm: Zhang & Sennrich, arXiv:1910.07467.
    - Rotary positions: Su et al., arXiv:2104.09864.
    - SwiGLU: Shazeer, arXiv:2002.05202. Its hidden layer has 8/3 * width neurons, rounded up, so that three matrices
      have the weights of GPT's two.
    - `kv_heads`: of Llama 2's and 3's larger models and of SmolLM2 (Ainslie et al., arXiv:2305.13245).
    """

    vocab_size: int = 32000
    context: int = 2048
    layers: int = 32
    heads: int = 32
    width: int = 4096
    hidden: int = 11008
    activation: Activation = "swiglu"
    norm_kind: NormKind = "rms"
    positions: Positions = "rotary"
    bias: bool = False
    tied: bool = False
    eps: float = 1e-6


class Llama(GPT):
    """A `GPT` with another config; the same modules. Built from a LlamaConfig."""

    config_type = LlamaConfig


# --- Hugging Face's files -----------------------------------------------------------------------------------------


def tensors(config: TransformerConfig) -> dict[str, str | Packed]:
    """The tensors of a Llama: see `Format`."""
    return {
        "model.embed_tokens": "embedding.W_E",
        "model.layers.*.input_layernorm": "blocks.*.norm_1",
        "model.layers.*.self_attn.q_proj": "blocks.*.attention.W_Q",
        "model.layers.*.self_attn.k_proj": "blocks.*.attention.W_K",
        "model.layers.*.self_attn.v_proj": "blocks.*.attention.W_V",
        "model.layers.*.self_attn.o_proj": "blocks.*.attention.W_O",
        "model.layers.*.post_attention_layernorm": "blocks.*.norm_2",
        "model.layers.*.mlp.gate_proj": "blocks.*.ffn.gate",
        "model.layers.*.mlp.up_proj": "blocks.*.ffn.up",
        "model.layers.*.mlp.down_proj": "blocks.*.ffn.down",
        "model.norm": "norm",
        "lm_head.weight": "unembedding.W_U.weight",
    }


def with_flat_rotary(given: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """config.json with all about rotary positions at its top; newer and older files have it in other places."""
    rotary = given.get("rope_parameters") or given.get("rope_scaling") or {}
    rotary = rotary if isinstance(rotary, dict) else {"rope_type": rotary}
    return {**given, "rope_type": rotary.get("type", "default"), **rotary}


def with_own_rotary(written: dict[str, Any]) -> dict[str, Any]:
    """config.json with what `with_flat_rotary` put at its top where Hugging Face has it."""
    rotary = {name: written.pop(name) for name in ("factor", *SLOWED)}
    return {**written, "rope_scaling": None if rotary["factor"] == 1 else {**rotary, "rope_type": "llama3"}}


SLOWED = {  # what `Rotary` does with a factor
    "rope_type": ("default", "llama3"),
    "low_freq_factor": (1.0,),
    "high_freq_factor": (4.0,),
    "original_max_position_embeddings": (8192,),
}


Llama.format = Format(
    name="Llama",
    model_type="llama",
    architecture="LlamaForCausalLM",
    fields={
        "vocab_size": "vocab_size",
        "max_position_embeddings": "context",
        "num_hidden_layers": "layers",
        "num_attention_heads": "heads",
        "num_key_value_heads": "kv_heads",
        "hidden_size": "width",
        "head_dim": "head_width",
        "intermediate_size": "hidden",
        "hidden_act": "activation",
        "rope_theta": "rotary_base",
        "factor": "rotary_factor",
        "attention_dropout": "dropout",
        "tie_word_embeddings": "tied",
        "rms_norm_eps": "eps",
        "initializer_range": "init_std",
    },
    words={"hidden_act": {"silu": "swiglu"}},
    nullable=("num_key_value_heads", "head_dim"),
    supported={**SLOWED, "attention_bias": (False,), "mlp_bias": (False,), "pretraining_tp": (1,)},
    tensors=tensors,
    prefix="model.",
    ignored=r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq",
    biased=False,
    adjust=with_flat_rotary,
    arrange=with_own_rotary,
)
