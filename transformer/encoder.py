"""Encoder: encoder-only, BERT-like. Each token attends to all tokens, before and after it.

For example:

    model = Encoder(EncoderConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    vectors = model(tokens)                                     # (batch, tokens) -> (batch, tokens, width)

    inputs, targets = mask_tokens(tokens, mask_token=64, vocab_size=65)     # hide some tokens
    model.loss(inputs, targets).backward()                      # learn to predict them

    classifier = Classifier(model, classes=2)                   # then learn to classify texts
    classifier(tokens)                                          # (batch, classes)
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar, Literal

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from .block import Block, make_final_norm
from .config import Activation, NormPlace, TransformerConfig, check_config, config_class
from .embedding import Embedding, unembedding
from .inputs import check_padding_mask, read
from .inspect.inspectable import Inspectable
from .inspect.trace import Trace, traced
from .training import initialize, token_cross_entropy

__all__ = ["Classifier", "Encoder", "EncoderConfig"]


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
            x = block(x, text.mask, text.rotation)
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

    def loss(self, tokens: Any, targets: Any, padding_mask: Any = None, segments: Any = None) -> Tensor:
        """The mean cross-entropy of the hidden tokens.

        - `targets`: (..., tokens), as from `mask_tokens`: the true token where one is hidden, else -100, which is
          ignored.

        Other arguments and errors: see `logits`.
        """
        return token_cross_entropy(self.logits(tokens, padding_mask, segments), targets)

    def trace(
        self,
        tokens: Any,
        padding_mask: Any = None,
        segments: Any = None,
        *,
        points: str | Iterable[str] | None = None,
        requires_grad: bool = False,
    ) -> Trace:
        """What the model computes at every point while it reads a text: see `GPT.trace`. Arguments: see `logits`."""
        read = self if self.unembedding is None else self.logits
        return traced(self, partial(read, tokens, padding_mask, segments), tokens, points, requires_grad)


class Classifier(nn.Module):
    """A text classifier on an encoder: pool its vectors into one, then tanh and a last matrix.

    - `pooling`: "first", the vector of the first token that is not padding, as BERT does with [CLS]; or "mean", of all.
      The encoder is trained too; `encoder.requires_grad_(False)` freezes it.

    Raises ValueError for fewer than two classes, or another pooling. (Devlin et al., arXiv:1810.04805, section 4.1.)
    """

    def __init__(self, encoder: Encoder, classes: int, pooling: Literal["first", "mean"] = "first") -> None:
        if classes < 2 or pooling not in ("first", "mean"):
            raise ValueError(
                f'Classifier: classes must be at least 2 and pooling "first" or "mean", got {classes} and {pooling!r}'
            )
        width = encoder.config.width
        self.pooling = pooling
        self.pool = nn.Linear(width, width)
        self.dropout = nn.Dropout(encoder.config.dropout)
        self.out = nn.Linear(width, classes)
        initialize(self, encoder.config)
        self.encoder = encoder

    def forward(self, tokens: Any, padding_mask: Any = None) -> Tensor:
        """Logits of the classes: (..., tokens) -> (..., classes). Arguments and errors: see `Encoder.logits`."""
        x = self.encoder(tokens, padding_mask)  # (..., tokens, width)
        pooled = pool(x, check_padding_mask(padding_mask, x.shape[:-1], x.device), self.pooling)
        return self.out(self.dropout(tl.tanh(self.pool(pooled))))  # type: ignore[no-any-return]


def pool(x: Tensor, padding_mask: Tensor | None, pooling: Literal["first", "mean"]) -> Tensor:
    """One vector of a text: the first, or the mean, of those of its tokens: (..., tokens, width) -> (..., width)."""
    mask = tl.ones(*x.shape[:-1], dtype=tl.bool, device=x.device) if padding_mask is None else padding_mask
    if pooling == "first":
        mask = tl.logical_and(mask, tl.cumsum(mask.long(), -1) == 1)  # the first token alone
    weights = tl.unsqueeze(mask.to(dtype=x.dtype), -1)  # (..., tokens, 1): 1 for tokens that count
    return (x * weights).sum(-2) / tl.clip(weights.sum(-2), min=1)  # type: ignore[no-any-return]
