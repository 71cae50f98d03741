"""The tokenizer files of OpenAI's GPT-2 and of Hugging Face.

Two files, encoder.json and vocab.bpe, which Hugging Face calls vocab.json and merges.txt:

    encoder.json        {"!": 0, ..., "Ġthe": 262, ..., "<|endoftext|>": 50256}     token names and ids
    vocab.bpe           #version: 0.2, then one merge per line in the order of learning: Ġ t
    added_tokens.json   {"<pad>": 50257}    special tokens added later, in a third file

A token's name has one visible letter per byte. A byte that is printable in Latin-1 stands for itself. The others are
written as the letters from U+0100 on, in order: a space is Ġ, a line break Ċ. Special tokens are written as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nn.json_files import read_json, read_text, write_json
from tinygrad_lecture.files import atomic_write_together

from .merges import Pair

Parts = tuple[list[bytes], list[Pair], dict[str, int]]  # vocabulary, merges, special tokens, as BPETokenizer takes them

PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))  # Hugging Face's names, OpenAI's names
ADDED, WHOLE = "added_tokens.json", "tokenizer.json"
SPECIAL = re.compile(r"<.+>|\[.+\]", re.DOTALL)  # what special tokens look like: <|endoftext|>, <pad>, [MASK]


# --- which files ----------------------------------------------------------------------------------------------


def open_files(
    vocabulary: Path, merges: Path | None, special_tokens: Collection[str] | None
) -> tuple[str, Callable[[], Parts]]:
    """The names of the files, and what makes a tokenizer's parts of their contents or raises ValueError.

    For arguments see `BPETokenizer.from_files`. Raises FileNotFoundError, or ValueError for a file that is not JSON.
    """
    if merges is None:
        folder = vocabulary
        found = (pair for pair in PAIRS if all((folder / name).is_file() for name in pair))
        if (pair := next(found, None)) is None:
            raise FileNotFoundError(
                f"{folder} is no folder with {', or '.join(map(' and '.join, PAIRS))}; two files of other names are "
                f"given one by one, and PretrainedTokenizer.from_files reads a {WHOLE}"
            )
        vocabulary, merges = (folder / name for name in pair)
    given = read_json(vocabulary)
    lines, beside = _lines_of(read_text(merges)), vocabulary.with_name(ADDED)
    added = read_json(beside) if beside.is_file() else {}
    source = f"{vocabulary} (with {ADDED}) and {merges}" if added else f"{vocabulary} and {merges}"
    return source, lambda: _parts_of_pair(given, added, lines, special_tokens)


def write_files(folder: Path, names: Sequence[str], merges: Sequence[str]) -> None:
    """Write vocab.json and merges.txt, and remove an earlier tokenizer's added_tokens.json and tokenizer.json.

    A tokenizer.json that is not Hugging Face's is kept.
    """
    with atomic_write_together(*(folder / name for name in PAIRS[0])) as (vocabulary, lines):
        write_json({name: id for id, name in enumerate(names)}, vocabulary)
        lines.write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8", newline="\n")
    (folder / ADDED).unlink(missing_ok=True)
    with suppress(FileNotFoundError, ValueError):  # no such file, or not JSON
        whole = read_json(folder / WHOLE)
        if isinstance(whole, dict) and isinstance(whole.get("model"), dict):
            (folder / WHOLE).unlink()


def _parts_of_pair(ids: Any, added: Any, lines: Sequence[str], special_tokens: Collection[str] | None) -> Parts:
    names = in_order(ids, added)
    named = dict.fromkeys([*added, *(special_tokens or ())])
    explained = {*LETTERS, *named, *(line.replace(" ", "") for line in lines)}
    unexplained = [name for name in names if name not in explained]
    others = [name for name in unexplained if not SPECIAL.fullmatch(name)]
    if others and special_tokens is None:
        raise ValueError(
            f"no merge makes the token {others[0]!r}"
            + (f", nor {len(others) - 1:,} others" if len(others) > 1 else "")
            + "; the merges are incomplete or belong to another vocabulary, or special_tokens must name it"
        )
    return parse(names, lines, [*named, *(name for name in unexplained if SPECIAL.fullmatch(name))])


def _lines_of(text: str) -> list[str]:
    """The merges in a file, without the version line and trailing empty lines."""
    lines = [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]
    return lines[1:] if lines[0].startswith("#version") or lines == [""] else lines


# --- token names ----------------------------------------------------------------------------------------------


def _letters() -> list[str]:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0x100)} - {0xAD}
    hidden = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + hidden.index(byte)) for byte in range(256)]


LETTERS = _letters()  # byte -> letter
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


def spell(token: bytes) -> str:
    """The letters of a token's bytes: b" the" is Ġthe."""
    return "".join(LETTERS[byte] for byte in token)


def unspell(name: str) -> bytes:
    """The bytes of letters. Raises ValueError for a letter that stands for no byte."""
    try:
        return bytes(BYTES[letter] for letter in name)
    except KeyError as error:
        raise ValueError(f"token {name!r} has the letter {error}, which stands for no byte") from None


def names_of(vocabulary: Sequence[bytes], special_tokens: Mapping[str, int]) -> list[str]:
    """The name of each id. Raises ValueError if two ids have the same name."""
    names = [spell(token) for token in vocabulary]
    for special, id in special_tokens.items():
        names[id] = special
    first = {name: id for id, name in reversed(list(enumerate(names)))}
    for id, name in enumerate(names):
        if first[name] != id:
            special = " a special token and" if name in special_tokens else ""
            raise ValueError(f"the token {name!r} occurs twice, as{special} id {first[name]} and as id {id}")
    return names


def in_order(vocabulary: Any, added: Any) -> list[str]:
    """The name of each id, from two JSON objects {name: id}: the vocabulary, and tokens added to it.

    Raises ValueError if they are not such objects, disagree about a token, or the ids are not 0 to n - 1.
    """
    for given in (vocabulary, added):
        if not isinstance(given, dict) or not all(type(id) is int for id in given.values()):
            raise ValueError("the vocabulary must be an object of tokens and their ids")
    for name, id in added.items():
        if vocabulary.get(name, id) != id:
            raise ValueError(f"the token {name!r} has id {vocabulary[name]}, but id {id} among the added tokens")
    ids = {**vocabulary, **added}
    names = {id: name for name, id in ids.items()}
    for id in range(len(ids)):
        if id not in names:
            raise ValueError(f"{len(ids)} tokens must have the ids 0 to {len(ids) - 1}, but no token has id {id}")
    return [names[id] for id in range(len(ids))]


def parse(names: Sequence[str], merges: Iterable[str], special_tokens: Collection[str]) -> Parts:
    """Vocabulary, merges and special tokens, from each id's name, merges "Ġ t", and the special names.

    Raises ValueError if a merge does not make two tokens into a third, or a special token is not among the names.
    """
    ids = {name: id for id, name in enumerate(names)}
    pairs = []
    for number, merge in enumerate(merges, start=1):
        parts = merge.split(" ")
        if len(parts) != 2:
            raise ValueError(f"merge {number}, {merge!r}, must be two tokens, as in 'Ġ t'")
        for token in (*parts, "".join(parts)):
            if token not in ids:
                raise ValueError(
                    f"merge {number}, {merge!r}, needs the token {token!r}, which is not in the vocabulary"
                )
        pairs.append((ids[parts[0]], ids[parts[1]]))
    if unknown := [name for name in special_tokens if name not in ids]:
        raise ValueError(f"the special token {unknown[0]!r} is not in the vocabulary")
    special = {name: ids[name] for name in special_tokens}
    vocabulary = [name.encode("utf-8") if name in special else unspell(name) for name in names]
    return vocabulary, pairs, special
