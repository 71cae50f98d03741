"""Means of weights over training: stochastic weight averaging, and exponential moving averages.

averaging.py   AveragedModel, a copy of a model whose weights are the mean; update_bn
swalr.py       SWALR, which brings the learning rate to the constant one that averaging needs
"""

from .averaging import (
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)
from .swalr import SWALR

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip
