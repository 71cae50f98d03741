"""at_once: a function in several threads that begin together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def at_once(n: int, function: Callable[[int], T]) -> list[T]:
    """What function(0) to function(n - 1) return, each called in a thread of its own. Raises what one of them did."""
    together = threading.Barrier(n)
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def work(i: int) -> None:
        together.wait()
        try:
            results[i] = function(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[i] for i in range(n)]
