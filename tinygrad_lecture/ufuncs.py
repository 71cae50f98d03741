"""NumPy's functions called with a Tensor: `array + x` is a Tensor, and np.sin(x) says to write tl.sin(x).

NumPy's elementwise functions (ufuncs) ask the class of an argument for `__array_ufunc__`. That includes its operators:
`array + x` calls np.add(array, x). Its other functions ask for `__array_function__`, and take constants as arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .errors import DtypeError
from .traced import Traced

# the operator of a Tensor on the right of an array
REFLECTED = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__",
    "power": "__rpow__", "remainder": "__rmod__", "floor_divide": "__rfloordiv__", "matmul": "__rmatmul__",
    "bitwise_and": "__rand__", "bitwise_or": "__ror__", "bitwise_xor": "__rxor__", "equal": "__eq__",
    "not_equal": "__ne__", "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__",
}  # fmt: skip

# functions that have another name here
_NAMES = {
    "absolute": "abs", "negative": "neg", "subtract": "sub", "multiply": "mul", "divide": "div", "power": "pow",
    "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge",
    "concatenate": "cat",
}  # fmt: skip


class ArrayUfunc:
    """The attribute `__array_ufunc__`: a function for NumPy, which asks the class, and None for CuPy, which asks the
    object and leaves its operators to ours if it finds None."""

    def __get__(self, instance: Any, owner: type) -> Any:
        return call_ufunc if instance is None else None


def call_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, out: Any = None, **settings: Any) -> Any:
    """What NumPy's ufunc returns for a Tensor: an operator's result. Raises DtypeError for any other call."""
    name = ufunc.__name__
    if method == "__call__" and out is None and len(inputs) == 2 and inputs[1] is self and name in REFLECTED:
        return getattr(self, REFLECTED[name])(inputs[0])
    ours = _here(name)
    if out is not None:
        remedy = "write a = a + x for a += x, which makes a Tensor, or use x.numpy()"
    elif method == "__call__" and ours:
        remedy = f"write {ours}({', '.join(['x', 'y'][: len(inputs)])})"
    else:
        remedy = "compute with tl functions, or with x.detach().numpy() if you need no gradient"
    called = name if method == "__call__" else f"{name}.{method}"
    raise DtypeError(f"np.{called} takes no Tensor, since NumPy would lose its graph: {remedy}")


def call_function(function: Callable[..., Any], args: Any, named: Any) -> Any:
    """What a NumPy function such as np.sum returns for Tensors, which it is given as arrays.

    Raises RuntimeError for a Tensor that requires grad, unless the function asks for its shape alone.
    """

    def as_array(x: Any) -> Any:
        if type(x) in (tuple, list):
            return type(x)(map(as_array, x))
        if not isinstance(x, Traced):
            return x
        if function in (np.shape, np.ndim, np.size):
            return x._array
        if x._node is not None:
            name = function.__name__
            ours = _here(name) or "tl functions"
            raise RuntimeError(
                f"np.{name}: this tensor requires grad, and NumPy would lose its graph: use {ours} or, where no "
                "gradient is needed, as in a plot, x.detach()"
            )
        return np.asarray(x)

    return function(*map(as_array, args), **{name: as_array(x) for name, x in named.items()})


def _here(name: str) -> str:
    """The function of this engine that computes what NumPy's of a name does, such as "tl.neg"; "" if there is none."""
    ours = _NAMES.get(name, name)
    return f"tl.{ours}" if hasattr(ops, ours) else ""
