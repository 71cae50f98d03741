"""In-place changes: `x += y`, `x[index] = value` and methods that end in an underscore.

While nothing is recorded, they write to memory. While recording, x takes over a new array and a new node, and the old
memory stays for the rules that saved it. Tensors that share x's memory are computed again from the new array: after
`x[0] += 1` x has changed, and after `x *= 3` so has `y = x[0:2]`, with its gradient, as in PyTorch.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import zip_longest
from typing import Any, TypeVar

import numpy as np

from . import ops
from .autograd import versions
from .autograd.core import Leaf
from .autograd.hooks import retain_grad, retains_grad
from .autograd.modes import modes, set_grad_enabled
from .autograd.views import Base, View, Window, base_of, one_in_memory, sharers, window_of
from .backend import Array, xp
from .errors import DtypeError, TensorError
from .ops.indexing import BASIC, index_get, index_put, normal_index, write
from .traced import Traced

T = TypeVar("T", bound=Traced)


def announced(x: Traced) -> Array:
    """The array of x, announced to the version counters as about to be written to."""
    versions.announce_write(x._array)
    return x._array


def update(x: T, change: str, op: Any, *operands: Any, **settings: Any) -> T:
    """x = op(x, *operands, **settings), in place. change: how the user wrote it, for errors.

    Raises RuntimeError as `_writes_to_memory` and `_replace` do, TensorError for a result of another shape, DtypeError
    for one of a dtype that does not fit into x's.
    """
    to_memory = _writes_to_memory(x, change, *operands, *settings.values())
    with set_grad_enabled(not to_memory):
        result = op(x, *operands, **settings)
    shape, dtype = x._array.shape, x._array.dtype
    if result.shape != shape:
        raise TensorError(f"{change}: the result has shape {result.shape}, but x has {shape}; write x = x + ...")
    if not np.can_cast(result.dtype, dtype, "same_kind"):
        raise DtypeError(f"{change}: {result.dtype} does not fit into x's {dtype}; convert x with .to() first")
    if to_memory:
        announced(x)[...] = result._array
    else:
        _replace(x, change, result.to(dtype=dtype))
    return x


def assign(x: Traced, index: Any, value: Any) -> None:
    """x[index] = value. Raises RuntimeError as `_writes_to_memory` and `_replace` do."""
    change = "x[index] = value"
    if isinstance(value, Traced) and _is_view_at(x, index, value):
        return  # the last step of x[index] += y, which has changed x already
    if _writes_to_memory(x, change, value):
        write(announced(x), index, value._array if isinstance(value, Traced) else value)
    else:
        _replace(x, change, ops.indexing.setitem(x, index, value))


def become_view(x: T, change: str, op: Any, *args: Any, **settings: Any) -> T:
    """x = op(x, ...), in place, for an op that returns a view of another shape. change: how the user wrote it.

    Raises RuntimeError for a leaf that requires grad: its gradient would have the shape that it had.
    """
    if isinstance(x._node, Leaf):
        raise RuntimeError(
            f"{change} would change the shape of a leaf that requires grad; write y = x... for a view of it"
        )
    view = op(x, *args, **settings)
    x._array, x._node = view._array, view._node
    x._window = window_of(view)  # x is among those that share the memory already
    return x


def _writes_to_memory(x: Traced, change: str, *operands: Any) -> bool:
    """Whether a change writes to memory (True) or is recorded (False).

    Raises RuntimeError if elements of x are one in memory, or the memory is read-only, and, while recording, if x is a
    leaf that requires grad.
    """
    if one_in_memory(x._array):
        raise RuntimeError(
            f"{change}: several elements of x are one in memory, as after expand() or unfold(); start from "
            "x = x.clone()"
        )
    involved = x._node is not None or any(isinstance(y, Traced) and y._node is not None for y in operands)
    if not (modes.recording and involved):
        if isinstance(x._array, np.ndarray) and not x._array.flags.writeable:
            raise RuntimeError(f"{change}: the memory of x is read-only; start from x = x.clone()")
        return True
    if isinstance(x._node, Leaf):
        raise RuntimeError(
            f"{change} would change a leaf that requires grad in place, while gradients are computed with respect to "
            "it: do it within tl.no_grad(), or make a new tensor, as in x = x + ..."
        )
    return False


def _is_view_at(x: Traced, index: Any, value: Traced) -> bool:
    """Whether value is x[index] itself, a view of x."""
    window = window_of(value)
    if not (isinstance(window, View) and window.op is index_get and window.x is window_of(x)):
        return False
    pairs = list(zip_longest(window.settings["index"], normal_index(x, index)))
    return all(type(a) is type(b) and type(a) in BASIC and a == b for a, b in pairs)


# --- tensors that share memory ------------------------------------------------------------------------------


_changed: ContextVar[list[weakref.ref[Traced]] | None] = ContextVar("changed", default=None)


@contextmanager
def noting_changes() -> Iterator[list[weakref.ref[Traced]]]:
    """Context manager: a list of the tensors that this thread's recorded in-place changes give a new node."""
    changed, before = list[weakref.ref[Traced]](), _changed.get()
    token = _changed.set(changed)
    try:
        yield changed
    finally:
        _changed.reset(token)
        if before is not None:
            before.extend(changed)


def _replace(x: Traced, change: str, new: Any) -> None:
    """Give x the array and node of `new`, and compute every tensor that shares its memory again.

    Raises RuntimeError for one that cannot be: x or the other was detached, or is a view of a leaf that requires grad.
    """
    window = window_of(x)
    others = sharers(x)
    if (changed := _changed.get()) is not None:
        changed.extend(map(weakref.ref, (x, *others)))
    if window is None or not others:
        new._array = _laid_out_like(x._array, new._array)
        _become(x, new)
        x._window = None
        return
    base = base_of(window)
    if any(base_of(window_of(other)) is not base for other in others):  # type: ignore[arg-type]
        raise RuntimeError(
            f"{change} cannot be recorded here: x shares its memory with another tensor through detach(), .data or "
            "no_grad(), and one of them would not see the change. Make a new tensor, as in x = x + ..., or detach a "
            "copy, x.detach().clone()"
        )
    before = base.value()
    if isinstance(before._node, Leaf):
        raise RuntimeError(
            f"{change} would change a leaf that requires grad in place, since x is a view of it: do it within "
            "tl.no_grad(), or make a new tensor, as in x = x + ..."
        )
    after = _written_to_base(before, window, new)
    after._array = _laid_out_like(base.array, after._array)
    base.array, base.node = after._array, after._node
    values: dict[Window, Any] = {base: after}
    for tensor in (x, *others):
        _become(tensor, _value_of(tensor._window, values))


def _laid_out_like(old: Array, new: Array) -> Array:
    """The new array with the memory layout of the old one, so that what was a view of that is one of this."""
    if old.strides == new.strides:
        return new
    array = xp(old).empty_like(old)
    array[...] = new
    return array


def _become(x: Traced, value: Any) -> None:
    """x takes over the array and node of `value`. After `retain_grad`, the gradient of the new value is retained."""
    retained = x._node is not None and retains_grad(x._node)
    x._array, x._node = value._array, value._node
    if retained and x._node is not None:
        retain_grad(x)


def _value_of(window: Window, values: dict[Window, Any]) -> Any:
    """What a view is, given the values of the base and of views already computed."""
    if window not in values:
        assert isinstance(window, View)
        values[window] = window.op(_value_of(window.x, values), **window.settings)
    return values[window]


def _written_to_base(base: Any, window: Window, new: Any) -> Any:
    """The base with `new` in the part that a view shows."""
    if isinstance(window, Base):
        return new
    if window.op is index_get and isinstance(window.x, Base):
        return index_put(base, new, **window.settings)
    numbers = xp(base._array).arange(base._array.size).reshape(base._array.shape)
    shown = _value_of(window, {base_of(window): numbers})  # which of the base's elements the view shows
    return index_put(base.reshape(-1), new.reshape(-1), (shown.reshape(-1),)).reshape(base.shape)
