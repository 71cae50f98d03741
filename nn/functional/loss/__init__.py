"""Loss functions, with PyTorch's meaning of every argument. `nn/loss/` has them as modules.

    regression.py       numbers
    cross_entropy.py    classes
    probabilities.py    probabilities from 0 to 1
    margin.py           what is right by a margin counts 0: rankings, pairs, triplets, classes
    likelihood.py       the likelihood of numbers, of Poisson's or Gauss's distribution
    reduction.py        the mean or sum

Each takes `reduction`: "mean", "sum", or "none" for the losses themselves. Shapes that do not fit raise ValueError.
"""

from .cross_entropy import cross_entropy, mean_divisor, nll_loss
from .likelihood import gaussian_nll_loss, poisson_nll_loss
from .margin import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
)
from .probabilities import binary_cross_entropy, binary_cross_entropy_with_logits, kl_div
from .regression import huber_loss, l1_loss, mse_loss, smooth_l1_loss

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mean_divisor",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]
