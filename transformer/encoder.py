"""Encoder: encoder-only, BERT-like. Every token looks at all tokens, before and after it.

model = Encoder(EncoderConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
vectors = model.encode(tokens)                              # (batch, tokens) -> (batch, tokens, width)

inputs, targets = mask_tokens(tokens, mask_token=64, vocab_size=65)     # some hidden, and what they were
model.loss(inputs, targets).backward()                      # learn to guess them

classifier = Classifier(model, classes=2)                   # then learn what a text is about
classifier(tokens)                                          # (batch, classes)
"""

from __future__ import annotations

import operator
from typing import Any, Literal

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import to_host

from .block import Block, final_norm
from .config import EncoderConfig, check_config
from .embedding import Embedding
from .inspect.probes import Trace, trace_stack
from .masks import checked_padding, look_everywhere
from .positions import positions_of
from .tokens import as_tokens, check_vocabulary
from .training.loss import token_cross_entropy
from .training.parameters import initialize
from .unembedding import Unembedding


class Encoder(nn.Module):
    """Embedding, `layers` blocks, unembedding (Devlin et al., arXiv:1810.04805). EncoderConfig has all the choices.

    Unlike BERT it has one kind of sentence, and no further layer between the last block and W_U.
    """

    def __init__(self, config: EncoderConfig) -> None:
        check_config(self, config, EncoderConfig)
        self.config = config
        with nn.init.skip():
            self.embedding = Embedding(config)
            self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.norm = final_norm(config)
            self.unembedding = Unembedding(config.vocab_size, config.width, self.embedding.W_E if config.tied else None)
        initialize(self, config)

    def forward(self, tokens: Any, padding_mask: Any = None) -> Tensor:
        """Logits of the token that stands at each place: (..., tokens) -> (..., tokens, vocab_size).

        tokens: integers, a Tensor, array or list.
        padding_mask: (..., tokens), True for a token and False for what only fills up, at either end.
        Raises as `Embedding.checked` does, and for a padding mask of another shape ValueError.
        """
        return self.unembedding(self.encode(tokens, padding_mask))  # type: ignore[no-any-return]

    def encode(self, tokens: Any, padding_mask: Any = None) -> Tensor:
        """A vector for each token, which knows the whole text: (..., tokens) -> (..., tokens, width)."""
        tokens = self.embedding.checked(tokens)
        padding = checked_padding(padding_mask, tokens.shape, tokens.device)
        positions = positions_of(tokens.shape[-1], 0, padding, tokens.device)
        mask = look_everywhere(padding)
        x = self.embedding(tokens, positions)  # (..., tokens, width)
        for block in self.blocks:
            x = block(x, mask, positions)
        return self.norm(x)  # type: ignore[no-any-return]

    def loss(self, tokens: Any, targets: Any, padding_mask: Any = None) -> Tensor:
        """The mean cross-entropy of the tokens that are really there.

        targets: (..., tokens), the true token where one is to be guessed, else -100, which is not counted; as
        `mask_tokens` makes them.
        """
        return token_cross_entropy(self(tokens, padding_mask), targets)

    def trace(self, tokens: Any, padding_mask: Any = None) -> Trace:
        """What goes on inside while the model reads: attention weights, residual stream, logit lens.

        In evaluation mode and without gradients. Arguments and errors as of `forward`.
        """
        return trace_stack(self, tokens, padding_mask)


class Classifier(nn.Module):
    """What a text is about, from the encoder's vectors: one of them, or their mean, through tanh and a last matrix.

    pooling: "first", the vector of the first token that is no padding, as BERT does with its [CLS], or "mean", of all.
    The encoder is learnt along; `encoder.requires_grad_(False)` keeps it as it is.
    Raises ValueError for fewer than two classes, or another pooling.
    """

    def __init__(self, encoder: Encoder, classes: int, pooling: Literal["first", "mean"] = "first") -> None:
        if classes < 2 or pooling not in ("first", "mean"):
            raise ValueError(
                f'Classifier: wanted two classes or more and pooling "first" or "mean", got {classes} and {pooling!r}'
            )
        width = encoder.config.width
        self.pooling = pooling
        self.pool = nn.Linear(width, width)
        self.dropout = nn.Dropout(encoder.config.dropout)
        self.out = nn.Linear(width, classes)
        initialize(self, encoder.config)
        self.encoder = encoder

    def forward(self, tokens: Any, padding_mask: Any = None) -> Tensor:
        """Logits of the classes: (..., tokens) -> (..., classes). Arguments and errors as of `Encoder.forward`."""
        x = self.encoder.encode(tokens, padding_mask)  # (..., tokens, width)
        padding = checked_padding(padding_mask, x.shape[:-1], x.device)
        pooled = _first(x, padding) if self.pooling == "first" else _mean(x, padding)  # (..., width)
        return self.out(self.dropout(tl.tanh(self.pool(pooled))))  # type: ignore[no-any-return]


def _first(x: Tensor, padding: Tensor | None) -> Tensor:
    """Of the tokens, the first that is no padding: (..., tokens, width) -> (..., width)."""
    if padding is None:
        return x[..., 0, :]
    place = tl.unsqueeze(tl.argmax(padding, -1, keepdims=True), -1)  # (..., 1, 1)
    first: Tensor = tl.gather(x, -2, tl.broadcast_to(place, (*x.shape[:-2], 1, x.shape[-1])))  # (..., 1, width)
    return first[..., 0, :]


def _mean(x: Tensor, padding: Tensor | None) -> Tensor:
    """Over the tokens: (..., tokens, width) -> (..., width)."""
    if padding is None:
        return tl.mean(x, -2)
    counted = tl.unsqueeze(padding.to(dtype=x.dtype), -1)  # (..., tokens, 1)
    mean: Tensor = (x * counted).sum(-2) / tl.clip(counted.sum(-2), min=1)
    return mean


def mask_tokens(
    tokens: Any,
    mask_token: int,
    vocab_size: int,
    *,
    share: float = 0.15,
    keep: Any = None,
    seed: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Hide tokens to be guessed: what the model sees, and what it is to say; both of tokens' shape, on the CPU.

    Each token is chosen with probability `share`. Of the chosen, 80% become `mask_token`, 10% a random token of the
    vocabulary, and 10% stay, so that the model may trust no token blindly (Devlin et al., arXiv:1810.04805, section
    3.1). The targets are the true tokens of the chosen, and -100 elsewhere.
    keep: bools of tokens' shape, True for what is never chosen, such as padding.
    seed: for a random stream of its own; else the one that `tl.manual_seed` seeds.
    Raises ValueError for a mask_token out of the vocabulary, a share that is no probability, a `keep` of another shape;
    as `as_tokens` does, and IndexError for a token out of the vocabulary.
    """
    mask_token = operator.index(mask_token)
    if not 0 <= mask_token < vocab_size or not 0 <= share <= 1:
        raise ValueError(
            f"mask_tokens: mask_token {mask_token} must be one of the tokens 0 to {vocab_size - 1}, and share {share} "
            "a probability"
        )
    true = to_host(as_tokens(tokens).array).astype(np.int64)  # which has room for -100
    check_vocabulary(true, vocab_size)
    random = rng.generator() if seed is None else np.random.default_rng(seed)
    chosen = random.random(true.shape) < share
    if keep is not None:
        kept = np.asarray(keep.numpy() if isinstance(keep, Tensor) else keep)
        if kept.shape != true.shape:
            raise ValueError(f"mask_tokens: keep has a bool for each token, wanted {true.shape}, got {kept.shape}")
        chosen &= ~kept.astype(bool)
    fate = random.random(true.shape)
    others = random.integers(0, vocab_size, true.shape)
    shown = np.where(chosen & (fate < 0.8), mask_token, true)
    shown = np.where(chosen & (fate >= 0.8) & (fate < 0.9), others, shown)
    return tl.tensor(shown), tl.tensor(np.where(chosen, true, -100))
