"""Writing files: atomically, into a temporary folder beside the target and then renamed; one program at a time."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Context manager: a temporary path to write to; the file is renamed to `path` when the block ends.

        with atomic_write("model.json") as temporary:
            temporary.write_text(text, encoding="utf-8")

    If the block raises, the old file is untouched and the temporary one is removed. The temporary file has the same
    name in another folder, so a writer that looks at the suffix works as usual. Of a symbolic link, the file that it
    leads to is replaced.

    Raises FileNotFoundError if the parent folder does not exist, IsADirectoryError if `path` is a folder, and OSError
    if it is a device or the like, if the folder is not writable or the disk is full.
    """
    with atomic_write_together(path) as (temporary,):
        yield temporary


@contextmanager
def atomic_write_together(*paths: str | Path) -> Iterator[list[Path]]:
    """`atomic_write` for files that only make sense together: an old file never stands beside a new one.

    At the end of the block all old files are moved away, then the new ones are renamed into place in the given order.
    A kill in between may leave some files missing. An error restores the old files. One file alone replaces the old.
    """
    targets = [_target(Path(path)) for path in paths]
    with ExitStack() as cleaning, ExitStack() as restoring:
        written = []
        for path, target in zip(map(Path, paths), targets, strict=True):
            temporary = _temporary_folder(target, path)
            cleaning.callback(shutil.rmtree, temporary, ignore_errors=True)
            written.append(temporary / path.name)
        with _saying_what(*paths, inside=[file.parent for file in written]):
            yield written
            for file in written:
                _finish(file)
        for file, target in zip(written, targets, strict=True) if len(targets) > 1 else ():
            if target.exists():
                old = target.replace(file.with_name("old"))
                restoring.callback(old.replace, target)
            else:
                restoring.callback(target.unlink, missing_ok=True)
        for file, target in zip(written, targets, strict=True):
            file.replace(target)
        restoring.pop_all()


def sweep(path: str | Path) -> None:
    """Remove temporary folders left behind by killed writes to `path`."""
    path = Path(os.path.realpath(path))
    for leftover in path.parent.glob(f".{path.name}-{'[0-9a-f]' * 8}"):
        shutil.rmtree(leftover, ignore_errors=True)


def check_writable(path: str | Path) -> None:
    """Raise the error of `atomic_write(path)` if `path` cannot be written."""
    _temporary_folder(_target(Path(path)), path).rmdir()


@contextmanager
def hold(folder: str | Path) -> Iterator[None]:
    """Context manager that only one process, or thread, may be in for a folder; a killed process lets go of it.

    Raises BlockingIOError if another one is. Does nothing on systems without `flock`, such as Windows.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"another program writes to the folder {folder} now: wait, or give another") from None
        yield
    finally:
        os.close(opened)


def make_folder(folder: str | Path) -> None:
    """Make a folder and its parents; do nothing if it exists.

    Raises NotADirectoryError, naming the file, if a file is in the way, and the system's OSError if it may not be made.
    """
    folder = Path(folder)
    for each in (folder, *folder.parents):
        if each.is_file():
            raise NotADirectoryError(f"cannot make the folder {folder}: {each} is a file; give another path")
    folder.mkdir(parents=True, exist_ok=True)


def _target(path: Path) -> Path:
    """The file that `path` is or, as a symbolic link, leads to. Raises the errors of `atomic_write`."""
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; give the path of a file")
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if target.exists() and not target.is_file():
        raise OSError(f"cannot write {path}: it is a device, a pipe or the like; give the path of a file")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {target.parent}")
    return target


def _temporary_folder(target: Path, path: str | Path) -> Path:
    """A new empty folder beside the target: renaming out of it stays within one file system. path: as it was given."""
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    with _saying_what(path, inside=[temporary]):
        temporary.mkdir()
    return temporary


@contextmanager
def _saying_what(*paths: str | Path, inside: list[Path]) -> Iterator[None]:
    """Context manager: where the system cannot write, the error says what, not the temporary file or nothing.

    inside: the temporary folders. What the system says about another file, or a program about its own, is kept.
    """
    try:
        yield
    except OSError as error:
        ours = error.filename is None or any(Path(error.filename).is_relative_to(folder) for folder in inside)
        if error.errno is None or not ours:
            raise
        raise type(error)(f"cannot write {' and '.join(map(str, paths))}: {error.strerror}") from error


def _finish(file: Path) -> None:
    """Give the file the usual permissions and flush it to disk.

    Some writers make files readable by their owner only. Without fsync, a power cut after the rename could leave the
    new name with no content.
    """
    usual = file.with_name("usual")
    usual.touch()
    file.chmod(usual.stat().st_mode & 0o777)
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
