"""Errors and warnings: their classes, their messages, and the names that they say to write instead.

exceptions.py   errors that are a ValueError or TypeError and a RuntimeError; the user's line, which they show first
messages.py     which op, which shapes, what to do; values in words
names.py        a name that a module does not have: where it is; `dim` and `keepdim` mean `axis` and `keepdims`
"""

# ruff: noqa: F403
from .exceptions import *
from .messages import *
from .names import *
