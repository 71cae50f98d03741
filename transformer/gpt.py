"""GPT: decoder-only. Each token attends to itself and the tokens before it, and predicts the next one.

For example:

    model = GPT(GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)
    model.loss(tokens, next_tokens).backward()
    for token in model.generate([1, 2, 3], temperature=0.8, top_k=40): ...

    model = GPT.from_pretrained("./gpt2")           # a folder with config.json and model.safetensors
    model.save_pretrained("mine")                   # Hugging Face's GPT2LMHeadModel.from_pretrained("mine") reads it
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import nn
from tinygrad_lecture import Tensor

from .block import Block, make_final_norm
from .cache import Cache
from .config import TransformerConfig, check_config, config_class
from .embedding import Embedding, Unembedding
from .generation import LanguageModel
from .inputs import read
from .inspect.inspectable import Inspectable
from .pretrained.format import Format
from .pretrained.model import PretrainedModel
from .training import initialize, token_cross_entropy

__all__ = ["GPT", "GPTConfig"]


GPT2_SIZES = {  # layers, heads, width
    "small": (12, 12, 768),
    "medium": (24, 16, 1024),
    "large": (36, 20, 1280),
    "xl": (48, 25, 1600),
}


@config_class
class GPTConfig(TransformerConfig):
    """The config of a GPT (decoder-only). The defaults are the smallest GPT-2's, those of `TransformerConfig`.

    - Norm: LayerNorm before each part ("pre"; Radford et al., 2019).
    - Positions: learned.
    - FFN: GELU (Hendrycks & Gimpel, arXiv:1606.08415), here by its tanh formula.
    - Attention: causal.
    """

    @classmethod
    def gpt2(cls, size: str = "small", **changes: Any) -> Self:
        """GPT-2 "small" (124M), "medium" (355M), "large" (774M) or "xl" (1,558M) (Radford et al., 2019).

        changes: fields to set differently. Raises KeyError for another size.
        """
        layers, heads, width = GPT2_SIZES[size]
        return cls(**{"layers": layers, "heads": heads, "width": width, **changes})

    @classmethod
    def gpt3(cls) -> Self:
        """The lecture's GPT-3: 96 layers of 96 heads, width 12,288 (Brown et al., arXiv:2005.14165), W_U not tied.

        Its weight_count() is 175,181,291,520.
        """
        return cls(context=2048, layers=96, heads=96, width=12288, tied=False)


class GPT(LanguageModel, Inspectable, PretrainedModel):
    """Embedding, `layers` blocks, final norm, unembedding (Radford et al., 2019). Built from a GPTConfig."""

    config_type: ClassVar[type[TransformerConfig]] = GPTConfig
    format = Format.of("gpt2")
    config: TransformerConfig

    def __init__(self, config: TransformerConfig) -> None:
        check_config(self, config)
        self.config = config
        with nn.init.skip():
            self.embedding = Embedding(config)
            self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.norm = make_final_norm(config)
            self.unembedding = Unembedding(config, self.embedding.W_E)
        initialize(self, config)

    def forward(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """Logits of the next token at each position: (..., tokens) -> (..., tokens, vocab_size).

        - `tokens`: integers, a Tensor, array or list.
        - `padding_mask`: (..., tokens), True for tokens and False for padding, at either end. With a cache it covers
          the cached tokens too; None then keeps their mask and counts the new ones as tokens.
        - `cache`: from `new_cache`; the tokens are appended to it.

        Raises TypeError if tokens are not integers or the mask is not of bools, IndexError for a token outside the
        vocabulary, ValueError for more tokens than the context, a mask of another shape, or a cache of other texts.
        """
        return self.unembedding(self.vectors(tokens, padding_mask, cache))  # type: ignore[no-any-return]

    def vectors(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """The vectors before the unembedding: (..., tokens) -> (..., tokens, width). Arguments: see `forward`."""
        text = read(self.embedding, tokens, padding_mask, decoder=self.blocks, cache=cache)
        x = text.vectors  # (..., tokens, width)
        for layer, block in enumerate(self.blocks):
            x = block(x, text.mask, text.bias, text.rotation, text.keys(layer))
        text.finish()
        return self.norm(x)  # type: ignore[no-any-return]

    def next_logits(self, tokens: Any, padding_mask: Any = None, cache: Cache | None = None) -> Tensor:
        """Logits of the token after the last: (..., tokens) -> (..., vocab_size).

        Arguments: see `forward`; but padding is allowed at the beginning only.
        """
        return self.unembedding(self.vectors(tokens, padding_mask, cache)[..., -1:, :])[..., 0, :]  # type: ignore[no-any-return]

    def loss(self, tokens: Any, targets: Any, padding_mask: Any = None) -> Tensor:
        """The mean cross-entropy of the next tokens.

        - `targets`: (..., tokens), the token after each; -100 is ignored.

        Other arguments and errors: see `forward`.
        """
        return token_cross_entropy(self(tokens, padding_mask), targets)
