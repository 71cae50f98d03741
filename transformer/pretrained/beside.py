"""The tokenizer beside a model's weights in a folder, read and written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nn.files.json_files import parse_json

from ..tokenizer import BPETokenizer, PretrainedTokenizer, Tokenizer
from ..tokenizer.files import PAIRS, WHOLE
from ..tokenizer.pretrained import read_files


def tokenizer_beside(folder: Path, config: Any) -> Callable[[], Tokenizer] | None:
    """What makes the tokenizer of a folder when it is first asked for; None if the folder has none.

    The two files of a GPT-2 are a `BPETokenizer`, a tokenizer.json is a `PretrainedTokenizer` or what `Tokenizer.save`
    wrote. config: the contents of config.json.
    """
    gpt2 = isinstance(config, dict) and config.get("model_type", "gpt2") == "gpt2"
    if gpt2 and any(all((folder / name).is_file() for name in pair) for pair in PAIRS):
        return partial(BPETokenizer.from_files, folder)
    return partial(_make, folder / WHOLE, *read_files(folder)) if (folder / WHOLE).is_file() else None


def _make(path: Path, whole: str, settings: dict[str, Any]) -> Tokenizer:
    if "tokenizer" in parse_json(whole, path):
        return Tokenizer.load(path)
    try:
        return PretrainedTokenizer(whole, settings)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write a tokenizer into a folder, in Hugging Face's format if it has one."""
    if isinstance(tokenizer, (BPETokenizer, PretrainedTokenizer)):
        tokenizer.to_files(folder)
    else:
        tokenizer.save(folder / WHOLE)
