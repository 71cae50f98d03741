"""Losses with a margin: what is right already by the margin counts 0.

Targets that are 1 or -1 say which of two kinds a row is of.
"""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError

from ...errors.checks import as_target, check_indices, check_tensor
from ..activation import logsigmoid, softplus
from ..similarity import pairwise_distance
from .reduction import reduced

# --- pairs and triplets -------------------------------------------------------------------------------------


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, -y (x1 - x2) + margin) per element: x1 should be the larger where y is 1, x2 where y is -1.

    The three have as many axes, and broadcast.
    """
    check_tensor("margin_ranking_loss", "input1", input1)
    if not input1.ndim == input2.ndim == target.ndim:
        raise TensorError(
            "margin_ranking_loss: input1, input2 and target must have as many axes, not shapes "
            f"{input1.shape}, {input2.shape} and {target.shape}"
        )
    return reduced(tl.clip(margin - target * (input1 - input2), min=0), reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x where y is 1, max(0, margin - x) where y is -1, for distances x. Shapes must be equal."""
    target = as_target("hinge_embedding_loss", input, target)
    far = tl.clip(margin - input, min=0)
    return reduced(tl.where(target == 1, 0, far) + tl.where(target == -1, 0, input), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where y is -1.

    - `input1`, `input2`: (N, features) or (features,).  `target`: (N,) or ().

    Raises ValueError for other shapes, or a target that is neither 1 nor -1 (not checked on a GPU).
    """
    check_tensor("cosine_embedding_loss", "input1", input1)
    if input1.shape != input2.shape or target.shape != input1.shape[:-1]:
        raise TensorError(
            "cosine_embedding_loss: input1 and input2 must have one shape, (N, features), and target (N,), not "
            f"{input1.shape}, {input2.shape} and {target.shape}"
        )
    if target.device == "cpu" and bool((abs(target.array) != 1).any()):
        raise TensorError("cosine_embedding_loss: target must be 1 or -1 for each pair")
    lengths = ((input1 * input1).sum(-1) + _EPS) * ((input2 * input2).sum(-1) + _EPS)  # squared
    cos = (input1 * input2).sum(-1) / tl.sqrt(lengths)
    alike, apart = 1 - cos, tl.clip(cos - margin, min=0)
    return reduced(tl.where(target == 1, alike, 0) + tl.where(target == -1, apart, 0), reduction)


_EPS = 1e-12


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), with d the p-norm of the difference.

    - `anchor`, `positive`, `negative`: (N, features) or (features,).
    - `swap`: use d(positive, negative) where that is the smaller (Balntas et al., BMVC 2016).

    Raises ValueError for shapes that differ, and unless the margin is above 0.
    """
    if not margin > 0:
        raise TensorError(f"triplet_margin_loss: margin must be above 0, not {margin}")
    check_tensor("triplet_margin_loss", "anchor", anchor)
    if not anchor.shape == positive.shape == negative.shape:
        raise TensorError(
            "triplet_margin_loss: anchor, positive and negative must have one shape, (N, features), not "
            f"{anchor.shape}, {positive.shape} and {negative.shape}"
        )
    near, far = (pairwise_distance(anchor, other, p, eps) for other in (positive, negative))
    if swap:
        far = tl.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(tl.clip(margin + near - far, min=0), reduction)


# --- classes ------------------------------------------------------------------------------------------------


def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-y x)) per element, for targets y of 1 and -1. Shapes must be equal."""
    target = as_target("soft_margin_loss", input, target)
    return reduced(softplus(-target * input, threshold=float("inf")), reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum over the other classes i of max(0, margin - x[y] + x[i])^p, divided by the number of classes.

    - `input`: scores, (N, classes) or (classes,).  `target`: class numbers y, (N,) or ().
    - `weight`: (classes,), a factor for each right class.

    Raises ValueError for other shapes or a p that is not 1 or 2, IndexError for a class that does not exist.
    """
    check_tensor("multi_margin_loss", "input", input)
    if input.ndim not in (1, 2) or target.shape != input.shape[:-1]:
        raise TensorError(
            f"multi_margin_loss: input must be (N, classes) and target (N,), not {input.shape} and {target.shape}"
        )
    classes = input.shape[-1]
    if p not in (1, 2):
        raise TensorError(f"multi_margin_loss: p must be 1 or 2, not {p}")
    if weight is not None and weight.shape != (classes,):
        raise TensorError(f"multi_margin_loss: weight must have shape ({classes},), not {weight.shape}")
    check_indices("multi_margin_loss", target, classes, "classes")
    right = target.unsqueeze(-1)
    short = tl.relu(margin - tl.gather(input, -1, right) + input)  # (N, classes): by how much the margin is missed
    short = tl.where(tl.arange(classes, device=input.device) == right, 0, short if p == 1 else short * short)
    losses = short.sum(-1) / classes
    return reduced(losses if weight is None else losses * weight[target], reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(y log(σ(x)) + (1 - y) log(1 - σ(x))), the mean over the classes, the last axis: a row may be of several.

    - `input`, `target`: (N, classes), scores and zeros and ones.  `weight`: a factor for each class.
    """
    target = as_target("multilabel_soft_margin_loss", input, target)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduced((losses if weight is None else losses * weight).mean(-1), reduction)
