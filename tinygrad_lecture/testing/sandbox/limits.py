"""Limits of a process that runs a submission: time, memory, network, files, other programs.

An audit hook sees what Python is about to do, and cannot be removed. From then on all that the process does counts as
the learner's, in each thread and whoever calls: a timer, `atexit`, `__del__`, a function of Python given as the answer.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import IO, Any

REFUSED = ("os.", "subprocess.", "socket.", "ctypes.", "resource.", "pty.", "fcntl.", "sqlite3.", "syslog.",
           "_winapi.", "winreg.", "sys.addaudithook", "cpython.PyInterpreterState_New")  # fmt: skip
HARMLESS = ("os.putenv", "os.unsetenv")
LISTS = ("os.listdir", "os.scandir", "os.walk")
PROGRAMS = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate")
UNSEEN = ("fork_exec", "_fork_exec", "pidfd_send_signal")  # functions of Python of which no event tells
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
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE, MAX_FILE))


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


def refuse_what_is_outside(folder: Path, readable: Iterable[Path] | None, secret: Iterable[Path] = ()) -> list[str]:
    """Install the audit hook: files are written in `folder` alone, and read there and in `readable`.

    readable: files and folders; None for all.  secret: what of it may not be read.
    Returns a list to which each attempt to start a program is added: in a thread or a `__del__`, its error is lost.
    """
    attempts: list[str] = []
    inside, null = _real(folder), _real(os.devnull)
    refused = REFUSED if readable is None else (*REFUSED, "gc.")  # by it Hypothesis looks at its random numbers
    rules = [(_real(path), False) for path in secret] + [(_real(path), True) for path in (folder, *(readable or ()))]

    def refused_file(path: Any, writes: bool, absolute: bool) -> bool:
        if type(path) not in (str, bytes) or (absolute and not Path(os.fsdecode(path)).is_absolute()):
            return True  # an object may change its mind, and a relative path may be relative to any folder
        real = _real(path)
        if (writes or _under(real, inside)) and leads_out(real, inside):
            return real != null
        if writes:
            return False
        nearest = max(((len(root), read) for root, read in rules if _under(real, root)), default=(0, False))
        return readable is not None and not nearest[1] and real != null

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and not isinstance(args[0], int):
            path, mode, flags = args
            writes = bool(set("wax+") & set(mode or "") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            if refused_file(path, writes, mode is None):
                done = "written" if writes else "read"
                raise PermissionError(f"{path!r}: no file outside of your folder is {done} while a file is checked")
        elif event in CHANGES:
            if any(refused_file(path, True, True) for path in args if not isinstance(path, int)):
                raise PermissionError(f"{event}: no file outside of your folder is changed while a file is checked")
        elif event in LISTS:
            if not isinstance(args[0], int) and refused_file("." if args[0] is None else args[0], False, False):
                raise PermissionError(f"{event}: no folder but your own is looked into while a file is checked")
        elif event.startswith(refused) and event not in HARMLESS:
            if event.startswith(PROGRAMS):
                attempts.append(event)
            raise PermissionError(f"{event}: no program, library or connection is opened while a file is checked")

    for module in list(sys.modules.values()):
        for name in UNSEEN if isinstance(module, ModuleType) else ():
            vars(module).pop(name, None)
    sys.addaudithook(hook)
    return attempts


def files_of(packages: Iterable[str]) -> list[Path]:
    """The files of Python, of NumPy and of other packages, which an import reads."""
    found = [Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    specs = [importlib.util.find_spec(name) for name in ("numpy", *packages)]
    places = [place for spec in specs if spec for place in spec.submodule_search_locations or [spec.origin or ""]]
    return [*found, *map(Path, places)]


def leads_out(path: Any, folder: Any) -> bool:
    """Whether a path of a folder is no file of its own: a link, symbolic or hard, may lead to somebody else's."""
    real = _real(path)
    return not _under(real, _real(folder)) or (Path(real).is_file() and Path(real).stat().st_nlink > 1)


def _under(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _real(path: Any) -> str:
    return os.path.normcase(os.path.realpath(os.fsdecode(path)))
