"""Exceptions that PyTorch's users and Python's both catch, raised at the user's line; and warnings there.

Errors are of two kinds: Python's ValueError, TypeError or IndexError, and the RuntimeError that PyTorch raises there.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
import warnings
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["DtypeError", "LinAlgError", "PlaceError", "TensorError"]
__all__ += ["call_site", "caller_variables", "hide_frames", "in_library", "warn", "warn_once"]


class _AtTheUsersLine(RuntimeError):
    """Notebooks and pytest show it at the user's line, without the library's own calls."""

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


# --- the user's line ----------------------------------------------------------------------------------------

_ROOT = __file__.rpartition("tinygrad_lecture")[0]  # without pathlib, to keep the import light
_PACKAGES = tuple(f"{_ROOT}{name}{os.sep}" for name in ("tinygrad_lecture", "nn", "transformer"))


def in_library(file: str) -> bool:
    """Whether a file belongs to these packages."""
    return file.startswith(_PACKAGES)


def call_site() -> str:
    """The "file:line" of the innermost caller outside these packages: for a layer's user, the call of the layer."""
    frame, _ = _users_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def caller_variables() -> dict[str, Any]:
    """The variables that the innermost caller outside these packages sees, its own before the module's."""
    frame, _ = _users_frame()
    return {**frame.f_locals, **{name: x for name, x in frame.f_globals.items() if name not in frame.f_locals}}


def _users_frame() -> tuple[FrameType, int]:
    """The frame of the innermost caller outside these packages, and how many calls it is above this function."""
    calls, frame = 0, sys._getframe(0)
    while frame.f_back is not None and in_library(frame.f_code.co_filename):
        calls, frame = calls + 1, frame.f_back
    return frame, calls


def hide_frames(error: Exception | None = None) -> None:
    """Hide the calls within these packages from the traceback of an error that is about to be raised.

    The library's own exceptions, above, do so when they are made.
    error: if it was raised before, the calls that it has left are hidden too.
    Notebooks and pytest leave out a frame with a variable `__tracebackhide__`, so the user's line comes first. Plain
    Python shows all frames.
    """
    frames = [frame for frame, _ in traceback.walk_stack(sys._getframe(1))]
    frames += [frame for frame, _ in traceback.walk_tb(None if error is None else error.__traceback__)][1:]
    for frame in frames:
        if in_library(frame.f_code.co_filename) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # of a function
            variables = frame.f_locals
            if isinstance(variables, dict):  # before Python 3.13 a copy, which would keep the error and its tensors
                variables.clear()
            variables["__tracebackhide__"] = True


def warn(message: str) -> None:
    """Warn the user: the warning names the innermost line outside these packages, and is shown once for that line."""
    _, calls = _users_frame()
    warnings.warn(message, UserWarning, stacklevel=calls)  # this function is level 1


@functools.cache
def warn_once(message: str) -> None:
    """`warn`, but once in a program, however many of its lines give reason."""
    warn(message)
