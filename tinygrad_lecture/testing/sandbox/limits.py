"""Limits of a process that runs a submission: memory, the size of a file; and where it is when its time is over."""

from __future__ import annotations

import faulthandler
import signal
import sys
from pathlib import Path
from typing import IO

MAX_FILE = 2**26  # bytes that a file may have that is written


def limit_memory(megabytes: int) -> None:
    """Let this process use so much more memory than it has now, and write no large file; only on Linux."""
    if sys.platform != "linux":
        return
    import resource

    with Path("/proc/self/statm").open(encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    limit = used + megabytes * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE, MAX_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def tell_the_line(file: IO[bytes]) -> None:
    """Write the stack into a file, and end, when the other process sends SIGALRM."""
    if sys.platform != "win32":
        faulthandler.register(signal.SIGALRM, file=file, all_threads=False, chain=True)  # chain: then it ends


def limit_time(seconds: float, file: IO[bytes]) -> None:
    """Do the same after so many seconds, where there are no signals; 0 takes the limit away."""
    if sys.platform == "win32":
        faulthandler.cancel_dump_traceback_later()
        if seconds:
            faulthandler.dump_traceback_later(seconds, exit=True, file=file)
