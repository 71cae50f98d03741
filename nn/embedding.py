"""Embedding: a table with a row for each token, word or class, which is learnt."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, no_grad

from . import functional as F
from . import init
from .module import Module, Parameter


class Embedding(Module):
    """A vector for each of num_embeddings numbers: row i of the weight for the number i.

    weight: (num_embeddings, embedding_dim), starts normal with mean 0 and standard deviation 1.
    padding_idx: the number that stands for nothing: its row starts as 0 and gets no gradient; -1 is the last.
    Raises ValueError for sizes below 1, or a padding_idx that is none of the numbers.
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
        if num_embeddings < 1 or embedding_dim < 1:
            raise ValueError(f"Embedding: sizes must be at least 1, not {num_embeddings} rows of {embedding_dim}")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is none of {num_embeddings} rows")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(tl.empty(num_embeddings, embedding_dim, dtype=dtype, device=device))
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """A table with the rows given, copied, which is not learnt further unless freeze=False.

        Raises ValueError unless embeddings have two axes.
        """
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding: pretrained rows have shape (rows, features), not {embeddings.shape}")
        rows, features = embeddings.shape
        made = cls(rows, features, padding_idx, embeddings.device, embeddings.dtype)
        with no_grad():
            made.weight.copy_(embeddings)
        made.weight.requires_grad_(not freeze)
        return made

    def reset_parameters(self) -> None:
        """Draw the rows anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, x: Tensor) -> Tensor:
        """Integers (...) -> (..., embedding_dim)."""
        return F.embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
