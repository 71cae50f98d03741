"""Memory: version counters detect in-place writes to saved arrays; views say which tensors share memory.

One clock serves the whole engine. Each node of the graph takes a tick as its age, each in-place write takes a tick as
its stamp. A saved array is stale if its memory has a stamp younger than the node that saved it. Forward pays nothing
for this; backward looks closer only if some write is younger than the node.

Ops like `x[0:2]` or `x.T` return views: tensors that look into the memory of their input. A recorded change gives its
tensor a new array, so the tensors that share its memory must be computed again (`in_place.py`). A `View` says how.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from ..backend import Array, is_array
from ..tensor_base import TENSORS, TensorBase, wrap

# --- version counters ---------------------------------------------------------------------------------------

tick = itertools.count(1).__next__

last_write = 0  # the stamp of the latest in-place write to any array
_stamping = threading.RLock()  # an older stamp never replaces a younger one; re-entrant, as a finaliser may write
_stamps: dict[int, tuple[Callable[[], Any], int]] = {}  # id of what owns the memory -> (a reference to it, stamp)


def announce_write(*arrays: Array) -> None:
    """Stamp the memory of the arrays before writing to it: nodes recorded until now that saved it refuse to run."""
    global last_write
    with _stamping:
        last_write = stamp = tick()
        for array in arrays:
            owner = array if array.base is None else owner_of(array)
            key = id(owner)
            known = key in _stamps and _stamps[key][0]() is owner
            _stamps[key] = (_stamps[key][0] if known else _reference(owner), stamp)


def _reference(owner: Any) -> Callable[[], Any]:
    """A weak reference, whose stamp goes with its object; a strong one to what has no weak ones, such as bytes."""
    key = id(owner)
    try:
        return weakref.ref(owner, lambda _: _stamps.pop(key, None))
    except TypeError:
        return lambda: owner


def written_since(array: Array, age: int) -> bool:
    """Whether the memory of `array` was written to in place since `age`."""
    owner = owner_of(array)
    held = _stamps.get(id(owner))
    return held is not None and held[0]() is owner and held[1] > age


def owner_of(array: Array) -> Any:
    """What owns the memory that `array` looks into: itself or, for a view, the array at the end of its bases.

    A base may be another object: NumPy puts one between `as_strided`'s view and its array, and memory may be that of a
    buffer, such as bytes.
    """
    owner, base = array, array.base
    while base is not None:
        owner = base
        base = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    return owner


def arrays_in(values: Any) -> Iterator[Array]:
    """All arrays in nested lists and tuples."""
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from arrays_in(value)
    elif is_array(values):
        yield values


# --- views --------------------------------------------------------------------------------------------------


class Base:
    """How a tensor looks into memory of its own, which views may share.

    The tensor may be gone while its views live, so its array and node are kept.
    sharing: weak references to all tensors that share the memory.  detached: whether by detach(), the user's wish.
    """

    __slots__ = ("array", "detached", "node", "sharing", "tensor")

    def __init__(self, tensor: TensorBase, sharing: set[weakref.ref[TensorBase]], detached: bool = False) -> None:
        self.array, self.node, self.sharing, self.detached = tensor._array, tensor._node, sharing, detached
        self.tensor = weakref.ref(tensor, sharing.discard)
        sharing.add(self.tensor)

    def value(self) -> Any:
        """The tensor or, if it is gone or has other data, another one with the same array and node."""
        tensor = self.tensor()
        return tensor if tensor is not None and tensor._window is self else wrap(self.array, self.node)


class View:
    """How a view looks into its memory: as op(x, **settings), where x is a base or another view."""

    __slots__ = ("op", "settings", "sharing", "x")

    x: Window
    op: Any
    settings: dict[str, Any]
    sharing: set[weakref.ref[TensorBase]]


Window: TypeAlias = Base | View


def base_of(window: Window) -> Base:
    """The base that a view was made of, through any number of views; of a base, itself."""
    while isinstance(window, View):
        window = window.x
    return window


def sharers(tensor: TensorBase) -> list[Any]:
    """The other living tensors that share a tensor's memory, and have got no other array since."""
    window = tensor._window
    if window is None:
        return []
    living = (reference() for reference in list(window.sharing))
    noted = [x for x in living if x is not None and x is not tensor and x._window is not None]
    return [x for x in noted if x._window.sharing is window.sharing]


def one_in_memory(array: Any) -> bool:
    """Whether some elements of an array are surely or possibly one in memory, as after expand()."""
    if array.flags.c_contiguous:
        return False
    reach = 0  # how far in memory the axes of smaller strides extend
    for stride, n in sorted((abs(stride), n) for stride, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if stride <= reach:
            return True
        reach += stride * (n - 1)
    return False


def note_view(op: Any, inputs: Sequence[Any], n: int, settings: dict[str, Any], result: TensorBase) -> None:
    """Note which of n inputs the result of an op is a view of, if any."""
    view = result._array
    base = view.base
    for x in inputs:
        if type(x) not in TENSORS:
            continue
        array = x._array
        if base is array or (base is not None and base is array.base) or owner_of(view) is owner_of(array):
            if n == 1 and (result._node is not None or x._node is None):
                result._window = window = View()  # plain code: ops that return views run it each time
                own = x._window
                window.x = own if own is not None and (type(own) is Base or len(own.sharing) > 1) else _window(x)
                window.op, window.settings = op, settings
                window.sharing = sharing = window.x.sharing
                sharing.add(weakref.ref(result, sharing.discard))
            else:  # such as a view of a recorded tensor under no_grad, which is a constant
                note_sharing(result, x)
            return


def note_sharing(tensor: TensorBase, other: TensorBase, detached: bool = False) -> None:
    """Note that two tensors share memory, but not their gradients, as a detached one does."""
    sharing = _window(other).sharing
    if not detached:  # else it is new. `Base` adds a reference, and an older one would be compared by comparing tensors
        sharing.difference_update([reference for reference in sharing if reference() is tensor])
    tensor._window = Base(tensor, sharing, detached)


def _window(x: TensorBase) -> Window:
    """How x looks into its memory, from now on noted as shared: as a base, if all that it was a view of is gone.

    An expanded view stays one, since a change of one element is a change of several.
    """
    with _lock:  # so that threads that make the first views of x at once note one base
        window: Window | None = x._window
        alone = type(window) is View and len(window.sharing) == 1
        if window is None or (alone and not one_in_memory(x._array)):
            window = x._window = Base(x, set())
    return window


_lock = threading.Lock()
