"""The interface of all tokenizers: encode, decode, special tokens, save and load."""

from __future__ import annotations

import codecs
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

from tinygrad_lecture.files import read_json, write_json


class Tokenizer(ABC):
    """Splits text into tokens and numbers them: `encode` returns ids from 0 to `vocab_size - 1`, `decode` the text.

    A special token such as "<|endoftext|>" is a single id. In a text, its name is ordinary text unless
    `allowed_special` allows it, so a user who types it cannot end a document.
    """

    _rows: ClassVar[int] = 0  # how many ids a model may have, if more than vocab_size; the others add no text
    kind: ClassVar[str]  # identifies the class in the file that `save` writes
    _kinds: ClassVar[dict[str, type[Tokenizer]]] = {}

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            Tokenizer._kinds[cls.kind] = cls

    def __init__(self, tokens: Sequence[str], special_tokens: Mapping[str, int]) -> None:
        """tokens: each id's token as text, including special tokens.  special_tokens: name -> id."""
        self._tokens = list(tokens)
        self.special_tokens = dict(special_tokens)

    @property
    def vocab_size(self) -> int:
        """The number of tokens, including special ones: the number of rows of an embedding."""
        return len(self._tokens)

    def encode(self, text: str, allowed_special: str | Collection[str] = ()) -> list[int]:
        """The ids of a text.

        - `allowed_special`: the special tokens to recognise in the text: names, or "all". Of two that start at the same
          position, the longer one is taken.

        Raises TypeError if the text is not a str. Raises ValueError if it contains a lone surrogate or something that
        is not in the vocabulary, or if allowed_special contains an unknown name.
        """
        ids: list[int] = []
        for part, is_special in self._parts("encode", text, allowed_special):
            ids += [self.special_tokens[part]] if is_special else self._encode(part)
        return ids

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = False) -> str:
        """The text of ids: a list, or an array or Tensor with one axis.

        Raises TypeError for ids that are not integers, IndexError for an id outside the vocabulary.
        """
        return "".join(self.stream(ids, skip_special_tokens))

    def stream(self, ids: Iterable[int], skip_special_tokens: bool = False) -> Iterator[str]:
        """The text of ids, piece by piece as the ids arrive; joined, what `decode` returns. Raises as `decode` does."""
        skipped = set(self.special_tokens.values()) if skip_special_tokens else ()
        return self._texts(id for id in checked_ids(ids, self.vocab_size, self._rows) if id not in skipped)

    def tokens(self, text: str, allowed_special: str | Collection[str] = ()) -> list[str]:
        """The tokens of a text, as text. Raises as `encode` does."""
        return [self._tokens[id] for id in self.encode(text, allowed_special)]

    def token(self, id: int) -> str:
        """The token of an id, as text. Raises as `decode` does."""
        (id,) = checked_ids([id], self.vocab_size)
        return self._tokens[id]

    @abstractmethod
    def _encode(self, text: str) -> list[int]:
        """The ids of text without special tokens."""

    @abstractmethod
    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        """The text that each id adds. All ids are in the vocabulary."""

    def _parts(self, name: str, text: str, allowed_special: str | Collection[str]) -> Iterator[tuple[str, bool]]:
        """The text, split at allowed special tokens: (part, whether it is a special token)."""
        check_text(name, text)
        if allowed_special == "all":
            allowed_special = self.special_tokens
        elif isinstance(allowed_special, str):
            allowed_special = (allowed_special,)
        for token in allowed_special:
            if token not in self.special_tokens:
                known = ", ".join(map(repr, self.special_tokens)) or "none"
                raise ValueError(f"{name}: allowed_special contains {token!r}; the special tokens are: {known}")
        return ((part, i % 2 == 1) for i, part in enumerate(split_at(allowed_special, text)))

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocab_size:,} tokens)"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._state() == self._state()

    __hash__ = None  # type: ignore[assignment]

    # --- files ----------------------------------------------------------------------------------------------

    @abstractmethod
    def _state(self) -> dict[str, list[str]]:
        """The contents of the file: lists of str by name."""

    @classmethod
    @abstractmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        """The tokenizer with this `_state`. Raises ValueError, or KeyError for a missing list."""

    def save(self, path: str | Path) -> None:
        """Write a JSON file, atomically. Raises FileNotFoundError if the folder does not exist."""
        write_json({"tokenizer": self.kind, **self._state()}, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The tokenizer in a file written by `save`. `Tokenizer.load` accepts any kind.

        Raises FileNotFoundError if the file does not exist, ValueError if it is damaged or holds something else.
        """
        state = read_json(path)
        kind = state.get("tokenizer") if isinstance(state, dict) else None
        found = Tokenizer._kinds.get(kind) if isinstance(kind, str) else None
        if found is None:
            raise ValueError(f"{path} is JSON, but not a tokenizer written by save")
        if not issubclass(found, cls):
            raise ValueError(f"{path} holds a {found.__name__}, not a {cls.__name__}; load it with Tokenizer.load")
        del state["tokenizer"]
        try:
            for name, texts in state.items():
                if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                    raise ValueError(f"its {name} must be a list of strings")
            return found._from_state(state)
        except (ValueError, LookupError, TypeError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{path} is not a complete {found.__name__}: {reason}") from error


# --- text from bytes -------------------------------------------------------------------------------------------


def texts_of(tokens: Iterable[bytes]) -> Iterator[str]:
    """The text that each token's bytes add, in UTF-8: a character appears when its last byte has come."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        yield decoder.decode(token)
    rest = decoder.decode(b"", final=True)
    if rest:
        yield rest


# --- special tokens --------------------------------------------------------------------------------------------


def split_at(names: Collection[str], text: str) -> list[str]:
    """The text, split wherever one of the names occurs: text, name, text, ..., text. The longest name wins."""
    if not names:
        return [text]
    longest_first = sorted(names, key=len, reverse=True)
    return re.split(f"({'|'.join(map(re.escape, longest_first))})", text)


def training_parts(name: str, text: str, special_tokens: Sequence[str]) -> list[str]:
    """The parts of a text between special tokens, so that nothing is learnt from their letters.

    Raises as `check_text` and `check_special_tokens` do.
    """
    check_text(name, text)
    check_special_tokens(special_tokens)
    return split_at(special_tokens, text)[::2]


def check_special_tokens(names: Collection[str]) -> None:
    """Raises TypeError unless this is a collection of str, ValueError for an empty, repeated or invalid name."""
    if isinstance(names, str):
        raise TypeError(f"special_tokens: expected a list of names; write [{names!r}]")
    for name in names:
        check_text("special_tokens", name)
        if not name:
            raise ValueError("special_tokens: a name must not be empty")
    if len(set(names)) < len(names):
        raise ValueError(f"special_tokens: a name occurs twice in {list(names)}")


# --- arguments -------------------------------------------------------------------------------------------------


def check_text(name: str, text: str) -> None:
    """Raises TypeError unless the text is a str, ValueError if it contains a lone surrogate."""
    if not isinstance(text, str):
        remedy = "; write file.read()" if hasattr(text, "read") else ""
        raise TypeError(f"{name}: expected a str, not {type(text).__name__}{remedy}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: position {error.start} holds {text[error.start]!r}, a lone surrogate (half of a character); "
            'replace it by � with text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")'
        ) from None


def checked_ids(ids: Iterable[int], vocab_size: int, rows: int = 0) -> Iterator[int]:
    """The ids as ints. Raises TypeError for anything but integers, IndexError for an id outside the vocabulary.

    - `rows`: if larger, how many ids are accepted; those outside the vocabulary are left out.
    """
    try:
        given = iter(ids)
    except TypeError:  # a number, or an array without axes
        raise TypeError(f"decode: expected a sequence of ids, not {ids!r}; for one id write [{ids!r}]") from None
    for position, id in enumerate(given):
        try:
            id = operator.index(id)
        except TypeError:
            raise TypeError(f"decode: expected one row of integers, but position {position} holds {id!r}") from None
        if not 0 <= id < max(vocab_size, rows):
            raise IndexError(f"decode: id {id} at position {position} is out of range: ids are 0 to {vocab_size - 1}")
        if id < vocab_size:
            yield id


def vocabulary_room(name: str, vocab_size: int, special_tokens: Collection[str], least: int = 0) -> int:
    """How many tokens a vocabulary has besides special ones.

    Raises TypeError unless vocab_size is a Python or NumPy integer, ValueError if the room is below `least`.
    """
    try:
        room = operator.index(vocab_size) - len(special_tokens)
    except TypeError:
        raise TypeError(f"{name}: vocab_size must be a whole number, not {vocab_size!r}") from None
    if room < least:
        needed = f"{least} bytes and " if least else ""
        raise ValueError(
            f"{name}: vocab_size must be at least {least + len(special_tokens)}, for {needed}{len(special_tokens)} "
            f"special tokens, not {vocab_size}"
        )
    return room


@contextmanager
def located(where: str | Path) -> Iterator[None]:
    """Context manager: an error of values, or of their types, is a ValueError that begins with where they come from,
    such as a file."""
    try:
        yield
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(f"{where}: {error}") from None


def require(module: str, what: str, extra: str = "pretrained") -> Any:
    """A module of a package in an extra. Raises ImportError that says how to install what needs it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f'{what} needs the package {package}: pip install ".[{extra}]"') from error
