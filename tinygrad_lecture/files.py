"""Files, written atomically into a temporary folder beside the target and then renamed; JSON and text.

Errors name the file.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import hide_frames


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
    target = _target(Path(path))
    folder = _temporary_folder(target, path)
    try:
        with _saying_what(path, inside=folder):
            yield folder / Path(path).name
            _finish(folder / Path(path).name)
        (folder / Path(path).name).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


# --- JSON and text ------------------------------------------------------------------------------------------


def read_json(path: str | Path, kind: type = object) -> Any:
    """The value in a JSON file. Raises as `read_text` does, and ValueError if it is not JSON or of another kind.

    kind: dict or list.
    """
    value = parse_json(read_text(path), path)
    if not isinstance(value, kind):
        raise ValueError(f"{path} must hold {'an object' if kind is dict else 'a list'}, not {type(value).__name__}")
    return value


def parse_json(text: str, path: str | Path, replace: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The value that a text in the file `path` describes. Raises ValueError that names the file if it is not JSON.

    replace: called with each object, from the innermost out; what it returns stands in its place.
    """
    try:
        return json.loads(text, object_hook=replace)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Raises FileNotFoundError if there is no such file, ValueError if it is not UTF-8.
    """
    try:
        return require_file(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None


def write_json(value: Any, path: str | Path) -> None:
    """Write a JSON file in UTF-8, atomically. Raises FileNotFoundError if the parent folder does not exist."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=0))


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file in UTF-8, all or nothing. Returns the path. Raises as `atomic_write` does."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def require_file(path: str | Path) -> Path:
    """The path of an existing file. Raises FileNotFoundError if there is none, or a folder of that name."""
    path = Path(path)
    if not path.is_file():
        hide_frames()
        what = "a folder" if path.is_dir() else "a device, a pipe or the like"
        raise FileNotFoundError(f"{path} is {what}, not a file" if path.exists() else f"there is no file {path}")
    return path


# --- the temporary folder -----------------------------------------------------------------------------------


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
    with _saying_what(path, inside=temporary):
        temporary.mkdir()
    return temporary


@contextmanager
def _saying_what(path: str | Path, inside: Path) -> Iterator[None]:
    """Context manager: where the system cannot write, the error says what, not the temporary file or nothing.

    inside: the temporary folder. What the system says about another file, or a program about its own, is kept.
    """
    try:
        yield
    except OSError as error:
        ours = error.filename is None or Path(error.filename).is_relative_to(inside)
        if error.errno is None or not ours:
            raise
        raise type(error)(f"cannot write {path}: {error.strerror}") from error


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
