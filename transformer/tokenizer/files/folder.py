"""A tokenizer's files in a folder: which of them to read, and which to write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from . import gpt2_files, tokenizer_json
from .token_names import Parts


def read_files(vocabulary: Path, merges: Path | None, special_tokens: Collection[str] | None) -> tuple[Parts, str]:
    """The tokenizer's parts, and the names of the files they come from. For arguments see `BPETokenizer.from_files`.

    Raises FileNotFoundError, or ValueError that names the file.
    """
    if merges is not None:
        return gpt2_files.read(vocabulary, merges, special_tokens)
    if not vocabulary.is_dir():
        return tokenizer_json.read(vocabulary, special_tokens)
    folder = vocabulary
    pair = gpt2_files.find(folder)
    if pair:
        return gpt2_files.read(*pair, special_tokens)
    if not (folder / tokenizer_json.FILE).is_file():
        wanted = ", or ".join([*(" and ".join(names) for names in gpt2_files.FILES), tokenizer_json.FILE])
        raise FileNotFoundError(f"the folder {folder} does not have {wanted}")
    return tokenizer_json.read(folder / tokenizer_json.FILE, special_tokens)


def write_files(folder: Path, names: Sequence[str], merges: Sequence[str]) -> None:
    """Write vocab.json and merges.txt, and remove an earlier tokenizer's other files."""
    gpt2_files.write(folder, names, merges)
    tokenizer_json.remove(folder)
