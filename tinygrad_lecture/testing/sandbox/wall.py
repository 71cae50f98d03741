"""The wall around a submission: what the kernel lets its process do, whatever code runs in it. On Linux 5.13 and later.

Landlock (https://docs.kernel.org/userspace-api/landlock.html) names the files that may be read, and the one folder in
which some may be written. Seccomp (https://docs.kernel.org/userspace-api/seccomp_filter.html) names the system calls
that there are: those by which Python computes and reads files. All others are missing, for this process and for good:
no program, process or thread begins, nothing is connected, no other process gets a signal or another limit, nothing is
renamed or given another owner. Both hold for root too.
"""

from __future__ import annotations

import ctypes
import errno
import importlib.util
import os
import platform
import site
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

READ, WRITE, LIST, MAKE = 1 << 2, 1 << 1, 1 << 3, 1 << 8  # a file, a file, a folder, a new file
EVERY_KIND = (1 << 13) - 1  # of access that Landlock has known since its first version; newer ones are system calls
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # alike on all machines
NO_NEW_PRIVILEGES, SECCOMP, DEATH_SIGNAL = 38, 22, 1  # of prctl

MACHINES = {"x86_64": (0xC000003E, 1), "aarch64": (0xC00000B7, 2)}  # what the kernel calls them; the column below
ALLOWED = Path(__file__).with_name("system_calls.txt")
LOAD, AND, EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06  # of the machine that runs such a filter
YES = 0x7FFF0000
NO = 0x00050000 | errno.ENOSYS  # for a call that it does not find the C library may have an older one

MAX_FILE = 2**26  # bytes that a file may have that is written


def missing() -> str:
    """Why there is no wall on this system; "" if there is one."""
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        return f"{platform.system()} on {platform.machine()} has none"
    try:
        _call(CREATE_RULESET, None, 0, 1)
    except OSError as error:
        return f"this Linux has no Landlock ({error.strerror})"
    return ""


def enter(readable: Iterable[Path], writable: Path) -> None:
    """Put this process behind the wall, for good: it reads these files and folders alone, and what it writes itself.

    writable: a folder for files of its own; none is removed, none is a link, a pipe or a folder.
    Raises OSError where the kernel has no wall, or where the process has several threads: each would need its own.
    """
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise OSError("a process with several threads cannot enter")
    program = [struct.pack("HBBI", *step) for step in _filter(platform.machine(), os.getpid())]
    memory = ctypes.create_string_buffer(b"".join(program))
    rules = _call(CREATE_RULESET, struct.pack("Q", EVERY_KIND), 8, 0)
    allowed = dict.fromkeys(readable, READ | LIST)
    allowed |= {writable: READ | LIST | WRITE | MAKE, Path(os.devnull): READ | WRITE}
    for path, kinds in allowed.items():
        if path.exists():
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            kinds &= EVERY_KIND if path.is_dir() else READ | WRITE
            _call(ADD_RULE, rules, 1, struct.pack("=Qi", kinds, handle), 0)
            os.close(handle)
    _control(NO_NEW_PRIVILEGES, 1)
    _control(DEATH_SIGNAL, 9)  # with the process that checks this one ends
    _call(RESTRICT_SELF, rules, 0)
    os.close(rules)
    _control(SECCOMP, 2, struct.pack("HP", len(program), ctypes.addressof(memory)))


def limit_memory(megabytes: int) -> None:
    """Let this process use so much more memory than it has now, and write no large file; only on Linux."""
    if sys.platform != "linux":
        return
    import resource

    used = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    limit = used + megabytes * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    for kind, most in ((resource.RLIMIT_AS, limit), (resource.RLIMIT_FSIZE, MAX_FILE), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))


def readable(folder: Path, imports: Sequence[str], secret: Sequence[Path]) -> list[Path]:
    """What a submission reads: files of the system's libraries, of Python, of NumPy, and of its own folder.

    imports: names of packages that it reads, too, with those beside them.
    secret: what of all this is left out; and of its own what is no file, or a link to somebody else's, see `is_own`.
    Raises OSError if its folder cannot be looked through.
    """
    system = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", sysconfig.get_config_var("LIBDIR"))
    python = [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib")]
    packages = [*site.getsitepackages(), *(f"{place}/site-packages" for place in python)]
    specs = [importlib.util.find_spec(name.partition(".")[0]) for name in ("numpy", *imports)]
    places = [place for spec in specs if spec for place in spec.submodule_search_locations or [spec.origin or ""]]
    walked = (Path(root, name) for root, _, names in os.walk(folder, onerror=_refuse) for name in names)
    others = {path for path in walked if not path.is_symlink() and not is_own(path, folder)}
    found = _without(folder, {path for path in (*secret, *others) if path != folder and path.is_relative_to(folder)})
    for root in _resolved([*system, *python]):
        found += _without(root, {*secret, *_resolved(packages)})
    for root in _resolved([*places, *(packages if imports else ())]):
        found += _without(root, {*secret})
    return found


def is_own(path: Path, folder: Path) -> bool:
    """Whether a path in a folder leads to a file that belongs there, rather than by a link to somebody else's.

    A file with several names belongs to a folder of its own owner. Where somebody else has collected the folders, this
    tells nothing: then it belongs to one in which nothing was made any more when the file got its last name.
    """
    real = Path(os.path.realpath(path))
    inside = real.is_relative_to(os.path.realpath(folder))
    if not inside or not real.is_file() or real.stat().st_nlink == 1:
        return inside and (real.is_file() or not real.exists())
    file, place, above = real.stat(), real.parent.stat(), folder.resolve().parent.stat()
    told = place.st_uid != above.st_uid or place.st_ctime_ns < file.st_ctime_ns
    return file.st_uid == place.st_uid and told and os.name == "posix"


def _refuse(error: OSError) -> None:
    raise error  # what cannot be looked through, as folders too deep, may hold a link


def _resolved(places: Iterable[Any]) -> set[Path]:
    return {Path(place).resolve() for place in places if place}


def _without(root: Path, secret: set[Path]) -> list[Path]:
    """The folder; or what is in it, where something in it is secret. In time that grows with what is looked at."""
    split, found, waiting = {parent for path in secret for parent in path.parents}, [], [root]
    for path in () if secret.intersection((root, *root.parents)) else waiting:
        if path in split:
            waiting += [part for part in path.iterdir() if part not in secret and not part.is_symlink()]
        else:
            found.append(path)
    return found


def _filter(machine: str, process: int) -> list[tuple[int, int, int, int]]:
    """The program that decides on each system call: instructions (code, jump if true, jump if false, value)."""
    audit, column = MACHINES[machine]
    program = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, audit), (RETURN, 0, 0, NO), (LOAD, 0, 0, 0)]  # not those of 32 bits
    for row in ALLOWED.read_text(encoding="utf-8").splitlines():
        call, _, condition = row.partition("#")[0].partition(" if ")
        for number in map(int, call.split()[column : column + 1]):
            if not condition:
                program += [(EQUAL, 0, 1, number), (RETURN, 0, 0, YES)]
                continue
            argument, mask, value = (process if word == "itself" else int(word, 0) for word in condition.split())
            program += [(EQUAL, 0, 5, number), (LOAD, 0, 0, 16 + 8 * argument), (AND, 0, 0, mask)]
            program += [(EQUAL, 0, 1, value), (RETURN, 0, 0, YES), (LOAD, 0, 0, 0)]
    return [*program, (RETURN, 0, 0, NO)]


def _call(number: int, *arguments: object, function: str = "syscall") -> int:
    result: int = getattr(ctypes.CDLL(None, use_errno=True), function)(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _control(option: int, *arguments: object) -> None:
    _call(option, *arguments, 0, 0, 0, function="prctl")
