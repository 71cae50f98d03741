"""Errors and warnings: their classes, their messages, and the names that they say to write instead.

messages.py     classes, and the user's line, which they show first; which op, which shapes, what to do
names.py        a name that a module does not have: where it is; `dim` and `keepdim` mean `axis` and `keepdims`
"""

# ruff: noqa: F403
from .messages import *
from .names import *
