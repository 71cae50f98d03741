"""Files that are whole or not there: written in a folder of their own beside their place, then renamed into it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A path to write to in place of `path`, which becomes `path` at the end of the block and not before.

    After an error the old file is as it was, and what was half written is gone. The name is the same, so that what
    writes by a file's ending does the same.
    Raises FileNotFoundError if there is no folder to write to, IsADirectoryError if the path is one, and what OSError
    the system has where it may not.
    """
    path = Path(path)
    beside = _folder_beside(path)
    try:
        yield beside / path.name
        _settle(beside / path.name)
        (beside / path.name).replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def atomic_write_together(*paths: str | Path) -> Iterator[list[Path]]:
    """`atomic_write` for files that mean something only together: the old ones leave before the first new one comes.

    Renamed in the order given, one right after the other. A kill in between leaves some missing, but no new file beside
    an old one; after an error all is as it was.
    """
    targets = [Path(path) for path in paths]
    with ExitStack() as cleaning, ExitStack() as restoring:
        fresh = []
        for target in targets:
            beside = _folder_beside(target)
            cleaning.callback(shutil.rmtree, beside, ignore_errors=True)
            fresh.append(beside / target.name)
        yield fresh
        for file in fresh:
            _settle(file)
        for file, target in zip(fresh, targets, strict=True):
            if target.exists():
                old = target.replace(file.with_name("old"))
                restoring.callback(old.replace, target)
            else:
                restoring.callback(target.unlink, missing_ok=True)
        for file, target in zip(fresh, targets, strict=True):
            file.replace(target)
        restoring.pop_all()


def sweep(path: str | Path) -> None:
    """Remove what writes to `path` have left beside it that were killed half-way."""
    path = Path(path)
    for leftover in path.parent.glob(f".{path.name}-{'[0-9a-f]' * 8}"):
        shutil.rmtree(leftover, ignore_errors=True)


def check_writable(path: str | Path) -> None:
    """Raises what `atomic_write` would if nothing may be written in the place of `path`."""
    _folder_beside(Path(path)).rmdir()


def make_folder(folder: str | Path) -> None:
    """Make a folder, and those that it is in, unless it is there.

    Raises NotADirectoryError that names a file in the way, and what OSError the system has where it may not.
    """
    folder = Path(folder)
    for each in (folder, *folder.parents):
        if each.is_file():
            raise NotADirectoryError(f"cannot make the folder {folder}: {each} is a file; give another path")
    folder.mkdir(parents=True, exist_ok=True)


def _folder_beside(path: Path) -> Path:
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; give the path of a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}")
    beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        beside.mkdir()
    except OSError as error:
        raise type(error)(f"cannot write {path}: {error.strerror or error}") from error
    return beside


def _settle(file: Path) -> None:
    """Have a file on the disk itself, else a machine that loses power may have its name and not yet what is in it; and
    let those read it who may read what is written here, since some writers keep a file to its owner."""
    fresh = file.with_name("fresh")
    fresh.touch()
    file.chmod(fresh.stat().st_mode & 0o777)
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
