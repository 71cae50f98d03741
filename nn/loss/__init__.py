"""Losses as modules: how wrong the outputs are, as one number. The formulas are in `nn/functional/loss/`.

base.py             what all share
regression.py       numbers
classification.py   classes
probabilities.py    probabilities from 0 to 1
"""

from .classification import CrossEntropyLoss, NLLLoss
from .probabilities import BCELoss, BCEWithLogitsLoss, KLDivLoss
from .regression import HuberLoss, L1Loss, MSELoss, SmoothL1Loss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
]
