"""T5: an encoder-decoder whose every task is text to text, with relative positions and RMSNorm.

    model = T5.from_pretrained("t5-small")          # a folder with config.json and model.safetensors
    logits = model(source, target)                  # (batch, source), (batch, target) -> (batch, target, vocab_size)
    for token in model.generate(source): ...

Raffel et al., arXiv:1910.10683.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import nn

from .config import Activation, NormKind, NormPlace, Positions, config_class
from .embedding import Unembedding
from .encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from .pretrained.format import Format, Packed
from .pretrained.model import PretrainedModel

__all__ = ["T5", "T5Config"]


@config_class
class T5Config(EncoderDecoderConfig):
    """The config of a T5. The defaults are those of the small one, with 60 million parameters.

    T5 1.1 has activation "geglu", tied=False and scaled_logits=False.

    - `scaled_logits`: whether vectors are multiplied by 1 / sqrt(width) before W_U.
    """

    vocab_size: int = 32128
    context: int = 512
    head_width: int = 64
    activation: Activation = "relu"
    norm: NormPlace = "pre"
    norm_kind: NormKind = "rms"
    positions: Positions = "relative"
    scaled_scores: bool = False
    scaled_logits: bool = True
    bias: bool = False
    eps: float = 1e-6
    start: int | None = 0
    stop: int | None = 1


class T5(EncoderDecoder, PretrainedModel):
    """An `EncoderDecoder` with relative positions, RMSNorm before each part, and no biases. Built from a T5Config."""

    config_type = T5Config
    config: T5Config

    def make_unembedding(self, W_E: nn.Embedding | None) -> Unembedding:
        scale = self.config.width**-0.5 if self.config.scaled_logits else 1.0
        return Unembedding(self.config.vocab_size, self.config.width, W_E, scale=scale)


# --- Hugging Face's files -----------------------------------------------------------------------------------------


def tensors(config: T5Config) -> dict[str, str | Packed]:
    """The tensors of a T5: see `Format`."""
    rows: dict[str, str | Packed] = {
        "shared": "source_embedding.W_E",
        "encoder.embed_tokens": "source_embedding.W_E",
        "decoder.embed_tokens": "target_embedding.W_E",
        "lm_head.weight": "unembedding.W_U.weight",
    }
    for stack, embedding in (("encoder", "source_embedding"), ("decoder", "target_embedding")):
        parts = {"SelfAttention": "attention"} | ({"EncDecAttention": "cross"} if stack == "decoder" else {})
        for i, (theirs, ours) in enumerate(parts.items()):
            for theirs_W, W in (("q", "W_Q"), ("k", "W_K"), ("v", "W_V"), ("o", "W_O")):
                rows[f"{stack}.block.*.layer.{i}.{theirs}.{theirs_W}"] = f"{stack}.*.{ours}.{W}"
            rows[f"{stack}.block.*.layer.{i}.layer_norm"] = f"{stack}.*.norm_{i + 1}"
        last = f"{stack}.block.*.layer.{len(parts)}"
        gated = {"wi_0": "gate", "wi_1": "up", "wo": "down"}
        for theirs, ours in (gated if config.activation == "geglu" else {"wi": "up", "wo": "down"}).items():
            rows[f"{last}.DenseReluDense.{theirs}"] = f"{stack}.*.ffn.{ours}"
        rows[f"{last}.layer_norm"] = f"{stack}.*.norm_{len(parts) + 1}"
        bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"  # of all layers
        rows[bias] = f"{embedding}.positions.bias.weight"
        rows[f"{stack}.final_layer_norm"] = f"{stack}_norm"
    return rows


def told_apart(given: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """config.json with `tie_word_embeddings` and `scale_decoder_outputs` apart, which older files have as one."""
    tied = given.get("tie_word_embeddings", True)
    scaled = given.get("scale_decoder_outputs", tied)
    tied = "lm_head.weight" not in names or (tied and scaled)  # transformers 5 calls all of them tied
    return {**given, "scale_decoder_outputs": scaled, "tie_word_embeddings": tied}


T5.format = Format(
    name="T5",
    model_type="t5",
    architecture="T5ForConditionalGeneration",
    fields={
        "vocab_size": "vocab_size",
        "n_positions": "context",
        "num_layers": "layers",
        "num_decoder_layers": "decoder_layers",
        "num_heads": "heads",
        "d_model": "width",
        "d_kv": "head_width",
        "d_ff": "hidden",
        "feed_forward_proj": "activation",
        "relative_attention_num_buckets": "buckets",
        "relative_attention_max_distance": "max_distance",
        "dropout_rate": "dropout",
        "tie_word_embeddings": "tied",
        "scale_decoder_outputs": "scaled_logits",
        "layer_norm_epsilon": "eps",
        "decoder_start_token_id": "start",
        "eos_token_id": "stop",
    },
    words={"feed_forward_proj": {"relu": "relu", "gated-gelu": "geglu"}},
    nullable=("num_decoder_layers", "decoder_start_token_id", "eos_token_id"),
    defaults={"dropout": 0.1},
    supported={"is_decoder": (False,)},
    tensors=tensors,
    ignored=r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",  # unused
    biased=False,
    adjust=told_apart,
)
