"""GPT-2's two files: encoder.json and vocab.bpe, which Hugging Face calls vocab.json and merges.txt.

They contain:

    encoder.json        {"!": 0, ..., "Ġthe": 262, ..., "<|endoftext|>": 50256}     token names and ids
    vocab.bpe           #version: 0.2, then one merge per line in the order of learning: Ġ t
    added_tokens.json   {"<pad>": 50257}    special tokens added later, in a third file
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from nn.files.json_files import read_json, read_text, write_json
from tinygrad_lecture.files import atomic_write_together

from .token_names import LETTERS, Parts, in_order, parse

FILES = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))  # Hugging Face's names, OpenAI's names
ADDED = "added_tokens.json"
SPECIAL = re.compile(r"<.+>|\[.+\]", re.DOTALL)  # what special tokens look like: <|endoftext|>, <pad>, [MASK]


def find(folder: Path) -> tuple[Path, Path] | None:
    """The pair of files in a folder, under Hugging Face's or OpenAI's names; None if neither pair is complete."""
    for vocabulary, merges in FILES:
        if (folder / vocabulary).is_file() and (folder / merges).is_file():
            return folder / vocabulary, folder / merges
    return None


def read(vocabulary: Path, merges: Path, special_tokens: Collection[str] | None) -> tuple[Parts, str]:
    """The tokenizer's parts, and the files' names for error messages. Arguments and errors as in `read_files`."""
    ids, lines = read_json(vocabulary), _lines(merges)
    beside = vocabulary.with_name(ADDED)
    added = read_json(beside) if beside.is_file() else {}
    source = f"{vocabulary} (with {ADDED}) and {merges}" if added else f"{vocabulary} and {merges}"
    try:
        names = in_order(ids, added)
        named = dict.fromkeys([*added, *(special_tokens or ())])
        explained = {*LETTERS, *named, *(line.replace(" ", "") for line in lines)}
        unexplained = [name for name in names if name not in explained]
        special = [name for name in unexplained if SPECIAL.fullmatch(name)]
        others = [name for name in unexplained if not SPECIAL.fullmatch(name)]
        if others and special_tokens is None:
            raise ValueError(
                f"no merge makes the token {others[0]!r}"
                + (f", nor {len(others) - 1:,} others" if len(others) > 1 else "")
                + "; the merges are incomplete or belong to another vocabulary, or special_tokens must name it"
            )
        return parse(names, lines, [*named, *special]), source
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def _lines(path: Path) -> list[str]:
    """The merges, without the version line and trailing empty lines."""
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    if lines[0].startswith("#version"):
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return lines


def write(folder: Path, names: Sequence[str], merges: Sequence[str]) -> None:
    """Write vocab.json and merges.txt together, and remove an earlier tokenizer's added_tokens.json."""
    with atomic_write_together(*(folder / name for name in FILES[0])) as (vocabulary, lines):
        write_json({name: id for id, name in enumerate(names)}, vocabulary)
        lines.write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8", newline="\n")
    (folder / ADDED).unlink(missing_ok=True)
