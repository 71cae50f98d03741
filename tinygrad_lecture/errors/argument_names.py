"""Argument names, in every function alike: PyTorch's `dim` and `keepdim` mean NumPy's `axis` and `keepdims`.

Its `input` and `other` are the first and the second argument.
"""

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


def inputs_by_position(args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments with `input` and `other` among those by position: f(input=x, other=y) is f(x, y)."""
    if "input" not in named and "other" not in named:
        return args, named
    named = dict(named)
    if "input" in named:
        args = (named.pop("input"), *args)
    if "other" in named and args:
        args = (args[0], named.pop("other"), *args[1:])
    return args, named


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
