"""Embedding: a learnt table with one row per token, word or class; EmbeddingBag: the mean or sum of several rows.

CosineSimilarity and PairwiseDistance say how alike two such vectors are.
"""

from __future__ import annotations

from typing import Any, Self

from tinygrad_lecture import Tensor, no_grad

from .. import functional as F
from .. import init
from ..errors import check_sizes
from ..module import FunctionLayer, Module, Parameter

__all__ = ["CosineSimilarity", "Embedding", "EmbeddingBag", "PairwiseDistance"]


class Embedding(Module):
    """A lookup table: each integer i becomes row i of the weight, `(...) -> (..., embedding_dim)`.

    - `weight`: `(num_embeddings, embedding_dim)`, initially normal with mean 0 and standard deviation 1.
    - `padding_idx`: a row that starts as 0 and gets no gradient, for padding; negative values count from the end.
    - `max_norm`: rows are shortened to this length, in place, when they are selected; their `norm_type`-norm counts.
    - `sparse`: accepted; gradients are dense.  `_weight`: the rows at the beginning.

    Raises ValueError for sizes below 1 or a padding_idx out of range. (Bengio et al., JMLR 3, 2003.)
    """

    weight: Parameter

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, *, sparse: bool = False, _weight: Tensor | None = None, device: str = "cpu",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        check_sizes(name, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"{name}: padding_idx {padding_idx} is out of range for {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type, self.sparse = max_norm, norm_type, sparse
        if _weight is None:
            self.weight = Parameter.empty(num_embeddings, embedding_dim, dtype=dtype, device=device)
            self.reset_parameters()
        elif _weight.shape == (num_embeddings, embedding_dim):
            self.weight = Parameter(_weight)
        else:
            raise ValueError(f"{name}: _weight must have shape {(num_embeddings, embedding_dim)}, not {_weight.shape}")

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
        made: Self = cls(rows, features, *settings, **{**named, "_weight": embeddings})
        made.weight.requires_grad_(not freeze)
        return made

    def forward(self, x: Any) -> Tensor:
        """Integers `(...) -> (..., embedding_dim)`."""
        return F.embedding(x, self.weight, self.padding_idx, self.max_norm, self.norm_type)

    def extra_repr(self) -> str:
        given = {"padding_idx": self.padding_idx, "max_norm": self.max_norm}
        texts = [f"{name}={value}" for name, value in given.items() if value is not None]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *texts])


class EmbeddingBag(Embedding):
    """The mean, sum or largest of several rows: `(bags, size)` integers -> `(bags, embedding_dim)`.

    - `mode`: "mean", "sum" or "max".
    - `padding_idx`: a row that starts as 0 and is left out.

    The other arguments and errors are those of `Embedding`; `F.embedding_bag` has the formula.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, mode: str = "mean", **settings: Any) -> None:
        super().__init__(num_embeddings, embedding_dim, **settings)
        self.mode = mode

    def forward(self, input: Any, offsets: Any = None) -> Tensor:
        """Integers `(bags, size)` -> `(bags, embedding_dim)`.

        `offsets`: `(bags,)`, where each bag begins in a vector `input` of all bags.
        """
        norm = (self.max_norm, self.norm_type)
        return F.embedding_bag(input, self.weight, offsets, *norm, mode=self.mode, padding_idx=self.padding_idx)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode!r}"


class _OfTwo(FunctionLayer):
    in_repr = ()

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:  # type: ignore[override]
        """The function of two tensors, whose shapes broadcast."""
        return self.call_function(x1, x2)  # type: ignore[no-any-return]


class CosineSimilarity(_OfTwo, function=F.cosine_similarity):
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along axis `dim`: the cosine of the angle between the vectors.

    Inputs broadcast, and the axis is removed: `(..., n), (..., n) -> (...)` for the last one.
    """


class PairwiseDistance(_OfTwo, function=F.pairwise_distance):
    """‖x1 - x2 + eps‖_p along the last axis, which is removed unless keepdim: `(..., n), (..., n) -> (...)`."""
