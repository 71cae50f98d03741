"""Vocabularies: tokens and their ids, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from .checks import check_text
from .row import Pair
from .special_tokens import check_special_tokens

UNKNOWN = "<unk>"  # the special token for text that is not in the vocabulary


# --- of characters or words ---------------------------------------------------------------------------------


def numbered(
    name: str, vocabulary: Sequence[str], special_tokens: Sequence[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """(token -> id, special token -> id): the vocabulary in its order, then the special tokens.

    Raises TypeError for a token that is not a str, ValueError for one that occurs twice.
    """
    check_special_tokens(special_tokens)
    ids: dict[str, int] = {}
    for id, token in enumerate([*vocabulary, *special_tokens]):
        check_text(name, token)
        if token in ids:
            raise ValueError(f"{name}: {token!r} occurs twice")
        ids[token] = id
    return {token: ids[token] for token in vocabulary}, {token: ids[token] for token in special_tokens}


def look_up(
    tokens: Iterable[str], ids: Mapping[str, int], unknown: int | None, describe: Callable[[str], str]
) -> list[int]:
    """The id of each token, or the id `unknown` for a token without one.

    Raises ValueError if `unknown` is None, with a message that begins with the description of the token.
    """
    if unknown is not None:
        return [ids.get(token, unknown) for token in tokens]
    try:
        return [ids[token] for token in tokens]
    except KeyError as error:
        raise ValueError(
            f'encode: {describe(error.args[0])}; train on a text that contains it, or with special_tokens=["{UNKNOWN}"]'
        ) from None


# --- of byte pair encoding ----------------------------------------------------------------------------------


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


def merge_table(
    merges: Sequence[Pair], vocabulary: Sequence[bytes], ids: Mapping[bytes, int]
) -> dict[Pair, tuple[int, int]]:
    """pair -> (rank, new id): each merge's place in the order, and the id of the token that it makes.

    - `ids`: from `ordinary_ids`.

    Raises ValueError for a merge that occurs twice, or whose parts or result are not ordinary tokens.
    """
    ordinary = set(ids.values())
    table: dict[Pair, tuple[int, int]] = {}
    for rank, (left, right) in enumerate(merges):
        if (left, right) in table:
            raise ValueError(f"BPETokenizer: the merge of ids {left} and {right} occurs twice")
        for id in (left, right):
            if id not in ordinary:
                raise ValueError(f"BPETokenizer: merge {rank + 1} has id {id}, which is not an ordinary token")
        token = vocabulary[left] + vocabulary[right]
        if token not in ids:
            raise ValueError(f"BPETokenizer: ids {left} and {right} merge to {token!r}, which is not an ordinary token")
        table[left, right] = rank, ids[token]
    return table
