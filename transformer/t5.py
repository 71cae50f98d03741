"""T5: an encoder-decoder whose every task is text to text, with relative positions and RMSNorm.

    model = T5.from_pretrained("./t5-small")        # a folder with config.json and model.safetensors
    logits = model(source, target)                  # (batch, source), (batch, target) -> (batch, target, vocab_size)
    for token in model.generate(source): ...

Raffel et al., arXiv:1910.10683.
"""

from __future__ import annotations

from .config import Activation, NormKind, NormPlace, Positions, config_class
from .encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from .pretrained.format import Format
from .pretrained.model import PretrainedModel

__all__ = ["T5", "T5Config"]


@config_class
class T5Config(EncoderDecoderConfig):
    """The config of a T5 (encoder-decoder). The defaults are those of the small one, with 60 million parameters.

    The other fields, and the errors, are those of `TransformerConfig`.

    - Norm: RMSNorm before each part.
    - Positions: relative, a number per head and distance that is added to the score: see `RelativeBias`. A text may
      be longer than `context`, those of its training; memory grows with the square of its length.
    - FFN: ReLU.
    - Attention: bidirectional; causal and cross in the decoder. Scores are not divided by sqrt(head_dim).
    - No biases.

    T5 1.1 has activation "geglu" (Shazeer, arXiv:2002.05202), tied=False and scaled_logits=False.
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
    """An `EncoderDecoder` with relative positions, RMSNorm before each part, and no biases. Built from a T5Config.

    (Raffel et al., arXiv:1910.10683.)
    """

    config_type = T5Config
    format = Format.of("t5")
    config: T5Config
