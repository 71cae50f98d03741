"""Version counters: detect in-place writes to saved arrays.

One clock serves the whole engine. Each node of the graph takes a tick as its age, each in-place write takes a tick as
its stamp. A saved array is stale if its memory has a stamp younger than the node that saved it. Forward pays nothing
for this; backward looks closer only if some write is younger than the node.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ..backend import Array

tick = itertools.count(1).__next__

last_write = 0  # the stamp of the latest in-place write to any array
_stamping = threading.Lock()  # an older stamp never replaces a younger one
_stamps: dict[int, tuple[Callable[[], Any], int]] = {}  # id of what owns the memory -> (a reference to it, stamp)


def announce_write(array: Array) -> None:
    """Stamp the memory of `array` before writing to it: nodes recorded until now that saved it refuse to run."""
    global last_write
    owner = owner_of(array)
    key = id(owner)
    held = _stamps.get(key)
    if held is None or held[0]() is not owner:
        reference = _reference(owner, lambda _: _stamps.pop(key, None))
    else:
        reference = held[0]
    with _stamping:
        last_write = stamp = tick()
        _stamps[key] = (reference, stamp)


def _reference(owner: Any, when_gone: Callable[[Any], object]) -> Callable[[], Any]:
    """A weak reference; a strong one to what cannot be referenced weakly, such as bytes."""
    try:
        return weakref.ref(owner, when_gone)
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
    owner = array
    while (base := owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)) is not None:
        owner = base
    return owner
