"""Version counters: detect in-place writes to saved arrays.

One clock serves the whole engine. Each node of the graph takes a tick as its age, each in-place write takes a tick as
its stamp. A saved array is stale if its memory has a stamp younger than the node that saved it. Forward pays nothing
for this; backward looks closer only if some write is younger than the node.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from ..backend import Array, is_array

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
            reference, _ = _stamps.get(key, (None, 0))
            if reference is None or reference() is not owner:
                reference = _reference(owner)
            _stamps[key] = (reference, stamp)


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
