"""Training on several cores, or several machines: the workers share each batch and train one model together.

WIP
"""

from .distribute import distribute
from .group import group, rank, size
from .launch import run
from .shares import shares

__all__ = ["distribute", "group", "rank", "run", "shares", "size"]
