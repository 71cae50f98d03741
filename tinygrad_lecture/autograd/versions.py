"""When memory was last written to in place, so that a graph whose saved values changed can refuse to run.

One clock serves the whole engine: each node of the graph takes a tick as its age, each in-place write takes a
tick as its stamp. A value that a node saved is stale when its memory bears a stamp younger than the node.
Nothing is paid at forward time, and `backward` looks closer only where a write is younger than the node.
"""

from __future__ import annotations

import itertools
import threading
import weakref

from ..backend import Array

tick = itertools.count(1).__next__

last_write = 0  # the stamp of the latest write to anything; where no write is younger than a node, nothing is stale
_stamping = threading.Lock()  # an older stamp never takes a younger one's place
_stamps: dict[int, tuple[weakref.ref[Array], int]] = {}  # id of the memory's owner -> (the owner, stamp)


def announce_write(array: Array) -> None:
    """Say that `array` is about to be written to: nodes made until now that saved its memory become invalid."""
    global last_write
    owner = _owner(array)
    key = id(owner)
    held = _stamps.get(key)
    if held is None or held[0]() is not owner:
        reference = weakref.ref(owner, lambda _: _stamps.pop(key, None))
    else:
        reference = held[0]
    with _stamping:
        last_write = stamp = tick()
        _stamps[key] = (reference, stamp)


def written_since(array: Array, age: int) -> bool:
    """Whether the memory of `array` was written to in place since `age`."""
    owner = _owner(array)
    held = _stamps.get(id(owner))
    return held is not None and held[0]() is owner and held[1] > age


def _owner(array: Array) -> Array:
    """The array that owns the memory that `array` may be a view of."""
    base = array.base
    while base is not None and type(base) is type(array):
        array, base = base, base.base
    return array
