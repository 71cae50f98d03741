"""Loss functions, with PyTorch's meaning of every argument. `nn/loss/` has them as modules.

    regression.py       numbers
    cross_entropy.py    classes
    probabilities.py    probabilities from 0 to 1
    reduction.py        the mean or sum

Each takes `reduction`: "mean", "sum", or "none" for the losses themselves. Shapes that do not fit raise ValueError.
"""

from .cross_entropy import cross_entropy, mean_divisor, nll_loss
from .probabilities import binary_cross_entropy, binary_cross_entropy_with_logits, kl_div
from .regression import huber_loss, l1_loss, mse_loss, smooth_l1_loss

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mean_divisor",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]
