"""Argument names, in every function alike: PyTorch's `dim` and `keepdim` mean NumPy's `axis` and `keepdims`.

Its `input` and `other` are the first and the second argument; some functions have names of their own for these.
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
_OWN: dict[str, dict[str, str | None]] = {  # a function -> what PyTorch calls a setting -> its name here
    "gather": {"sparse_grad": None},  # None: it has no meaning here
    "permute": {"dims": "axes"},
    "split": {"split_size_or_sections": "split_size"},
    "take": {"index": "indices"},
}

_USUAL = (("input",), ("other",))
_INPUTS: dict[str, tuple[tuple[str, ...], ...]] = {  # a function -> what PyTorch calls its first arguments
    "bmm": (("input",), ("mat2",)),
    "cdist": (("x1",), ("x2",)),
    "cholesky_solve": (("input",), ("input2",)),
    "dot": (("input",), ("tensor", "other")),
    "isin": (("elements", "element"), ("test_elements", "test_element")),
    "matmul": (("input",), ("other", "mat2", "vec")),
    "outer": (("input",), ("vec2",)),
    "pow": (("input",), ("exponent", "other")),
    "searchsorted": (("sorted_sequence",), ("input",)),
    "split": (("tensor", "input"),),
}


def inputs_by_position(
    function: str, args: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments with `input` and `other` among those by position: f(input=x, other=y) is f(x, y)."""
    names = _INPUTS.get(function)
    if names is None:
        if "input" not in named and "other" not in named:
            return args, named
        names = _USUAL
    for position, spellings in enumerate(names):
        for name in spellings:
            if name in named and len(args) >= position:
                named = dict(named)
                args = (*args[:position], named.pop(name), *args[position:])
    return args, named


def numpy_names(function: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A call's keyword arguments under NumPy's names, with a list of axes as a tuple.

    Raises TypeError if both names of one argument are given.
    """
    own = _OWN.get(function)
    if own is None and _NUMPY.keys().isdisjoint(settings) and type(settings.get("axis")) is not list:
        return settings
    renamed: dict[str, Any] = {}
    for name, value in settings.items():
        numpy_name = own[name] if own and name in own else _NUMPY.get(name, name)
        if numpy_name is None:
            continue
        if numpy_name in renamed:
            both = " and ".join(given for given in settings if _NUMPY.get(given, given) == numpy_name)
            raise TypeError(f"{function} got {both}, which mean the same; give one of them")
        if numpy_name in ("axis", "axes") and type(value) is list:
            value = tuple(value)
        renamed[numpy_name] = value
    return renamed
