"""Statistics: quantiles, counts, covariance; reductions that leave nan out; places in a sorted vector; differences."""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from typing import TYPE_CHECKING

from . import counting, covariance, differences, nans, quantiles, searching
from .counting import *
from .covariance import *
from .differences import *
from .nans import *
from .quantiles import *
from .searching import *

if not TYPE_CHECKING:  # mypy reads the star imports, and knows no computed __all__
    __all__ = [
        name for file in (counting, covariance, differences, nans, quantiles, searching) for name in file.__all__
    ]
