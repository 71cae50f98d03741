"""Data: datasets, and a loader that yields them in shuffled mini-batches.

For example:

    train, test = nn.data.random_split(nn.TensorDataset(images, labels), [0.85, 0.15], seed=0)
    for x, y in nn.DataLoader(train, batch_size=32, shuffle=True):
        ...                                         # x: (32, 784), y: (32,)
"""

from . import dataset
from .dataset import *  # noqa: F403
from .loader import DataLoader, default_collate

__all__ = ["DataLoader", "default_collate"]
__all__ += dataset.__all__
