"""JSON and text files: errors name the file, writes are atomic."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinygrad_lecture.errors import hide_frames
from tinygrad_lecture.files import atomic_write


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
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False, indent=0), encoding="utf-8")


def require_file(path: str | Path) -> Path:
    """The path of an existing file. Raises FileNotFoundError if there is none, or a folder of that name."""
    path = Path(path)
    if not path.is_file():
        hide_frames()
        what = "a folder" if path.is_dir() else "a device, a pipe or the like"
        raise FileNotFoundError(f"{path} is {what}, not a file" if path.exists() else f"there is no file {path}")
    return path
