"""Files of text and JSON: read with errors that name them, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinygrad_lecture.files import atomic_write


def read_json(path: str | Path) -> Any:
    """What a file of JSON holds. Raises FileNotFoundError, or ValueError that names the file if it holds no JSON."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON, or not all of it: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} is JSON, but nested too deeply") from None


def read_text(path: str | Path) -> str:
    """What a file of UTF-8 holds. Raises FileNotFoundError, or ValueError that names the file if it is no text."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}" if not path.exists() else f"{path} is a folder, not a file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not a text in UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        ) from None


def write_json(value: Any, path: str | Path) -> None:
    """Write a file of JSON in UTF-8, whole or not at all. Raises FileNotFoundError if there is no such folder."""
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(value, ensure_ascii=False, indent=0), encoding="utf-8")
