"""All public ops. Each file lists its own in `__all__`; ops for use within the engine are imported from their file."""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from typing import TYPE_CHECKING

from . import (
    arrangement,
    cumulative,
    elementary,
    elementwise,
    fused,
    indexing,
    linalg,
    reduction,
    scattering,
    selection,
    shape,
    statistics,
    windowed,
)
from .arrangement import *
from .cumulative import *
from .elementary import *
from .elementwise import *
from .fused import *
from .indexing import *
from .linalg import *
from .linear_algebra import distances, products
from .linear_algebra.distances import *
from .linear_algebra.products import *
from .reduction import *
from .scattering import *
from .selection import *
from .shape import *
from .statistics import *
from .windowed import *

if not TYPE_CHECKING:  # mypy reads the star imports, and knows no computed __all__
    __all__ = [
        name
        for file in (
            elementwise,
            elementary,
            reduction,
            selection,
            cumulative,
            shape,
            arrangement,
            indexing,
            scattering,
            linalg,
            products,
            distances,
            statistics,
            fused,
            windowed,
        )
        for name in file.__all__
    ]
