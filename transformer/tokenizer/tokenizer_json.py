"""Hugging Face's tokenizer.json, in which its newer libraries keep a whole tokenizer: how text is cut, tokens, merges.

    "pre_tokenizer": {"type": "ByteLevel", ...}             cut as GPT-2 does
    "model": {"type": "BPE", "vocab": {"!": 0, ...}, "merges": ["Ġ t", ...] or [["Ġ", "t"], ...]}
    "added_tokens": [{"id": 50256, "content": "<|endoftext|>", "special": true, ...}]

The names of tokens are those of GPT-2's two files. What the file says of tokens to be put around a text, and of cutting
and padding it, is not followed: `encode` gives the ids of the text alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nn.files.json_files import read_json

from .gpt2_files import assemble, in_order

if TYPE_CHECKING:
    from .bpe import BPETokenizer

B = TypeVar("B", bound="BPETokenizer")
FILE = "tokenizer.json"
Values = dict[str, tuple[Any, ...]]  # what a setting may be; where it is left out, the first of them
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


def is_one(given: Any) -> bool:
    """Whether what a file of JSON holds is a tokenizer of Hugging Face's, and not one that `save` has written."""
    return isinstance(given, dict) and isinstance(given.get("model"), dict)


def read(kind: type[B], path: Path, special_tokens: Collection[str] | None) -> B:
    """See `BPETokenizer.from_files`."""
    given = read_json(path)
    try:
        if not is_one(given):
            raise ValueError(
                f"this is no {FILE}; two files are read by from_files(vocabulary, merges), what save wrote by load"
            )
        model, added = given["model"], _added(given.get("added_tokens"))
        strange = [
            *_strange("normalizer", given.get("normalizer") or {}, NORMALIZER),
            *_strange("pre_tokenizer", given.get("pre_tokenizer") or {"type": None}, PRE_TOKENIZER),
            *_strange("model", model, MODEL),
            *(s for name, token in added.items() for s in _strange(f"added token {name!r}", token, ADDED_TOKEN)),
        ]
        if strange:
            raise ValueError(
                f"it asks for what BPETokenizer does not do: {', '.join(strange)}; the package tokenizers does that"
            )
        special = dict.fromkeys([*(special_tokens or ()), *(name for name in added if added[name].get("special"))])
        plain = [name for name in added if name not in special]
        if plain:
            raise ValueError(
                f"the added token {plain[0]!r} is not special; if it may be one here, special_tokens should name it"
            )
        names = in_order(model.get("vocab"), {name: token["id"] for name, token in added.items()})
        return kind(*assemble(names, _lines(model.get("merges")), special))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def remove(folder: Path) -> None:
    """Remove the file from a folder, but no other that has its name."""
    with suppress(FileNotFoundError, ValueError):  # there is none, or it is broken
        if is_one(read_json(folder / FILE)):
            (folder / FILE).unlink()


def _strange(name: str, part: Any, values: Values) -> Iterator[str]:
    """What a part of the file says that is none of the values."""
    if not isinstance(part, dict):
        raise ValueError(f"its {name} is no object but {json.dumps(part)}")
    for setting, may_be in values.items():
        value = part.get(setting, may_be[0])
        if value not in may_be:
            yield f"{name} with {setting} {json.dumps(value)}"


def _added(tokens: Any) -> dict[str, dict[str, Any]]:
    """The added tokens by name."""
    if not isinstance(tokens or [], list) or not all(
        isinstance(token, dict) and type(token.get("id")) is int and isinstance(token.get("content"), str)
        for token in tokens or []
    ):
        raise ValueError("its added_tokens are not a list of objects, each with an id and a content")
    return {token["content"]: token for token in tokens or []}


def _lines(merges: Any) -> list[str]:
    """Merges as the lines of GPT-2's file, whether they are lines or pairs."""
    if not isinstance(merges, list):
        raise ValueError("its model has no list of merges")
    for number, merge in enumerate(merges, start=1):
        if not isinstance(merge, str) and not (isinstance(merge, list) and all(isinstance(p, str) for p in merge)):
            raise ValueError(f"merge {number}, {json.dumps(merge)}, is neither a line nor a pair of tokens")
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
