"""Errors of two kinds: Python's ValueError or TypeError, and the RuntimeError that PyTorch raises in its place."""


class TensorError(ValueError, RuntimeError):
    """The shapes or values given do not fit. `except ValueError` catches it, and so does `except RuntimeError`."""


class DtypeError(TypeError, RuntimeError):
    """The dtypes given do not fit. `except TypeError` catches it, and so does `except RuntimeError`."""


TensorError.__module__ = DtypeError.__module__ = "tinygrad_lecture"  # as tracebacks show them
