"""Embedding: a learnt table with one row per token, word or class."""

from __future__ import annotations

from typing import Any, Self

from tinygrad_lecture import Tensor, no_grad

from .. import functional as F, init
from ..errors import check_sizes
from ..module import Module, Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A lookup table: each integer i becomes row i of the weight, `(...) -> (..., embedding_dim)`.

    - `weight`: `(num_embeddings, embedding_dim)`, initially normal with mean 0 and standard deviation 1.
    - `padding_idx`: a row that starts as 0 and gets no gradient, for padding; negative values count from the end.

    Raises ValueError for sizes below 1 or a padding_idx out of range. (Bengio et al., JMLR 3, 2003.)
    """

    weight: Parameter

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *, device: str = "cpu",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        check_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is out of range for {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter.empty(num_embeddings, embedding_dim, dtype=dtype, device=device)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new rows, and set the padding row to 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, *settings: Any, **named: Any) -> Self:
        """A layer with a copy of the given rows as weight, frozen unless freeze=False; other settings as of the class.

        Raises ValueError unless `embeddings` has shape `(rows, features)`.
        """
        if embeddings.ndim != 2:
            raise ValueError(f"{cls.__name__}: embeddings must have shape (rows, features), not {embeddings.shape}")
        rows, features = embeddings.shape
        with init.skip():
            made = cls(rows, features, *settings, **named)
        made.weight = Parameter(embeddings, requires_grad=not freeze)
        return made

    def forward(self, x: Any) -> Tensor:
        """Integers `(...) -> (..., embedding_dim)`."""
        return F.embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
