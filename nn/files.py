"""Files that are whole or not there: written in a folder of their own beside their place, then renamed into it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path to write to in place of `path`, which becomes `path` at the end of the block and not before.

    After an error the old file is as it was, and what was half written is gone. The name is the same, so that what
    writes by a file's ending does the same.
    Raises FileNotFoundError if there is no folder to write to, and what OSError the system has where it may not.
    """
    path = Path(path)
    beside = _folder_beside(path)
    try:
        yield beside / path.name
        _settle(beside / path.name)
        (beside / path.name).replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sweep(path: str | Path) -> None:
    """Remove what writes to `path` have left beside it that were killed half-way."""
    path = Path(path)
    for leftover in path.parent.glob(f".{path.name}-{'[0-9a-f]' * 8}"):
        shutil.rmtree(leftover, ignore_errors=True)


def check_writable(path: str | Path) -> None:
    """Raises what `replacing` would if nothing may be written in the place of `path`."""
    _folder_beside(Path(path)).rmdir()


def _folder_beside(path: Path) -> Path:
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
