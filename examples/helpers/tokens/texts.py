"""The text that 05_tokenize.py learns from, and tokenizers in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from helpers.program import DataError
from helpers.public_data import read
from transformer import BPETokenizer

STORY = Path(__file__).parents[2] / "data" / "river.txt"
LEAST = 200  # characters to learn from


@dataclass(frozen=True)
class Text:
    """A text: nine tenths to learn from, and the rest, to see how the tokens fit a text that was not learnt from."""

    source: str
    learnt: str
    rest: str

    @property
    def whole(self) -> str:
        return self.learnt + self.rest


def read_text(path: Path | None) -> Text:
    """The text of a file, or the story. Raises DataError if it is not UTF-8 or too short to learn from."""
    try:
        text = read(path or STORY).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None
    if len(text) < LEAST:
        raise DataError(f"{path} has {len(text)} characters; learning tokens needs {LEAST} or more")
    cut = max(text.rfind(" ", 0, len(text) * 9 // 10), LEAST // 2)  # between two words, if there are some
    return Text("the story" if path is None else path.name, text[:cut], text[cut:])


def read_tokenizer(path: Path) -> BPETokenizer:
    """The tokenizer in GPT-2's files (a folder) or in a file of its own. Raises DataError if it is another file."""
    try:
        return BPETokenizer.from_files(path) if path.is_dir() else BPETokenizer.load(path)
    except ValueError as error:
        raise DataError(str(error)) from None
