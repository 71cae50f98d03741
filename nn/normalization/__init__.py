"""Normalisation layers: each takes mean and variance over other axes.

layer.py  rms.py        over the last axes, for each row
batch.py                over the batch, for each channel, with running averages for evaluation
group.py  instance.py   over groups of channels, or one channel, of each image
affine.py               the learnt scale and shift that follow all of them
"""

from .batch import BatchNorm1d, BatchNorm2d
from .group import GroupNorm
from .instance import InstanceNorm1d, InstanceNorm2d
from .layer import LayerNorm
from .rms import RMSNorm

__all__ = ["BatchNorm1d", "BatchNorm2d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "LayerNorm", "RMSNorm"]
