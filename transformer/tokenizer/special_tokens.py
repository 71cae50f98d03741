"""Special tokens: where a text contains their names, and which names are allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from .checks import check_text


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
