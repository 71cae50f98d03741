"""What the three tokenizers have in common: text to ids and back, special tokens, files."""

from __future__ import annotations

import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from nn.files.json_files import read_json, write_json

UNKNOWN = "<unk>"  # the special token for what is not in the vocabulary


class Tokenizer(ABC):
    """Cuts text into tokens and numbers them: `encode` gives the ids 0 to n - 1, `decode` the text again.

    A special token, such as "<|endoftext|>", is one id that no text gives by chance: its name in a text is text like
    any other unless `allowed_special` says otherwise. So a user who types it cannot end a document.
    """

    kind: ClassVar[str]  # in the file that `save` writes

    def __init__(self, tokens: Sequence[str], special_tokens: Mapping[str, int]) -> None:
        """tokens: each id's token as text, special ones included.  special_tokens: name -> id."""
        self._tokens = list(tokens)
        self.special_tokens = dict(special_tokens)

    @property
    def vocab_size(self) -> int:
        """How many tokens there are, special ones included: the rows that an embedding needs."""
        return len(self._tokens)

    def token(self, id: int) -> str:
        """The token with an id, as text. Raises as `decode` does."""
        (id,) = self._checked([id])
        return self._tokens[id]

    @abstractmethod
    def _encode(self, text: str) -> list[int]:
        """The ids of text without special tokens."""

    @abstractmethod
    def _texts(self, ids: Iterable[int]) -> Iterator[str]:
        """What each id in the vocabulary adds to the text."""

    def encode(self, text: str, allowed_special: str | Collection[str] = ()) -> list[int]:
        """The ids of a text.

        allowed_special: the special tokens that become one id where the text has their name, or "all"; of two that
        begin at one place the longer. Raises TypeError unless the text is a str, ValueError if it has a lone surrogate
        or something that is not in the vocabulary, or if allowed_special names what is no special token.
        """
        ids: list[int] = []
        for part, special in self._parts("encode", text, allowed_special):
            ids += [self.special_tokens[part]] if special else self._encode(part)
        return ids

    def tokens(self, text: str, allowed_special: str | Collection[str] = ()) -> list[str]:
        """The tokens of a text, as text. Raises as `encode` does."""
        return [self._tokens[id] for id in self.encode(text, allowed_special)]

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = False) -> str:
        """The text of ids: of a list, an array or a tensor with one axis.

        Raises TypeError for what is no integer, IndexError for an id that is not in the vocabulary.
        """
        return "".join(self.stream(ids, skip_special_tokens))

    def stream(self, ids: Iterable[int], skip_special_tokens: bool = False) -> Iterator[str]:
        """The text of ids as they come, piece by piece. Joined, the pieces are what `decode` gives; it raises alike."""
        skipped = set(self.special_tokens.values()) if skip_special_tokens else ()
        return self._texts(id for id in self._checked(ids) if id not in skipped)

    def _checked(self, ids: Iterable[int]) -> Iterator[int]:
        try:
            given = iter(ids)
        except TypeError:  # a number, or an array without axes
            raise TypeError(f"decode: takes a sequence of ids, not {ids!r}; for one id write [{ids!r}]") from None
        for position, id in enumerate(given):
            try:
                id = operator.index(id)
            except TypeError:
                raise TypeError(
                    f"decode: ids are integers in one row, but at position {position} there is {id!r}"
                ) from None
            if not 0 <= id < self.vocab_size:
                raise IndexError(
                    f"decode: id {id} at position {position} is no token: the vocabulary has ids 0 to "
                    f"{self.vocab_size - 1}"
                )
            yield id

    def _parts(self, name: str, text: str, allowed_special: str | Collection[str]) -> Iterator[tuple[str, bool]]:
        """The text cut at the special tokens that are allowed, and of each part whether it is one."""
        check_text(name, text)
        if allowed_special == "all":
            allowed_special = self.special_tokens
        elif isinstance(allowed_special, str):
            allowed_special = (allowed_special,)
        for token in allowed_special:
            if token not in self.special_tokens:
                known = ", ".join(map(repr, self.special_tokens)) or "none"
                raise ValueError(f"{name}: allowed_special has {token!r}, and the special tokens are: {known}")
        return ((part, i % 2 == 1) for i, part in enumerate(split_at(allowed_special, text)))

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocab_size:,} tokens)"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._state() == self._state()

    __hash__ = None  # type: ignore[assignment]

    # --- files ---------------------------------------------------------------------------------------------

    @abstractmethod
    def _state(self) -> dict[str, list[str]]:
        """What the file holds: lists of texts."""

    @classmethod
    @abstractmethod
    def _from_state(cls, state: dict[str, list[str]]) -> Self:
        """The tokenizer whose `_state` it is. Raises ValueError, or KeyError for a list that is missing."""

    def save(self, path: str | Path) -> None:
        """Write a file of JSON, whole or not at all. Raises FileNotFoundError if there is no such folder."""
        write_json({"tokenizer": self.kind, **self._state()}, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The tokenizer in a file that `save` has written; `Tokenizer.load` takes each of the three.

        Raises FileNotFoundError if there is no such file, ValueError that names it if it is damaged or something else.
        """
        state = read_json(path)
        kind = state.get("tokenizer") if isinstance(state, dict) else None
        found = next((each for each in Tokenizer.__subclasses__() if each.kind == kind), None)
        if found is None:
            raise ValueError(f"{path} is JSON, but not a tokenizer that was written by save")
        if not issubclass(found, cls):
            raise ValueError(f"{path} holds a {found.__name__}, not a {cls.__name__}; load it with Tokenizer.load")
        del state["tokenizer"]
        try:
            for name, texts in state.items():
                if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                    raise ValueError(f"its {name} are not a list of texts")
            return found._from_state(state)
        except (ValueError, KeyError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{path} is not a whole {found.__name__}: {reason}") from error


# --- what else they share -------------------------------------------------------------------------------------


def check_text(name: str, text: str) -> None:
    """Raises TypeError unless it is a str, ValueError if it has a lone surrogate: a half of a character."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: takes a text, a str, not {type(text).__name__}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: at position {error.start} there is {text[error.start]!r}, a lone surrogate: half of a character, "
            'which is no text; text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") puts � for it'
        ) from None


def split_at(names: Collection[str], text: str) -> list[str]:
    """Text, name, text, ..., text: a text cut wherever one of the names stands, the longest that does."""
    if not names:
        return [text]
    longest_first = sorted(names, key=len, reverse=True)
    return re.split(f"({'|'.join(map(re.escape, longest_first))})", text)


def training_parts(name: str, text: str, special_tokens: Sequence[str]) -> list[str]:
    """The text to learn from, without the special tokens in it: nothing is learnt from their letters.

    Raises TypeError or ValueError for what is no text, or names that cannot be special tokens.
    """
    check_text(name, text)
    check_special_tokens(special_tokens)
    return split_at(special_tokens, text)[::2]


def check_special_tokens(names: Collection[str]) -> None:
    """Raises TypeError unless it is a list of names, ValueError unless each is a text and none comes twice."""
    if isinstance(names, str):
        raise TypeError(f"special_tokens: takes a list of names; write [{names!r}]")
    for name in names:
        check_text("special_tokens", name)
        if not name:
            raise ValueError("special_tokens: a name must have a character")
    if len(set(names)) < len(names):
        raise ValueError(f"special_tokens: a name comes twice in {list(names)}")


def looked_up(
    tokens: Iterable[str], ids: Mapping[str, int], unknown: int | None, complaint: Callable[[str], str]
) -> list[int]:
    """The id of each token, or `unknown` for what has none. Raises ValueError with the complaint if that is None."""
    if unknown is not None:
        return [ids.get(token, unknown) for token in tokens]
    try:
        return [ids[token] for token in tokens]
    except KeyError as error:
        raise ValueError(f'encode: {complaint(error.args[0])}, or with special_tokens=["{UNKNOWN}"]') from None


def whole(name: str, value: int) -> int:
    """The value as an int. Raises TypeError unless it is a whole number: an int or one of NumPy's."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a whole number, not {value!r}") from None


def numbered(
    name: str, vocabulary: Sequence[str], special_tokens: Sequence[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """(token -> id, special token -> id): the vocabulary in its order, then the special tokens.

    Raises TypeError or ValueError if a token comes twice or is no text.
    """
    check_special_tokens(special_tokens)
    ids: dict[str, int] = {}
    for id, token in enumerate([*vocabulary, *special_tokens]):
        check_text(name, token)
        if token in ids:
            raise ValueError(f"{name}: {token!r} comes twice")
        ids[token] = id
    return {token: ids[token] for token in vocabulary}, {token: ids[token] for token in special_tokens}
