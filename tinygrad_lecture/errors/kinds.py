"""Errors of two kinds: Python's ValueError, TypeError or IndexError, and the RuntimeError that PyTorch raises there."""

import numpy as np


class TensorError(ValueError, RuntimeError):
    """The shapes or values given do not fit. `except ValueError` catches it, and so does `except RuntimeError`."""


class DtypeError(TypeError, RuntimeError):
    """The dtypes given do not fit. `except TypeError` catches it, and so does `except RuntimeError`."""


class PlaceError(IndexError, RuntimeError):
    """An index is out of range. `except IndexError` catches it, and so does `except RuntimeError`."""


class LinAlgError(TensorError, np.linalg.LinAlgError):
    """A matrix is singular or not positive definite. It is a TensorError and NumPy's LinAlgError."""


for _kind in (TensorError, DtypeError, PlaceError, LinAlgError):
    _kind.__module__ = "tinygrad_lecture"  # as tracebacks show them
LinAlgError.__qualname__ = "linalg.LinAlgError"
