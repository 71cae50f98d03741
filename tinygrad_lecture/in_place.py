"""In-place changes: `x += y`, `x[index] = value` and methods that end in an underscore.

While nothing is recorded, they write to memory. While recording, x takes over a new array and a new node, and the old
memory stays for the rules that saved it. Tensors that share x's memory are computed again from the new array: after
`x[0] += 1` x has changed, and after `x *= 3` so has `y = x[0:2]`, with its gradient, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, Self, TypeVar

import numpy as np

from . import ops, random
from .autograd import memory
from .autograd.core import Leaf
from .autograd.hooks import has_hooks, retain_grad
from .autograd.memory import Base, View, Window, base_of, note_sharing, one_in_memory, sharers
from .autograd.modes import modes, set_grad_enabled
from .backend import Array, device_of, xp
from .errors import DtypeError, TensorError
from .ops.indexing import BASIC, index_get, index_put, normal_index, write
from .tensor_base import TensorBase, array_of, wrap

T = TypeVar("T", bound=TensorBase)


def announced(x: TensorBase) -> Array:
    """The array of x, announced to the version counters as about to be written to."""
    memory.announce_write(x._array)
    return x._array


def update(x: T, change: str, op: Any, *operands: Any, **settings: Any) -> T:
    """x = op(x, *operands, **settings), in place. change: how the user wrote it, for errors.

    Raises RuntimeError as `_writes_to_memory` and `_replace` do, TensorError for a result of another shape, DtypeError
    for one of a dtype that does not fit into x's.
    """
    to_memory = _writes_to_memory(x, change, *operands, *settings.values())
    window = None if to_memory else x._window
    # what a rule saves of a detached tensor must outlive the change, which `_replace` makes in memory
    before = x if window is None or not base_of(window).detached else wrap(x._array.copy(), x._node)
    with set_grad_enabled(not to_memory):
        result = op(before, *operands, **settings)
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


def assign(x: TensorBase, index: Any, value: Any, change: str = "x[index] = value") -> None:
    """x[index] = value. change: how the user wrote it. Raises RuntimeError as `_writes_to_memory` and `_replace` do."""
    if isinstance(value, TensorBase) and _is_view_at(x, index, value):
        return  # the last step of x[index] += y, which has changed x already
    if _writes_to_memory(x, change, value):
        write(announced(x), index, array_of(value))
    else:
        _replace(x, change, ops.indexing.setitem(x, index, value))


def _writes_to_memory(x: TensorBase, change: str, *operands: Any) -> bool:
    """Whether a change writes to memory (True) or is recorded (False).

    Raises RuntimeError if elements of x are one in memory, or the memory is read-only, and, while recording, if x is a
    leaf that requires grad.
    """
    if one_in_memory(x._array):
        raise RuntimeError(f"{change}: elements of x are one in memory, as after expand(); start from x = x.clone()")
    involved = x._node is not None or any(isinstance(y, TensorBase) and y._node is not None for y in operands)
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


def _is_view_at(x: TensorBase, index: Any, value: TensorBase) -> bool:
    """Whether value is x[index] itself, a view of x."""
    window = value._window
    if not (isinstance(window, View) and window.op is index_get and window.x is x._window):
        return False
    pairs = list(zip_longest(window.settings["index"], normal_index(x, index)))
    return all(type(a) is type(b) and type(a) in BASIC and a == b for a, b in pairs)


# --- tensors that share memory ------------------------------------------------------------------------------


def _replace(x: TensorBase, change: str, new: Any) -> None:
    """Give x the array and node of `new`, and compute every tensor that shares its memory again.

    A detached tensor is changed in memory: what it was detached from sees the new numbers, and keeps its own gradient.
    Raises RuntimeError where another cannot be computed: it was detached from x, is a view of a leaf that requires
    grad, or is a view with a hook, which the gradients of later uses would not pass.
    """
    window = x._window
    others = sharers(x)
    if window is None or not others:
        new._array = _laid_out_like(x._array, new._array)
        _become(x, new)
        x._window = None
        return
    base = base_of(window)
    views = [other for other in others if base_of(other._window) is base]
    apart = len(views) < len(others)
    if apart and not base.detached:
        raise RuntimeError(
            f"{change} cannot be recorded here: x shares its memory with another tensor through detach(), .data or "
            "no_grad(), and one of them would not see the change. Write x = x + ..., or take x.detach().clone()"
        )
    if any(isinstance(other._window, View) and has_hooks(other._node) for other in views):
        raise RuntimeError(
            f"{change} cannot be recorded here: a view that shares x's memory has a hook, which would get a part of "
            "its gradient. Register the hook after the change, or make a new tensor, as in x = x + ..."
        )
    before = base.value()
    if isinstance(before._node, Leaf):
        raise RuntimeError(
            f"{change} would change a leaf that requires grad in place, since x is a view of it: do it within "
            "tl.no_grad(), or make a new tensor, as in x = x + ..."
        )
    after = _written_to_base(before, window, new)
    if apart:
        announced(before)[...] = after._array
    after._array = before._array if apart else _laid_out_like(base.array, after._array)
    base.array, base.node = after._array, after._node
    values: dict[Window, Any] = {base: after}
    for tensor in (x, *views):
        _become(tensor, _value_of(tensor._window, values))


def _laid_out_like(old: Array, new: Array) -> Array:
    """The new array with the memory layout of the old one, so that what was a view of that is one of this."""
    if old.strides == new.strides:
        return new
    array = xp(old).empty_like(old)
    array[...] = new
    return array


def _become(x: TensorBase, value: Any) -> None:
    """x takes over the array and node of `value`. After `retain_grad`, the gradient of the new value is retained."""
    retained = x._node is not None and x._node.tensor is not None
    if retained:
        retain_grad(x, False)
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


# --- the methods --------------------------------------------------------------------------------------------


def in_place(op: Callable[..., Any], change: str = "") -> Callable[..., Any]:
    """The method that replaces a tensor by op(tensor, ...). change: how the user writes it, by default x.exp_()."""
    name = f"{op.__name__}_"
    change = change or f"x.{name}()"

    def method(self: Any, *args: Any, **settings: Any) -> Any:
        return update(self, change, op, *args, **settings)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Replace x by {op.__name__}(x, ...), in place; arguments as there. Returns x."
    return method


class InPlaceMethods(TensorBase):
    """The methods of a Tensor that change it in place."""

    __slots__ = ()

    def inplace(self) -> Array:
        """The array itself, to write to right away, as optimisers do.

        Backward through a graph that saved the array then raises RuntimeError.
        """
        return announced(self)

    def __setitem__(self, index: Any, value: Any) -> None:
        assign(self, index, value)

    __iadd__, __isub__ = in_place(ops.add, "x += y"), in_place(ops.sub, "x -= y")
    __imul__, __itruediv__ = in_place(ops.mul, "x *= y"), in_place(ops.div, "x /= y")
    __ipow__ = in_place(ops.pow, "x **= y")

    add_ = in_place(ops.add)
    sub_ = in_place(ops.sub)
    mul_ = in_place(ops.mul)
    div_ = in_place(ops.div)
    exp_ = in_place(ops.exp)
    relu_ = in_place(ops.relu)
    clip_ = clamp_ = in_place(ops.clip)
    masked_fill_ = in_place(ops.masked_fill)
    scatter_ = in_place(ops.scatter)
    index_add_ = in_place(ops.index_add)

    # --- overwriting ------------------------------------------------------------------------------------

    def copy_(self, other: Any, non_blocking: bool = False) -> Self:
        """Overwrite the elements with other, broadcast and converted to this dtype. non_blocking: has no effect."""
        if isinstance(other, TensorBase):
            other = other.to(device=device_of(self._array))  # type: ignore[attr-defined]
        assign(self, ..., other, "x.copy_(y)")
        return self

    def fill_(self, value: float) -> Self:
        """Overwrite the elements with one value. Raises ValueError for several."""
        if np.ndim(value):
            raise TensorError(f"fill_: the value must be one number, not of shape {np.shape(value)}; for more, copy_")
        assign(self, ..., value, "x.fill_(value)")
        return self

    def zero_(self) -> Self:
        """Overwrite the elements with 0."""
        assign(self, ..., 0, "x.zero_()")
        return self

    def uniform_(self, low: float = 0, high: float = 1, *, generator: random.Generator | None = None) -> Self:
        """Overwrite with random numbers, uniform from low to high. Raises ValueError for low above high."""
        if low > high:
            raise TensorError(f"uniform_: low must not be above high, but they are {low} and {high}")
        assign(self, ..., self._drawn(random.uniform, generator) * (high - low) + low, "x.uniform_()")
        return self

    def normal_(self, mean: float = 0, std: float = 1, *, generator: random.Generator | None = None) -> Self:
        """Overwrite with normal random numbers of this mean and standard deviation. Raises ValueError for std < 0."""
        if not std >= 0:
            raise TensorError(f"normal_: std must be 0 or more, not {std}")
        assign(self, ..., self._drawn(random.normal, generator) * std + mean, "x.normal_()")
        return self

    def _drawn(self, draw: Callable[..., Array], generator: random.Generator | None) -> Array:
        """An array of random numbers like this tensor's."""
        with random.drawing_from(generator):
            return draw(self._array.shape, self._array.dtype, device_of(self._array))

    def detach_(self) -> Self:
        """Take this tensor out of the graph: it becomes a constant. Returns the tensor.

        Raises RuntimeError if it shares its memory with one that requires grad, as a view does: a change of the
        constant would change that one too, but not its gradient.
        """
        if any(other._node is not None for other in sharers(self)):
            raise RuntimeError(
                "detach_: this tensor shares its memory with another one that requires grad, of which it is a view, or "
                "which is a view of it; write y = x.detach(), or y = x.detach().clone() to change it"
            )
        self._node = None
        if self._window is not None:
            note_sharing(self, self)  # its memory, but not its changes
        return self
