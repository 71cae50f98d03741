"""GPT-2's two files: encoder.json and vocab.bpe, which Hugging Face calls vocab.json and merges.txt.

    encoder.json        {"!": 0, ..., "Ġthe": 262, ..., "<|endoftext|>": 50256}     each token and its id
    vocab.bpe           #version: 0.2, then a merge in each line, the first to be merged first: Ġ t
    added_tokens.json   {"<pad>": 50257}    a third, where special tokens were added later

They write a byte as a letter that can be seen: bytes that are printable in Latin-1 as themselves, the others as the
letters from U+0100 on, in their order. So a space is Ġ and a line's end Ċ. Special tokens are written as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nn.files.json_files import read_json, read_text, write_json
from tinygrad_lecture.files import atomic_write_together

from .learning import Pair

if TYPE_CHECKING:
    from .bpe import BPETokenizer

B = TypeVar("B", bound="BPETokenizer")

FILES = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))  # Hugging Face's names, OpenAI's
ADDED = "added_tokens.json"
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


def in_order(vocabulary: Any, added: Any) -> list[str]:
    """The name of each id, from a vocabulary and what was added to it, both objects of tokens and their ids.

    Raises ValueError if they are something else, disagree about a token, or have other ids than 0 to n - 1.
    """
    for given in (vocabulary, added):
        if not isinstance(given, dict) or not all(type(id) is int for id in given.values()):
            raise ValueError("this is no vocabulary: an object of tokens and their ids")
    for name, id in added.items():
        if vocabulary.get(name, id) != id:
            raise ValueError(f"the token {name!r} has the id {vocabulary[name]}, and among those added the id {id}")
    ids = {**vocabulary, **added}
    names = {id: name for name, id in ids.items()}
    for id in range(len(ids)):
        if id not in names:
            raise ValueError(f"{len(ids)} tokens should have the ids 0 to {len(ids) - 1}, but none has id {id}")
    return [names[id] for id in range(len(ids))]


def assemble(
    names: Sequence[str], merges: Sequence[str], special_tokens: Iterable[str]
) -> tuple[list[bytes], list[Pair], dict[str, int]]:
    """(bytes of each id, pairs of ids to be merged, special token -> id) from names and lines such as "Ġ t".

    Raises ValueError if a merge is not of two tokens and makes a third, or if a special token is not among the names.
    """
    ids = {name: id for id, name in enumerate(names)}
    pairs = []
    for number, line in enumerate(merges, start=1):
        parts = line.split(" ")
        if len(parts) != 2:
            raise ValueError(f"merge {number}, {line!r}, is not two tokens with a space between them")
        for token in (*parts, "".join(parts)):
            if token not in ids:
                raise ValueError(f"merge {number}, {line!r}, needs the token {token!r}, which is not in the vocabulary")
        pairs.append((ids[parts[0]], ids[parts[1]]))
    special = {}
    for name in special_tokens:
        if name not in ids:
            raise ValueError(f"the special token {name!r} is not in the vocabulary")
        special[name] = ids[name]
    vocabulary = [name.encode("utf-8") if name in special else unspell(name) for name in names]
    return vocabulary, pairs, special


# --- reading and writing --------------------------------------------------------------------------------------


def find(folder: Path) -> tuple[Path, Path] | None:
    """The two files in a folder, under Hugging Face's or OpenAI's names, if it has them."""
    for vocabulary, merges in FILES:
        if (folder / vocabulary).is_file() and (folder / merges).is_file():
            return folder / vocabulary, folder / merges
    return None


def read(kind: type[B], vocabulary: Path, merges: Path, special_tokens: Collection[str] | None) -> B:
    """See `BPETokenizer.from_files`."""
    ids, lines = read_json(vocabulary), _lines(merges)
    beside = vocabulary.with_name(ADDED)
    added = read_json(beside) if beside.is_file() else {}
    try:
        names = in_order(ids, added)
        named = dict.fromkeys([*added, *(special_tokens or ())])
        made = {*LETTERS, *named, *(line.replace(" ", "") for line in lines)}
        looking = [name for name in names if name not in made and SPECIAL.fullmatch(name)]
        others = [name for name in names if name not in made and not SPECIAL.fullmatch(name)]
        if others and special_tokens is None:
            raise ValueError(
                f"no merge makes the token {others[0]!r}"
                + (f", nor {len(others) - 1:,} others" if len(others) > 1 else "")
                + "; the merges are not all there or another vocabulary's, or special_tokens should name it"
            )
        return kind(*assemble(names, lines, [*named, *looking]))
    except ValueError as error:
        files = f"{vocabulary} (with {ADDED}) and {merges}" if added else f"{vocabulary} and {merges}"
        raise ValueError(f"{files}: {error}") from None


def _lines(path: Path) -> list[str]:
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    if lines[0].startswith("#version"):
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return lines


def write(folder: Path, names: Sequence[str], merges: Sequence[str]) -> None:
    """See `BPETokenizer.to_files`."""
    with atomic_write_together(*(folder / name for name in FILES[0])) as (vocabulary, lines):
        write_json({name: id for id, name in enumerate(names)}, vocabulary)
        lines.write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8", newline="\n")
    (folder / ADDED).unlink(missing_ok=True)  # of the tokenizer that was here before
