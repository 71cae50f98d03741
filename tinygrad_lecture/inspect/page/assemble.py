"""One HTML file from a frame, styles, scripts and data. It asks for nothing else, and its policy forbids it to."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def assembled(title: str, body: str, scripts: Sequence[str], data: Any = None) -> str:
    """The text of a page. body: HTML.  scripts: files in this folder, each before those that use it as they start."""
    parts = {
        "title": escape(title),
        "style": read("page.css"),
        "body": body,
        "data": _json(data),
        "script": "\n".join(map(read, scripts)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda hole: parts[hole[1]], read("frame.html"))


def _json(data: Any) -> str:
    """JSON that no text in it can end: no tag, and no line end that scripts would not allow."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text


def read(name: str) -> str:
    """A file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")
