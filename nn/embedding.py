"""Embedding: a learnt table with one row per token, word or class."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, no_grad

from . import functional as F
from . import init
from .errors.checks import check_sizes
from .module import Module, Parameter


class Embedding(Module):
    """A lookup table: each integer i becomes row i of the weight, `(...) -> (..., embedding_dim)`.

    - `weight`: `(num_embeddings, embedding_dim)`, initially normal with mean 0 and standard deviation 1.
    - `padding_idx`: a row that starts as 0 and gets no gradient, for padding; negative values count from the end.

    Raises ValueError for sizes below 1, or a padding_idx out of range.
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        check_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is out of range for {num_embeddings} rows")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(tl.empty(num_embeddings, embedding_dim, dtype=dtype, device=device))
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """An Embedding with a copy of the given rows as weight, frozen unless freeze=False.

        Raises ValueError unless `embeddings` has shape `(rows, features)`.
        """
        if embeddings.ndim != 2:
            raise ValueError(
                f"Embedding.from_pretrained: embeddings must have shape (rows, features), not {embeddings.shape}"
            )
        rows, features = embeddings.shape
        made = cls(rows, features, padding_idx, embeddings.device, embeddings.dtype)
        with no_grad():
            made.weight.copy_(embeddings)
        made.weight.requires_grad_(not freeze)
        return made

    def reset_parameters(self) -> None:
        """Draw new rows, and set the padding row to 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, x: Any) -> Tensor:
        """Integers `(...) -> (..., embedding_dim)`."""
        return F.embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
