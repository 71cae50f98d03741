"""The rare paths of a call: operands that are not Tensors, and results that NumPy made wider than they should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from ..backend import (
    FLOAT16,
    FLOAT32,
    FLOAT64,
    Array,
    device_of,
    get_default_dtype,
    is_array,
    move,
    narrow,
    narrow_integers,
    xp,
)
from ..traced import Traced
from .modes import modes

T = TypeVar("T")

SCALARS = frozenset({bool, int, float, complex, type(None)})  # operands that need no conversion


def as_operand(value: Any, like: Array, copy: bool) -> Any:
    """An operand that is not a Tensor, converted to work with the array `like`.

    copy: copy arrays, since a record may keep them and their owner may change them unseen.
    NumPy's scalars act like Python's: neither they nor floats in lists promote.
    Raises TypeError for an array of objects.
    """
    if isinstance(value, np.generic):
        return value.item()
    if is_array(value):
        if value.dtype == object:  # NumPy would compute with one Python object at a time
            raise TypeError("an operand must be numbers, not an array of object")
        return value.copy() if copy else value
    if isinstance(value, (list, tuple)):
        array = np.array(value)
        if array.dtype == FLOAT64:
            array = array.astype(like.dtype if like.dtype.kind == "f" else get_default_dtype())
        return move(array, device_of(like))
    return value


def own_settings(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings for a record to keep: with copies of arrays, lists and whatever else the caller may change.

    Raises TypeError for a Tensor that requires grad, as `constant` does.
    """
    for value in settings.values():
        kind = type(value)
        if kind not in _PLAIN and not (kind is tuple and _PLAIN.issuperset(map(type, value))):
            return {key: _own(value, key, name) for key, value in settings.items()}
    return settings


_PLAIN = frozenset({bool, int, float, complex, str, slice, type(None), type(Ellipsis)})


def _own(value: Any, setting: str, name: str) -> Any:
    kind = type(value)
    if kind is tuple or kind is list:
        return kind(_own(item, setting, name) for item in value)
    if kind is dict:
        return {key: _own(item, setting, name) for key, item in value.items()}
    if isinstance(value, Traced):
        return constant(value, setting, name)._array.copy()
    return value.copy() if is_array(value) or isinstance(value, bytearray) else value


def constant(value: T, setting: str, name: str) -> T:
    """The value of a setting of the function `name`, which no gradient flows to.

    Raises TypeError while recording for a Tensor that requires grad: its gradient would be lost without a word.
    """
    if isinstance(value, Traced) and value._node is not None and modes.recording:
        raise TypeError(
            f"{name}: {setting} is a setting, to which no gradient flows, but the tensor given requires grad: pass "
            f"{setting}.detach(); in an op of your own, put {setting} before the slash, with the inputs"
        )
    return value


def settle(out: Any, inputs: Sequence[Any], arrays: Sequence[Any], name: str, casts: bool) -> Array:
    """What a forward function returned, as an array and no wider than the floats it was computed from.

    inputs: as the op was called; arrays: the same without Tensors.  casts: the op chooses the dtype of its result.
    Raises TypeError for None, and for a complex result of real Tensors.
    """
    if isinstance(out, np.generic):  # NumPy returns scalars for 0-d results
        out = np.asarray(out)
    elif not is_array(out):
        if out is None:
            raise TypeError(f"{name}: forward returned None: is a return missing?")
        out = xp(*arrays).asarray(out)
    dtype = out.dtype
    if dtype is FLOAT32 and not any(is_array(x) and x.dtype is FLOAT16 for x in arrays):
        return out
    if dtype.kind == "f" and not casts:
        return narrow(out, arrays)
    if dtype.kind in "iu" and not casts and len(arrays) > 1:
        return narrow_integers(out, arrays)
    if dtype.kind == "c" and not any(isinstance(x, Traced) and x._array.dtype.kind == "c" for x in inputs):
        raise TypeError(f"{name}: tensors hold no complex numbers; split them into .real and .imag, or take abs()")
    return out
