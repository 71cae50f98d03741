"""Around a call: from arguments to inputs and settings, from those to arrays, and the dtype of the result."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..backend import FLOAT16, FLOAT32, FLOAT64, Array, device_of, get_default_dtype, is_array, move, xp
from ..errors import refuse_mask, refuse_several
from ..tensor_base import TENSORS, TensorBase
from .modes import modes

T = TypeVar("T")

SCALARS = frozenset({bool, int, float, complex, type(None)})  # operands that need no conversion


class Kept(NamedTuple):
    """What a kernel returns that is recorded: its result, and arrays that spare its backward work."""

    out: Array
    arrays: Any


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
        refuse_mask(value, "an operand")
        return value.copy() if copy else value
    if isinstance(value, (list, tuple)):
        array = np.array(value)
        if array.dtype == FLOAT64:
            array = array.astype(like.dtype if like.dtype.kind == "f" else get_default_dtype())
        return move(array, device_of(like))
    return value


def copy_settings(settings: dict[str, Any], op: Any) -> dict[str, Any]:
    """The settings for a record to keep: with copies of arrays, lists and whatever else the caller may change.

    Raises TypeError for a Tensor that requires grad, as `constant` does, and for several Tensors in place of a number.
    """
    for value in settings.values():
        kind = type(value)
        if kind not in PLAIN and not (kind is tuple and PLAIN.issuperset(map(type, value))):
            refuse_several(op.name, map(settings.get, numbers_among(op.forward)))
            return {key: _own(value, key, op.name) for key, value in settings.items()}
    return settings


PLAIN = frozenset({bool, int, float, complex, str, slice, type(None), type(Ellipsis)})


def _own(value: Any, setting: str, name: str) -> Any:
    kind = type(value)
    if kind is tuple or kind is list:
        return kind(_own(item, setting, name) for item in value)
    if isinstance(value, TensorBase):
        return constant(value, setting, name)._array.copy()
    return value.copy() if is_array(value) else value


def constant(value: T, setting: str, name: str) -> T:
    """The value of a setting of the function `name`, which no gradient flows to.

    Raises TypeError while recording for a Tensor that requires grad: its gradient would be lost without a word.
    """
    if isinstance(value, TensorBase) and value._node is not None and modes.recording:
        reason = (
            f"{setting} is a setting, to which no gradient flows, but the tensor given requires grad: pass "
            f"{setting}.detach(); in an op of your own, put {setting} before the slash, with the inputs"
        )
        error = TypeError(f"{name}: {reason}")
        vars(error)["reason"] = reason  # `explain_call` says it again under another name
        raise error
    return value


@functools.cache
def numbers_among(function: Callable[..., Any]) -> dict[str, int]:
    """The parameters of a function that have a number as default, such as `eps`: each with its position."""
    found = enumerate(inspect.signature(function).parameters.values())
    return {p.name: i for i, p in found if type(p.default) in (int, float)}


def refuse_gradients(name: str, numbers: dict[str, int], args: Sequence[Any], named: dict[str, Any]) -> None:
    """Raise TypeError, as `constant` does, if a Tensor that requires grad is given for a number.

    numbers: `numbers_among` the parameters of the function `name`, called with `args` and the arguments `named`.
    """
    n = len(args)
    for setting, position in numbers.items():
        value: Any = args[position] if position < n else named.get(setting)
        if type(value) in TENSORS:
            constant(value, setting, name)


def as_result(
    op: Any, out: Any, like: Array, inputs: Sequence[Any], arrays: Sequence[Any], settings: dict[str, Any]
) -> Array:
    """What an op's forward function returned, as an array and no wider than the floats it was computed from.

    like: the array that decides the result's dtype.  inputs: those of the call; arrays: the same without Tensors.
    Of integers of 8 bits and bools NumPy computes float functions in float16: then forward is run again, on floats of
    the default dtype.
    Raises TypeError for None, and for a complex result of real Tensors.
    """
    if isinstance(out, np.generic):  # NumPy returns scalars for 0-d results
        out = np.asarray(out)
        if out.dtype is like.dtype:
            return out
    if not is_array(out):
        if out is None:
            raise TypeError(f"{op.name}: forward returned None: is a return missing?")
        out = xp(*arrays).asarray(out)
    dtype = out.dtype
    if dtype is FLOAT32 and not any(is_array(x) and x.dtype is FLOAT16 for x in arrays):
        return out
    if dtype.kind == "f" and not op.casts:
        if dtype == FLOAT16 and not any(is_array(x) and x.dtype == FLOAT16 for x in arrays):
            wide = [x.astype(get_default_dtype()) if is_array(x) else x for x in arrays]
            out = xp(*wide).asarray(op.forward(*wide, **settings))
        return narrow(out, arrays)
    if dtype.kind == "c" and not any(isinstance(x, TensorBase) and x._array.dtype.kind == "c" for x in inputs):
        raise TypeError(f"{op.name}: tensors hold no complex numbers; split them into .real and .imag, or take abs()")
    return out


def narrow(out: Array, inputs: Sequence[Any]) -> Array:
    """The result without NumPy's promotion of integers to float64: no wider than the floats among its inputs.

    NumPy promotes int64 with float32, and exp(int64), to float64. As in PyTorch, integers here take the dtype of the
    floats they are combined with, or the default dtype if there are none, and arrays without axes do not promote those
    with axes.
    """
    floats = [a for a in inputs if is_array(a) and a.dtype.kind in "fc"]
    if not floats:
        return out.astype(get_default_dtype())
    widest = np.result_type(*({a.dtype for a in floats if a.ndim} or {a.dtype for a in floats}))
    return out if out.dtype == widest or widest.kind == "c" else out.astype(widest)
