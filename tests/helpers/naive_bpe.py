"""Byte pair encoding as one would say it: to merge is to go through the whole word."""

from collections.abc import Sequence

from transformer.tokenizer.learning import Pair


def merge(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """The ids with `new` for each such pair, from left to right: merge([1, 1, 1, 2], (1, 1), 9) is [9, 1, 2]."""
    merged = []
    i = 0
    while i < len(ids):
        if ids[i] == pair[0] and i + 1 < len(ids) and ids[i + 1] == pair[1]:
            merged.append(new)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged
