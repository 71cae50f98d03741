"""Windows that slide over the last axes of a tensor.

sliding.py      the elements of each window, and the sum of overlapping windows
filters.py      convolutions: products of windows with filters
pooling.py      the largest element of each window
"""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from typing import TYPE_CHECKING

from . import filters, pooling, sliding
from .filters import *
from .pooling import *
from .sliding import *

if not TYPE_CHECKING:  # mypy reads the star imports, and knows no computed __all__
    __all__ = [name for file in (sliding, filters, pooling) for name in file.__all__]
