"""at_once: a function in several threads that begin together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(n: int, function: Callable[[int], T]) -> list[T]:
    """What function(0) to function(n - 1) return, each called in a thread of its own. Raises what one of them did."""
    together = threading.Barrier(n)

    def work(i: int) -> T:
        together.wait()
        return function(i)

    with ThreadPoolExecutor(n) as pool:
        return [*pool.map(work, range(n))]
