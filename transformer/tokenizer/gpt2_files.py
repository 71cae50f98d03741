"""GPT-2's two files: encoder.json and vocab.bpe, which Hugging Face calls vocab.json and merges.txt.

    encoder.json    {"!": 0, ..., "Ġthe": 262, ..., "<|endoftext|>": 50256}     each token and its id
    vocab.bpe       #version: 0.2, then a merge in each line, the first to be merged first: Ġ t

Both write a byte as a letter that can be seen: bytes that are printable in Latin-1 as themselves, the others as the
letters from U+0100 on, in their order. So a space is Ġ and a line's end Ċ. Special tokens are written as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from nn.files import replacing

from ..json_files import read_json, read_text
from .base import write_json
from .learning import Pair

FILES = (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt"))  # OpenAI's names, Hugging Face's
SPECIAL = re.compile(r"<.+>|\[.+\]", re.DOTALL)  # how special tokens look: <|endoftext|>, <pad>, [MASK]


def _letters() -> list[str]:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0x100)} - {0xAD}
    hidden = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + hidden.index(byte)) for byte in range(256)]


LETTERS = _letters()  # of each byte
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


def spell(token: bytes) -> str:
    """Bytes as letters: b" the" is Ġthe."""
    return "".join(LETTERS[byte] for byte in token)


def unspell(name: str) -> bytes:
    """The bytes of letters. Raises ValueError for a letter that stands for no byte."""
    try:
        return bytes(BYTES[letter] for letter in name)
    except KeyError as error:
        raise ValueError(f"token {name!r} has the letter {error}, which stands for no byte") from None


def spell_all(vocabulary: Sequence[bytes], special_tokens: Mapping[str, int]) -> list[str]:
    """The name of each id in the files. Raises ValueError if two have the same."""
    names = [spell(token) for token in vocabulary]
    for special, id in special_tokens.items():
        names[id] = special
    first = {name: id for id, name in reversed(list(enumerate(names)))}
    for id, name in enumerate(names):
        if first[name] != id:
            special = " a special token and" if name in special_tokens else ""
            raise ValueError(f"the token {name!r} comes twice, as{special} id {first[name]} and as id {id}")
    return names


def assemble(
    names: Sequence[str], merges: Sequence[str], special_tokens: Collection[str] | None, complete: bool = False
) -> tuple[list[bytes], list[Pair], dict[str, int]]:
    """(bytes of each id, pairs of ids to be merged, special token -> id) from names and lines such as "Ġ t".

    special_tokens: besides those that no merge makes and that look like one, as <|endoftext|> does.
    complete: there are no others besides. Raises ValueError if a merge is not of two tokens and makes a third, or if,
    without special_tokens, other tokens are made by no merge.
    """
    ids = {name: id for id, name in enumerate(names)}
    pairs = []
    made = set(LETTERS)
    for number, line in enumerate(merges, start=1):
        parts = line.split(" ")
        if len(parts) != 2:
            raise ValueError(f"merge {number}, {line!r}, is not two tokens with a space between them")
        for token in (*parts, "".join(parts)):
            if token not in ids:
                raise ValueError(f"merge {number}, {line!r}, needs the token {token!r}, which is not in the vocabulary")
        pairs.append((ids[parts[0]], ids[parts[1]]))
        made.add("".join(parts))
    named = dict.fromkeys(special_tokens or ())
    unmade = [] if complete else [name for name in names if name not in made and name not in named]
    looking = [name for name in unmade if SPECIAL.fullmatch(name)]
    if special_tokens is None and len(looking) < len(unmade):
        others = [name for name in unmade if name not in looking]
        raise ValueError(
            f"no merge makes the token {others[0]!r}"
            + (f", nor {len(others) - 1:,} others" if len(others) > 1 else "")
            + "; the merges are not all there or another vocabulary's, or special_tokens should name it"
        )
    for name in named:
        if name not in ids:
            raise ValueError(f"the special token {name!r} is not in the vocabulary")
    special = {name: ids[name] for name in [*named, *looking]}
    vocabulary = [name.encode("utf-8") if name in special else unspell(name) for name in names]
    return vocabulary, pairs, special


def find(folder: Path) -> tuple[Path, Path]:
    """The two files in a folder, under OpenAI's or Hugging Face's names. Raises FileNotFoundError if they are not."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is a file, and a vocabulary needs two: from_files(encoder, merges), or their folder"
            if folder.exists()
            else f"there is no folder {folder}"
        )
    for vocabulary, merges in FILES:
        if (folder / vocabulary).exists() and (folder / merges).exists():
            return folder / vocabulary, folder / merges
    wanted = " or ".join(" and ".join(pair) for pair in FILES)
    if (folder / "tokenizer.json").exists():
        raise FileNotFoundError(
            f"the folder {folder} has tokenizer.json, which is not read, but not {wanted}; save the tokenizer's "
            "vocab.json and merges.txt, as Hugging Face's slow tokenizers do"
        )
    raise FileNotFoundError(f"the folder {folder} does not have {wanted}")


def read(
    vocabulary: Path, merges: Path, special_tokens: Collection[str] | None
) -> tuple[list[bytes], list[Pair], dict[str, int]]:
    """What `assemble` makes of the two files. Raises FileNotFoundError, or ValueError that names the file."""
    names = _names(vocabulary)
    lines = [line.removesuffix("\r") for line in read_text(merges).split("\n")]
    if lines[0].startswith("#version"):
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    try:
        return assemble(names, lines, special_tokens)
    except ValueError as error:
        raise ValueError(f"{vocabulary} and {merges}: {error}") from None


def _names(path: Path) -> list[str]:
    """The name of each id. Raises ValueError unless the ids are 0 to n - 1."""
    ids: Any = read_json(path)
    if not isinstance(ids, dict) or not all(type(id) is int for id in ids.values()):
        raise ValueError(f"{path} is JSON, but not a vocabulary: an object of tokens and their ids")
    names = {id: name for name, id in ids.items()}
    for id in range(len(ids)):
        if id not in names:
            raise ValueError(f"{path}: {len(ids)} tokens should have the ids 0 to {len(ids) - 1}, but none has id {id}")
    return [names[id] for id in range(len(ids))]


def write(folder: Path, names: Sequence[str], merges: Sequence[str]) -> None:
    """Write the two files under Hugging Face's names. Raises FileNotFoundError if there is no such folder."""
    vocabulary, lines = FILES[1]
    write_json({name: id for id, name in enumerate(names)}, folder / vocabulary)
    with replacing(folder / lines) as beside:
        beside.write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8", newline="\n")
