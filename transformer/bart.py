"""BART: the encoder-decoder of 2017 with learned positions and GELU, which learnt to repair damaged texts.

    model = Bart.from_pretrained("bart-large-cnn")  # a folder with config.json and model.safetensors
    logits = model(source, target)                  # (batch, source), (batch, target) -> (batch, target, vocab_size)
    for token in model.generate(source): ...

Lewis et al., arXiv:1910.13461.
"""

from __future__ import annotations

import numpy as np

import nn

from .config import Activation, Positions, config_class
from .embedding import Unembedding
from .encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from .pretrained.format import GELUS, Format, Layout, Packed
from .pretrained.model import PretrainedModel

__all__ = ["Bart", "BartConfig"]


@config_class
class BartConfig(EncoderDecoderConfig):
    """The config of a Bart. The defaults are those of the large one, with 406 million parameters.

    - `forced`: the first token of every target after `start`, which the model does not choose; None if it does.
    """

    vocab_size: int = 50265
    context: int = 1024
    layers: int = 12
    heads: int = 16
    width: int = 1024
    activation: Activation = "gelu"
    positions: Positions = "learned"
    embedding_norm: bool = True
    init_std: float | None = 0.02
    start: int | None = 2
    stop: int | None = 2
    forced: int | None = None

    def parameters_by_part(self) -> dict[str, int]:
        """Parameters per part, summed over layers; a bias of W_U among them."""
        parts = super().parameters_by_part()
        return parts | {"biases": parts["biases"] + self.vocab_size}


class Bart(EncoderDecoder, PretrainedModel):
    """An `EncoderDecoder` with learned positions, a norm after the embedding, and biases. Built from a BartConfig."""

    config_type = BartConfig
    config: BartConfig

    def make_unembedding(self, W_E: nn.Embedding | None) -> Unembedding:
        return Unembedding(self.config.vocab_size, self.config.width, W_E, bias=True)

    def beginning(self, start: int | None) -> list[int]:
        """What every target begins with: the config's start and forced tokens, or another start alone."""
        forced = self.config.forced
        return super().beginning(start) + ([] if start is not None or forced is None else [forced])


# --- Hugging Face's files -----------------------------------------------------------------------------------------


AFTER_TWO = Layout(  # positions count from 2 in the files; nobody reads the first two rows
    lambda array, count: [array[2:]], lambda parts: np.concatenate([np.zeros_like(parts[0][:1])] * 2 + parts)
)
ONE_ROW = Layout(lambda array, count: [array[0]], lambda parts: parts[0][None])


def tensors(config: BartConfig) -> dict[str, str | Packed]:
    """The tensors of a Bart: see `Format`."""
    rows: dict[str, str | Packed] = {
        "model.shared": "source_embedding.W_E",
        "model.encoder.embed_tokens": "source_embedding.W_E",
        "model.decoder.embed_tokens": "target_embedding.W_E",
        "lm_head.weight": "unembedding.W_U.weight",
        "final_logits_bias": Packed(("unembedding.W_U.bias",), ONE_ROW),
    }
    for stack, embedding in (("encoder", "source_embedding"), ("decoder", "target_embedding")):
        layer = f"model.{stack}.layers.*"
        parts = {"self_attn": "attention"} | ({"encoder_attn": "cross"} if stack == "decoder" else {})
        for i, (theirs, ours) in enumerate(parts.items(), 1):
            for theirs_W, W in (("q_proj", "W_Q"), ("k_proj", "W_K"), ("v_proj", "W_V"), ("out_proj", "W_O")):
                rows[f"{layer}.{theirs}.{theirs_W}"] = f"{stack}.*.{ours}.{W}"
            rows[f"{layer}.{theirs}_layer_norm"] = f"{stack}.*.norm_{i}"
        rows[f"{layer}.fc1"] = f"{stack}.*.ffn.up"
        rows[f"{layer}.fc2"] = f"{stack}.*.ffn.down"
        rows[f"{layer}.final_layer_norm"] = f"{stack}.*.norm_{len(parts) + 1}"
        rows[f"model.{stack}.embed_positions"] = Packed((f"{embedding}.positions",), AFTER_TWO)
        rows[f"model.{stack}.layernorm_embedding"] = f"{embedding}.norm"
    return rows


Bart.format = Format(
    name="BART",
    model_type="bart",
    architecture="BartForConditionalGeneration",
    fields={
        "vocab_size": "vocab_size",
        "max_position_embeddings": "context",
        "encoder_layers": "layers",
        "decoder_layers": "decoder_layers",
        "encoder_attention_heads": "heads",
        "decoder_attention_heads": "heads",
        "d_model": "width",
        "encoder_ffn_dim": "hidden",
        "decoder_ffn_dim": "hidden",
        "activation_function": "activation",
        "dropout": "dropout",
        "tie_word_embeddings": "tied",
        "init_std": "init_std",
        "decoder_start_token_id": "start",
        "eos_token_id": "stop",
        "forced_bos_token_id": "forced",
    },
    words={"activation_function": GELUS},
    nullable=("decoder_start_token_id", "eos_token_id", "forced_bos_token_id"),
    also={"attention_dropout": "dropout"},
    defaults={"dropout": 0.1},
    supported={"scale_embedding": (False,), "is_decoder": (False,)},
    tensors=tensors,
    prefix="model.",
    ignored=r"(en|de)coder\.version",
)
