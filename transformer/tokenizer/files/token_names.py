"""Token names: how GPT-2's files write a token, with one visible letter per byte.

A byte that is printable in Latin-1 stands for itself. The others are written as the letters from U+0100 on, in order:
a space is Ġ, a line break Ċ. Special tokens are written as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..row import Pair

Parts = tuple[list[bytes], list[Pair], dict[str, int]]  # vocabulary, merges, special tokens, as BPETokenizer takes them


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


def parse(names: Sequence[str], merges: Sequence[str], special_tokens: Iterable[str]) -> Parts:
    """Vocabulary, merges and special tokens, from each id's name, lines such as "Ġ t", and the special names.

    Raises ValueError if a line does not merge two tokens into a third, or a special token is not among the names.
    """
    ids = {name: id for id, name in enumerate(names)}
    pairs = []
    for number, line in enumerate(merges, start=1):
        parts = line.split(" ")
        if len(parts) != 2:
            raise ValueError(f"merge {number}, {line!r}, must be two tokens with a space between them")
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
