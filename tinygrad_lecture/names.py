"""One mechanism by which every function takes PyTorch's `dim` and `keepdim` for NumPy's `axis` and `keepdims`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_NUMPY = {"dim": "axis", "dims": "axis", "keepdim": "keepdims"}


def numpy_names(function: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A call's keyword arguments under NumPy's names, a list of axes as a tuple.

    Raises TypeError where both names are given.
    """
    if not (_NUMPY.keys() & settings.keys() or type(settings.get("axis")) is list):
        return settings
    renamed: dict[str, Any] = {}
    for name, value in settings.items():
        numpy_name = _NUMPY.get(name, name)
        if numpy_name in renamed:
            both = " and ".join(given for given in settings if _NUMPY.get(given, given) == numpy_name)
            raise TypeError(f"{function} got {both}, which mean the same; give one")
        if numpy_name == "axis" and type(value) is list:
            value = tuple(value)
        renamed[numpy_name] = value
    return renamed


def composite(function: F) -> F:
    """Mark a public function composed of ops: it too takes `dim` and `keepdim`."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = numpy_names(function.__name__, kwargs)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]
