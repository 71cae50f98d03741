"""Elementwise functions beyond those of the lecture: a textbook's table of derivatives, one line each, and bits."""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from typing import TYPE_CHECKING

from . import bits, exponentials, special, steps, trigonometry
from .bits import *
from .exponentials import *
from .special import *
from .steps import *
from .trigonometry import *

if not TYPE_CHECKING:  # mypy reads the star imports, and knows no computed __all__
    __all__ = [name for file in (bits, exponentials, special, steps, trigonometry) for name in file.__all__]
