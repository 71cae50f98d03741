"""Byte-level byte pair encoding: frequent words are one token, rare words several, and any text can be encoded.

    text         "Was the bank flooded?"
    words        Was| the| bank| flooded|?      each with the space before it
    bytes        W a s ...                      the first tokens of each word, in UTF-8
    merges       W as| the| bank| flooded|?     neighbours are merged, in the order in which the merges were learnt

GPT-2's method (A. Radford et al., "Language models are unsupervised multitask learners", 2019); with GPT-2's files, it
returns GPT-2's ids. The algorithm is in merges.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tinygrad_lecture.files import atomic_write, read_json, read_text, write_json

from .base import Tokenizer, check_special_tokens, located, require, texts_of, training_parts, vocabulary_room
from .merges import Pair, Row, apply_merges, learn_merges, merge_table

if TYPE_CHECKING:
    from regex import Pattern

# GPT-2's pattern: the end of an English contraction; letters, digits or other signs, with a space before them;
# whitespace, except that its last character goes to the next word. \p{L} is a letter, \p{N} a digit of any script.
WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CACHED_WORDS = 1 << 16  # the most words whose ids are cached
PAIR = ("vocab.json", "merges.txt")
ADDED, WHOLE = "added_tokens.json", "tokenizer.json"
SPECIAL = re.compile(r"<.+>|\[.+\]", re.DOTALL)  # what special tokens look like: <|endoftext|>, <pad>, [MASK]


def words(text: str) -> list[str]:
    """The words of a text, each with the space before it, and the whitespace between them. Joined, they are the text.

    Raises ImportError without the package regex.
    """
    return _words().findall(text)


@cache
def _words() -> Pattern[str]:
    return require("regex", "BPETokenizer", extra="text").compile(WORDS)  # type: ignore[no-any-return]


class BPETokenizer(Tokenizer):
    """Byte-level byte pair encoding.

        t = BPETokenizer.train(text, vocab_size=1000, special_tokens=["<|endoftext|>"])
        t = BPETokenizer.from_files("gpt2")     # a folder with GPT-2's files

    - `vocabulary`: the bytes of each id, including all 256 single bytes; for a special token its name in UTF-8.
    - `merges`: pairs of ids, in the order in which they are applied.
    - `special_tokens`: name -> id.

    Raises ValueError if a byte is missing, a token occurs twice, or a merge makes none that is in the vocabulary.
    Encoding needs the package regex (`pip install ".[text]"`), and raises ImportError without it.
    """

    kind = "bytes"

    def __init__(
        self, vocabulary: Sequence[bytes], merges: Sequence[Pair], special_tokens: Mapping[str, int] | None = None
    ) -> None:
        self.vocabulary, self.merges = list(vocabulary), list(merges)
        special = dict(special_tokens or {})
        check_special_tokens(special)
        super().__init__([token.decode("utf-8", "backslashreplace") for token in self.vocabulary], special)
        ids = ordinary_ids(self.vocabulary, special)
        self._names = names_of(self.vocabulary, special)
        self._byte_ids = [ids[bytes([byte])] for byte in range(256)]
        self._merge_table = merge_table(self.merges, self.vocabulary, ids)
        self._cache: dict[str, list[int]] = {}  # word -> ids

    @classmethod
    def train(cls, text: str, vocab_size: int, special_tokens: Sequence[str] = ()) -> Self:
        """Learn merges from a text until there are `vocab_size` tokens: 256 bytes, the merges, the special tokens.

        There are fewer tokens if no pair of neighbours occurs twice any more.

        Raises ValueError if vocab_size is too small for bytes and special tokens, TypeError if the text is not a str or
        vocab_size is not an integer.
        """
        room = vocabulary_room("BPETokenizer.train", vocab_size, special_tokens, least=256)
        parts = training_parts("BPETokenizer.train", text, special_tokens)
        counts = Counter(word for part in parts for word in words(part))
        encoded = {word.encode("utf-8"): count for word, count in counts.items()}
        vocabulary, merges = learn_merges(encoded, room)
        special = {name: len(vocabulary) + i for i, name in enumerate(special_tokens)}
        return cls([*vocabulary, *(name.encode("utf-8") for name in special)], merges, special)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in words(text):
            if word in self._cache:
                ids += self._cache[word]
                continue
            row = Row([[self._byte_ids[byte] for byte in word.encode("utf-8")]])  # before the first merge
            apply_merges(row, self._merge_table)
            tokens = row.tokens()
            if len(self._cache) < CACHED_WORDS:
                self._cache[word] = tokens
            ids += tokens
        return ids

    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        return texts_of(self.vocabulary[id] for id in ids)

    # --- files ----------------------------------------------------------------------------------------------

    @classmethod
    def from_files(cls, folder: str | Path) -> Self:
        """GPT-2's tokenizer, or a similar one, from a folder with vocab.json and merges.txt.

        An added_tokens.json beside them is read too. Special tokens are those, and tokens that no merge makes and that
        look like <|endoftext|> or [MASK]. A tokenizer.json is read by `PretrainedTokenizer.from_files`.

        Raises FileNotFoundError if a file is missing. Raises ValueError, with the file's name, if a file is damaged or
        asks for something that GPT-2's tokenizer does not do.
        """
        folder = Path(folder)
        vocabulary, merges, added = (folder / name for name in (*PAIR, ADDED))
        if not (vocabulary.is_file() and merges.is_file()):
            raise FileNotFoundError(
                f"{folder} is no folder with {' and '.join(PAIR)}; PretrainedTokenizer.from_files reads a {WHOLE}"
            )
        ids, lines = read_json(vocabulary), read_text(merges).rstrip("\r\n").split("\n")
        lines = [line.removesuffix("\r") for line in lines]
        lines = lines[1:] if lines[0].startswith("#version") or lines == [""] else lines
        named = read_json(added) if added.is_file() else {}
        with located(f"{vocabulary} (with {ADDED}) and {merges}" if named else f"{vocabulary} and {merges}"):
            names = in_order(ids, named)
            made = {*LETTERS, *named, *(line.replace(" ", "") for line in lines)}
            others = [name for name in names if name not in made]
            if unknown := [name for name in others if not SPECIAL.fullmatch(name)]:
                raise ValueError(f"no merge makes {', '.join(map(repr, unknown[:3]))}; is it another vocabulary?")
            return cls(*parse(names, lines, [*named, *others]))

    def to_files(self, folder: str | Path) -> None:
        """Write vocab.json and merges.txt into a folder, for Hugging Face's libraries and `from_files`.

        Removes Hugging Face's added_tokens.json and tokenizer.json from the folder, since they hold another tokenizer.
        Raises FileNotFoundError if the folder does not exist.
        """
        folder = Path(folder)
        with atomic_write(folder / PAIR[0]) as vocabulary, atomic_write(folder / PAIR[1]) as lines:
            write_json({name: id for id, name in enumerate(self._names)}, vocabulary)
            text = "\n".join(["#version: 0.2", *self._merge_lines(), ""])
            lines.write_text(text, encoding="utf-8", newline="\n")
        for name in (ADDED, WHOLE):
            (folder / name).unlink(missing_ok=True)

    def _merge_lines(self) -> list[str]:
        return [f"{self._names[left]} {self._names[right]}" for left, right in self.merges]

    def _state(self) -> dict[str, list[str]]:
        return {"special_tokens": list(self.special_tokens), "vocabulary": self._names, "merges": self._merge_lines()}

    @classmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        return cls(*parse(state["vocabulary"], state["merges"], state["special_tokens"]))


def ordinary_ids(vocabulary: list[bytes], special_tokens: Mapping[str, int]) -> dict[bytes, int]:
    """token -> id, without special tokens.

    Raises ValueError if a special token is not at its id, or one of the 256 single bytes is missing.
    """
    for name, id in special_tokens.items():
        if vocabulary[id : id + 1] != [name.encode("utf-8")]:
            raise ValueError(f"BPETokenizer: the special token {name!r} is not in the vocabulary at id {id}")
    special_ids = set(special_tokens.values())
    ids = {token: id for id, token in enumerate(vocabulary) if id not in special_ids}
    for byte in range(256):
        if bytes([byte]) not in ids:
            raise ValueError(f"BPETokenizer: byte {byte:#04x} is missing; the vocabulary must have all 256 bytes")
    return ids


# --- the files of GPT-2 ----------------------------------------------------------------------------------------
#
#     vocab.json          {"!": 0, ..., "Ġthe": 262, ..., "<|endoftext|>": 50256}     token names and ids
#     merges.txt          #version: 0.2, then one merge per line in the order of learning: Ġ t
#     added_tokens.json   {"<pad>": 50257}    special tokens added later, in a third file
#
# A token's name has one visible letter per byte. A byte that is printable in Latin-1 stands for itself. The others are
# written as the letters from U+0100 on, in order: a space is Ġ, a line break Ċ. Special tokens are written as they are.


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

    Raises ValueError if they are not such objects, or the ids are not 0 to n - 1.
    """
    for given in (vocabulary, added):
        if not isinstance(given, dict) or not all(type(id) is int for id in given.values()):
            raise ValueError("the vocabulary must be an object of tokens and their ids")
    ids = {**vocabulary, **added}
    names = {id: name for name, id in ids.items()}
    for id in range(len(ids)):
        if id not in names:
            raise ValueError(f"{len(ids)} tokens must have the ids 0 to {len(ids) - 1}, but no token has id {id}")
    return [names[id] for id in range(len(ids))]


def parse(
    names: Sequence[str], merges: Iterable[str], special_tokens: Collection[str]
) -> tuple[list[bytes], list[Pair], dict[str, int]]:
    """Vocabulary, merges and special tokens, from each id's name, merges "Ġ t", and the special names.

    Raises ValueError if a merge does not make two tokens into a third, or a special token is not among the names.
    """
    ids = {name: id for id, name in enumerate(names)}
    pairs = []
    for number, merge in enumerate(merges, start=1):
        parts = merge.split(" ")
        if len(parts) != 2 or not {*parts, merge.replace(" ", "")} <= ids.keys():
            raise ValueError(f"merge {number}, {merge!r}, must be two tokens that make a third, as in 'Ġ t'")
        pairs.append((ids[parts[0]], ids[parts[1]]))
    if unknown := [name for name in special_tokens if name not in ids]:
        raise ValueError(f"the special token {unknown[0]!r} is not in the vocabulary")
    special = {name: ids[name] for name in special_tokens}
    vocabulary = [name.encode("utf-8") if name in special else unspell(name) for name in names]
    return vocabulary, pairs, special


def visible(piece: str) -> str:
    """The text with a dot for each space, and escapes for other whitespace."""
    return "".join("·" if c == " " else c if c.isprintable() else repr(c)[1:-1] for c in piece)
