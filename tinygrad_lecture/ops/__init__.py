"""All public ops. Each file lists its own in `__all__`; ops for use within the engine are imported from their file."""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from typing import TYPE_CHECKING

from . import elementwise, fused, indexing, linalg, reduction, selection, shape
from .elementwise import *
from .fused import *
from .indexing import *
from .linalg import *
from .reduction import *
from .selection import *
from .shape import *

if not TYPE_CHECKING:  # mypy reads the star imports, and knows no computed __all__
    __all__ = [
        name for file in (elementwise, fused, indexing, linalg, reduction, selection, shape) for name in file.__all__
    ]
