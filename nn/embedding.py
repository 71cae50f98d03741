"""Embedding: a learnt table with one row per token, word or class; EmbeddingBag: the mean or sum of several rows."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, no_grad

from . import functional as F
from . import init
from .errors.checks import check_sizes
from .module import Module, Parameter


class _Table(Module):
    """Base of both: the rows, and what `F.embedding` does with them."""

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        rows: Tensor | None,
        device: str,
        dtype: Any,
    ) -> None:
        name = type(self).__name__
        check_sizes(name, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"{name}: padding_idx {padding_idx} is out of range for {num_embeddings} rows")
        if scale_grad_by_freq:
            raise ValueError(f"{name}: scale_grad_by_freq is not here; divide the gradient of each row by its count")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type, self.sparse = max_norm, norm_type, sparse
        if rows is not None:
            if rows.shape != (num_embeddings, embedding_dim):
                raise ValueError(f"{name}: _weight must have shape {(num_embeddings, embedding_dim)}, not {rows.shape}")
            self.weight = Parameter(rows)
            return
        self.weight = Parameter(tl.empty(num_embeddings, embedding_dim, dtype=dtype, device=device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new rows, and set the padding row to 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def extra_repr(self) -> str:
        given = {"padding_idx": self.padding_idx, "max_norm": self.max_norm}
        shown = [f"{name}={value}" for name, value in given.items() if value is not None]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *shown])


class Embedding(_Table):
    """A lookup table: each integer i becomes row i of the weight, `(...) -> (..., embedding_dim)`.

    - `weight`: `(num_embeddings, embedding_dim)`, initially normal with mean 0 and standard deviation 1.
    - `padding_idx`: a row that starts as 0 and gets no gradient, for padding; negative values count from the end.
    - `max_norm`: rows are shortened to this length, in place, when they are selected; their `norm_type`-norm counts.
    - `sparse`: accepted; gradients are dense.  `_weight`: the rows at the beginning.  `_freeze`: not to train them.

    Raises ValueError for sizes below 1, a padding_idx out of range, or scale_grad_by_freq, which is not here.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        settings = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        super().__init__(num_embeddings, embedding_dim, *settings, _weight, device, dtype)
        self.weight.requires_grad_(not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An Embedding with a copy of the given rows as weight, frozen unless freeze=False.

        Raises ValueError unless `embeddings` has shape `(rows, features)`.
        """
        rows, features = _sizes_of(cls.__name__, embeddings)
        return cls(
            rows, features, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, _freeze=freeze
        )

    def forward(self, x: Any) -> Tensor:
        """Integers `(...) -> (..., embedding_dim)`."""
        return F.embedding(x, self.weight, self.padding_idx, self.max_norm, self.norm_type)


class EmbeddingBag(_Table):
    """The mean, sum or largest of several rows: `(bags, size)` integers -> `(bags, embedding_dim)`.

    - `mode`: "mean", "sum" or "max".
    - `padding_idx`: a row that starts as 0 and is left out.
    - `include_last_offset`: whether the offsets end with the number of all elements.

    The other arguments and errors are those of `Embedding`; `F.embedding_bag` has the formula.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        if mode not in ("mean", "sum", "max"):
            raise ValueError(f'EmbeddingBag: mode must be "mean", "sum" or "max", not {mode!r}')
        settings = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        super().__init__(num_embeddings, embedding_dim, *settings, _weight, device, dtype)
        self.mode, self.include_last_offset = mode, include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """An EmbeddingBag with a copy of the given rows as weight, frozen unless freeze=False."""
        rows, features = _sizes_of(cls.__name__, embeddings)
        made = cls(
            rows,
            features,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        made.weight.requires_grad_(not freeze)
        return made

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """Integers `(bags, size)` -> `(bags, embedding_dim)`.

        - `offsets`: `(bags,)`, where each bag begins in a vector `input` of all bags.
        - `per_sample_weights`: of input's shape, a factor for each row, for the mode "sum".
        """
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode!r}"


def _sizes_of(name: str, embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise ValueError(f"{name}.from_pretrained: embeddings must have shape (rows, features), not {embeddings.shape}")
    rows, features = embeddings.shape
    return rows, features
