"""BART: the encoder-decoder of 2017 with learned positions and GELU, which learnt to repair damaged texts.

    model = Bart.from_pretrained("./bart-large")    # a folder with config.json and model.safetensors
    logits = model(source, target)                  # (batch, source), (batch, target) -> (batch, target, vocab_size)
    for token in model.generate(source): ...

Lewis et al., arXiv:1910.13461.
"""

from __future__ import annotations

from .config import Activation, Positions, config_class
from .encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from .pretrained.format import Format
from .pretrained.model import PretrainedModel

__all__ = ["Bart", "BartConfig"]


@config_class
class BartConfig(EncoderDecoderConfig):
    """The config of a Bart (encoder-decoder). The defaults are those of the large one, with 406 million parameters.

    The other fields, and the errors, are those of `TransformerConfig`.

    - Norm: LayerNorm after each sum ("post", as in 2017), and after the embedding.
    - Positions: learned. They count tokens only; those of transformers' BART count padding on the left too.
    - FFN: GELU.
    - Attention: bidirectional; causal and cross in the decoder.
    """

    vocab_size: int = 50265
    context: int = 1024
    layers: int = 12
    heads: int = 16
    width: int = 1024
    activation: Activation = "gelu"
    positions: Positions = "learned"
    logits_bias: bool = True
    embedding_norm: bool = True
    init_std: float | None = 0.02
    start: int | None = 2
    stop: int | None = 2
    forced_eos: int | None = 2


class Bart(EncoderDecoder, PretrainedModel):
    """An `EncoderDecoder` with learned positions, a norm after the embedding, and biases. Built from a BartConfig.

    (Lewis et al., arXiv:1910.13461.)
    """

    config_type = BartConfig
    format = Format.of("bart")
    config: BartConfig
