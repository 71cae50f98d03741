"""Limits of a process that runs a submission: time, memory, network, files.

An audit hook sees what Python is about to do, and cannot be removed. It refuses, while a learner's function is on the
stack: network connections, other programs, and files that are written outside of the learner's folder.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from ..calls import is_own

NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "urllib.Request")
PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
            "os.startfile", "os.kill", "ctypes.dlopen", "sys.addaudithook", "gc.get_objects")  # fmt: skip
FILES = ("open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "os.chmod",
         "shutil.rmtree", "shutil.move", "shutil.copyfile")  # fmt: skip


def limit_memory(megabytes: int) -> None:
    """Let this process use so much more memory than it has now; on systems without such limits do nothing."""
    if sys.platform != "linux":
        return
    import resource

    with Path("/proc/self/statm").open(encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    limit = used + megabytes * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def limit_time(seconds: float, wall: float, file: IO[bytes]) -> None:
    """End this process, its stack written to a file, when it has computed for so many seconds, or taken `wall` in all.

    Of code that computes only the processor's time counts, so that a busy machine ends nothing that is right. The
    second limit is for code that waits. On Windows, which has no such timer, it is the only one.
    """
    faulthandler.dump_traceback_later(wall, exit=True, file=file)
    if sys.platform != "win32":
        import signal

        faulthandler.register(signal.SIGPROF, file=file, all_threads=False, chain=True)  # chain: then the process ends
        signal.setitimer(signal.ITIMER_PROF, seconds)


def no_time_limit() -> None:
    """Take both limits away."""
    faulthandler.cancel_dump_traceback_later()
    if sys.platform != "win32":
        import signal

        signal.setitimer(signal.ITIMER_PROF, 0)


def refuse_what_is_outside(folder: Path, secret: Iterable[Path] = ()) -> None:
    """Install the audit hook. secret: folders whose files a submission may not read, as those with the solutions."""
    inside, hidden, busy = str(folder.resolve()), [str(path.resolve()) for path in secret], [False]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event not in _WATCHED or busy[0]:
            return
        busy[0] = True
        try:
            if not _own_frame():
                return
            if event in NETWORK:
                raise PermissionError("no network connection is made while a file is checked")
            if event in PROGRAMS:
                raise PermissionError(f"{event}: no other program or library is started while a file is checked")
            _refuse_file(event, args, inside, hidden)
        finally:
            busy[0] = False

    sys.addaudithook(hook)


_WATCHED = {*NETWORK, *PROGRAMS, *FILES}


def _refuse_file(event: str, args: tuple[Any, ...], inside: str, hidden: list[str]) -> None:
    if not args or not isinstance(args[0], (str, bytes, os.PathLike)):
        return
    path = os.path.realpath(os.fsdecode(args[0]))
    flags = args[2] if event == "open" and len(args) > 2 and isinstance(args[2], int) else 0
    mode = args[1] if event == "open" and len(args) > 1 and isinstance(args[1], str) else ""
    writes = event != "open" or bool(set(mode) & set("wax+")) or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes and not path.startswith(inside + os.sep) and path != os.devnull:
        raise PermissionError(f"{path}: no file outside of your folder is written while a file is checked")
    if any(path.startswith(folder + os.sep) for folder in hidden) and not path.startswith(inside + os.sep):
        raise PermissionError(f"{path}: this file belongs to the checker")


def _own_frame() -> bool:
    """Whether a function of a learner's file is being called."""
    frame = sys._getframe(1)
    while frame is not None:
        if is_own(frame.f_code.co_filename):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
