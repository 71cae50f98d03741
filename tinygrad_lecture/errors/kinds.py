"""Errors of two kinds: Python's ValueError, TypeError or IndexError, and the RuntimeError that PyTorch raises there.

Notebooks and pytest show them at the user's line, without the library's own calls.
"""

import numpy as np

from .users_line import hide_frames


class _AtTheUsersLine(RuntimeError):
    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        hide_frames()


class TensorError(ValueError, _AtTheUsersLine):
    """The shapes or values given do not fit. `except ValueError` catches it, and so does `except RuntimeError`."""


class DtypeError(TypeError, _AtTheUsersLine):
    """The dtypes given do not fit. `except TypeError` catches it, and so does `except RuntimeError`."""


class PlaceError(IndexError, _AtTheUsersLine):
    """An index is out of range. `except IndexError` catches it, and so does `except RuntimeError`."""


class LinAlgError(TensorError, np.linalg.LinAlgError):
    """A matrix is singular or not positive definite. It is a TensorError and NumPy's LinAlgError."""


for _kind in (TensorError, DtypeError, PlaceError, LinAlgError):
    _kind.__module__ = "tinygrad_lecture"  # as tracebacks show them
LinAlgError.__qualname__ = "linalg.LinAlgError"
