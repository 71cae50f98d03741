"""All public ops. Each file lists its own in `__all__`; ops for use within the engine are imported from their file."""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from typing import TYPE_CHECKING

from . import linalg as linalg
from .arrangement import *
from .basics import *
from .comparison import *
from .copying import *
from .elementwise import *
from .fused import *
from .gather_scatter import *
from .indexing import *
from .linalg import matrix_power as matrix_power
from .products import *
from .reduction import *
from .shape import *
from .sorting import *
from .statistics import *
from .windowed import *

if not TYPE_CHECKING:  # mypy reads the star imports, and knows no computed __all__
    __all__ = [name for name, value in globals().items() if name[0] != "_" and callable(value)]
