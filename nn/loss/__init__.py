"""Losses as modules: how wrong the outputs are, as one number. The formulas are in `nn/functional/loss/`.

    base.py             what all share
    regression.py       numbers
    classification.py   classes
    probabilities.py    probabilities from 0 to 1
    margin.py           what is right by a margin counts 0: rankings, pairs, triplets, classes
    likelihood.py       the likelihood of numbers, of Poisson's or Gauss's distribution

Each takes `reduction`: "mean", "sum", or "none" for the losses themselves.
"""

from .classification import CrossEntropyLoss, NLLLoss
from .likelihood import GaussianNLLLoss, PoissonNLLLoss
from .margin import (
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
    TripletMarginLoss,
)
from .probabilities import BCELoss, BCEWithLogitsLoss, KLDivLoss
from .regression import HuberLoss, L1Loss, MSELoss, SmoothL1Loss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
]
