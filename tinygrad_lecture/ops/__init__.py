"""All public ops. Each file lists its own in `__all__`; ops for use within the engine are imported from their file."""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from typing import TYPE_CHECKING

from . import composite as composite, linalg as linalg
from .basics import *
from .elementwise import *
from .fused import *
from .indexing import *
from .linalg import bmm as bmm, cdist as cdist, dot as dot, einsum as einsum, outer as outer
from .reduction import *
from .shape import *
from .sorting import *
from .windowed import *

if not TYPE_CHECKING:  # mypy reads the star imports, and knows no computed __all__
    __all__ = [name for name, value in globals().items() if name[0] != "_" and callable(value)]
