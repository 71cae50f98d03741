"""Encoder: encoder-only, BERT-like. Each token attends to all tokens, before and after it.

For example:

    model = Encoder(EncoderConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    vectors = model(tokens)                                     # (batch, tokens) -> (batch, tokens, width)

    inputs, targets = mask_tokens(tokens, mask_token=64, vocab_size=65)     # hide some tokens
    model.loss(inputs, targets).backward()                      # learn to predict them
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import nn
from tinygrad_lecture import Tensor

from .block import Block, make_final_norm
from .config import Activation, NormPlace, TransformerConfig, check_config, config_class
from .embedding import Embedding, unembedding
from .inputs import read
from .inspect.inspectable import Inspectable
from .training import initialize, token_cross_entropy

__all__ = ["Encoder", "EncoderConfig"]


@config_class
class EncoderConfig(TransformerConfig):
    """The config of an Encoder (encoder-only). The defaults are BERT base's, without segments.

    The other fields, and the errors, are those of `TransformerConfig`.

    - `segments`: how many kinds of segments, such as first and second text, have a vector that is added to those of
      their tokens.
    """

    vocab_size: int = 30522
    context: int = 512
    activation: Activation = "gelu"
    norm: NormPlace = "post"
    embedding_norm: bool = True
    eps: float = 1e-12
    segments: int = 0

    def parameters_by_part(self) -> dict[str, int]:
        """Parameters per part, summed over layers."""
        return super().parameters_by_part() | {"segments": self.segments * self.width}


class Encoder(Inspectable):
    """Embedding, `layers` blocks, unembedding (Devlin et al., arXiv:1810.04805). Built from an EncoderConfig.

    Shape: (..., tokens) -> (..., tokens, width); `logits` adds the unembedding. `Bert` is one with segments, a layer
    before W_U, and Hugging Face's files.
    """

    config_type: ClassVar[type[EncoderConfig]] = EncoderConfig
    unembedding: nn.Module | None

    def __init__(self, config: EncoderConfig) -> None:
        check_config(self, config)
        self.config = config
        with nn.init.skip():
            self.embedding = Embedding(config, segments=config.segments)
            self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.norm = make_final_norm(config)
            self.unembedding = self.make_unembedding(self.embedding.W_E)
        initialize(self, config)

    def make_unembedding(self, W_E: nn.Embedding) -> nn.Module | None:
        """From a final vector to the logits; None for a model without logits."""
        return unembedding(self.config, W_E)

    def forward(self, tokens: Any, padding_mask: Any = None, segments: Any = None) -> Tensor:
        """A contextual vector per token: (..., tokens) -> (..., tokens, width). Arguments and errors: see `logits`."""
        text = read(self.embedding, tokens, padding_mask, segments)
        x = text.vectors  # (..., tokens, width)
        for block in self.blocks:
            x = block(x, text.mask, text.bias, text.rotation)
        return self.norm(x)  # type: ignore[no-any-return]

    def logits(self, tokens: Any, padding_mask: Any = None, segments: Any = None) -> Tensor:
        """Logits of the token at each position: (..., tokens) -> (..., tokens, vocab_size).

        - `tokens`: integers, a Tensor, array or list. A BERT's hidden ones: encode("Paris is [MASK].",
          allowed_special="all").
        - `padding_mask`: (..., tokens), True for tokens and False for padding, at either end. Positions count tokens
          only; those of transformers' BERT count padding on the left too.
        - `segments`: (..., tokens), integers, or (tokens,) for all texts; None puts all tokens into segment 0, if the
          model has segments.

        Raises TypeError if tokens are not integers or the mask is not of bools, IndexError for a token outside the
        vocabulary, ValueError for more tokens than the context, a mask of another shape, segments that the model lacks,
        or a model without W_U.
        """
        if self.unembedding is None:
            raise ValueError(f"{type(self).__name__}: the model has no W_U, so it gives vectors, but no logits")
        return self.unembedding(self(tokens, padding_mask, segments))  # type: ignore[no-any-return]

    @property
    def reads(self) -> Callable[..., Tensor]:
        return self if self.unembedding is None else self.logits

    def loss(self, tokens: Any, targets: Any, padding_mask: Any = None, segments: Any = None) -> Tensor:
        """The mean cross-entropy of the hidden tokens.

        - `targets`: (..., tokens), as from `mask_tokens`: the true token where one is hidden, else -100, which is
          ignored.

        Other arguments and errors: see `logits`.
        """
        return token_cross_entropy(self.logits(tokens, padding_mask, segments), targets)
