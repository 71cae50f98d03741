"""Hugging Face's tokenizer.json: a whole tokenizer in one file.

    "pre_tokenizer": {"type": "ByteLevel", ...}             text is split into words as in GPT-2
    "model": {"type": "BPE", "vocab": {"!": 0, ...}, "merges": ["Ġ t", ...] or [["Ġ", "t"], ...]}
    "added_tokens": [{"id": 50256, "content": "<|endoftext|>", "special": true, ...}]

The file's settings for truncation, padding and tokens around a text are ignored: `encode` returns the text's ids only.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from nn.files.json_files import read_json

from .token_names import Parts, in_order, parse

FILE = "tokenizer.json"
Values = dict[str, tuple[Any, ...]]  # setting -> supported values, of which the first is the default
MODEL: Values = {
    "type": ("BPE",),
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "ignore_merges": (False,),
}
PRE_TOKENIZER: Values = {"type": ("ByteLevel",), "add_prefix_space": (False,), "use_regex": (True,)}
NORMALIZER: Values = {"type": (None,)}
ADDED_TOKEN: Values = {"lstrip": (False,), "rstrip": (False,), "single_word": (False,)}


def is_hugging_face(given: Any) -> bool:
    """Whether the contents of a JSON file are Hugging Face's, not those that `save` writes."""
    return isinstance(given, dict) and isinstance(given.get("model"), dict)


def read(path: Path, special_tokens: Collection[str] | None) -> tuple[Parts, str]:
    """The tokenizer's parts, and the file's name for error messages. Arguments and errors as in `read_files`."""
    given = read_json(path)
    try:
        if not is_hugging_face(given):
            raise ValueError(
                f"this is not Hugging Face's {FILE}; for two files write from_files(vocabulary, merges), for a file "
                "written by save use load"
            )
        model, added = given["model"], _added(given.get("added_tokens"))
        unsupported = [
            *_unsupported("normalizer", given.get("normalizer") or {}, NORMALIZER),
            *_unsupported("pre_tokenizer", given.get("pre_tokenizer") or {"type": None}, PRE_TOKENIZER),
            *_unsupported("model", model, MODEL),
            *(s for name, token in added.items() for s in _unsupported(f"added token {name!r}", token, ADDED_TOKEN)),
        ]
        if unsupported:
            raise ValueError(
                f"BPETokenizer does not support {', '.join(unsupported)}; use Hugging Face's package tokenizers"
            )
        special = dict.fromkeys([*(special_tokens or ()), *(name for name in added if added[name].get("special"))])
        plain = [name for name in added if name not in special]
        if plain:
            raise ValueError(
                f"the added token {plain[0]!r} is not special; to treat it as special, name it in special_tokens"
            )
        names = in_order(model.get("vocab"), {name: token["id"] for name, token in added.items()})
        return parse(names, _lines(model.get("merges")), special), str(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def remove(folder: Path) -> None:
    """Remove Hugging Face's tokenizer.json from a folder. Keeps any other file of that name."""
    with suppress(FileNotFoundError, ValueError):  # no such file, or not JSON
        if is_hugging_face(read_json(folder / FILE)):
            (folder / FILE).unlink()


def _unsupported(name: str, part: Any, values: Values) -> Iterator[str]:
    """The settings in a part of the file that have unsupported values, as text."""
    if not isinstance(part, dict):
        raise ValueError(f"its {name} must be an object, not {json.dumps(part)}")
    for setting, supported in values.items():
        value = part.get(setting, supported[0])
        if value not in supported:
            yield f"{name} with {setting} {json.dumps(value)}"


def _added(tokens: Any) -> dict[str, dict[str, Any]]:
    """The added tokens by name."""
    tokens = tokens or []
    if not isinstance(tokens, list) or not all(
        isinstance(token, dict) and type(token.get("id")) is int and isinstance(token.get("content"), str)
        for token in tokens
    ):
        raise ValueError("its added_tokens must be a list of objects, each with an id and a content")
    return {token["content"]: token for token in tokens}


def _lines(merges: Any) -> list[str]:
    """The merges as lines, whether the file has lines or pairs."""
    if not isinstance(merges, list):
        raise ValueError("its model must have a list of merges")
    for number, merge in enumerate(merges, start=1):
        if not isinstance(merge, str) and not (isinstance(merge, list) and all(isinstance(p, str) for p in merge)):
            raise ValueError(f"merge {number}, {json.dumps(merge)}, must be a line or a pair of tokens")
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
