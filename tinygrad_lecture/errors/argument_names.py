"""Argument names: PyTorch's `dim` and `keepdim` mean NumPy's `axis` and `keepdims`, in every function alike."""

from __future__ import annotations

from typing import Any

_NUMPY = {
    "dim": "axis",
    "dims": "axis",
    "keepdim": "keepdims",
    "dim0": "axis0",
    "dim1": "axis1",
    "dim2": "axis2",
}


def numpy_names(function: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A call's keyword arguments under NumPy's names, with a list of axes as a tuple.

    Raises TypeError if both names of one argument are given.
    """
    if _NUMPY.keys().isdisjoint(settings) and type(settings.get("axis")) is not list:
        return settings
    renamed: dict[str, Any] = {}
    for name, value in settings.items():
        numpy_name = _NUMPY.get(name, name)
        if numpy_name in renamed:
            both = " and ".join(given for given in settings if _NUMPY.get(given, given) == numpy_name)
            raise TypeError(f"{function} got {both}, which mean the same; give one of them")
        if numpy_name == "axis" and type(value) is list:
            value = tuple(value)
        renamed[numpy_name] = value
    return renamed
