"""Files that are whole or not there: written under another name beside their place, then renamed into it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path to write to in place of `path`, which becomes `path` at the end of the block and not before.

    After an error the old file is as it was, and the half-written one is removed. Same ending, so that what writes
    by a file's ending does the same. Raises FileNotFoundError if there is no folder to write to.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}")
    beside = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())  # else a machine that loses power may have the name and not yet what is in it
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def sweep(path: str | Path) -> None:
    """Remove what writes to `path` have left beside it that were killed half-way."""
    path = Path(path)
    for leftover in path.parent.glob(f".{path.stem}-{'[0-9a-f]' * 8}{path.suffix}"):
        leftover.unlink(missing_ok=True)
