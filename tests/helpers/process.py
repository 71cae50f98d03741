"""What surrounds code under test: threads that begin together, and Python without its garbage collector."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


def at_once(n, function):
    """What function(0) to function(n - 1) return, each called in a thread of its own. Raises what one of them did."""
    together = threading.Barrier(n)

    def work(i):
        together.wait()
        return function(i)

    with ThreadPoolExecutor(n) as pool:
        return [*pool.map(work, range(n))]


@contextmanager
def no_collector():
    """Python without its garbage collector: what is freed here is freed by counting references."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
