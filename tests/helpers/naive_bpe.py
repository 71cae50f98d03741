"""Byte pair encoding as its definition says: count all pairs again for each merge, and go through every word."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from transformer.tokenizer.merges import Pair


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


def learn_merges(words: Mapping[bytes, int], vocab_size: int) -> tuple[list[bytes], list[Pair]]:
    """(vocabulary, merges), as from `transformer.tokenizer.merges.learn_merges`."""
    rows = [(list(word), count) for word, count in words.items()]
    vocabulary = [bytes([byte]) for byte in range(256)]
    merges = []
    while len(vocabulary) < vocab_size:
        counts: Counter[Pair] = Counter()
        for ids, often in rows:
            for pair in pairwise(ids):
                counts[pair] += often
        most = max(counts.values(), default=0)
        if most < 2:
            break
        pair = min(pair for pair, count in counts.items() if count == most)
        rows = [(merge(ids, pair, len(vocabulary)), often) for ids, often in rows]
        vocabulary.append(vocabulary[pair[0]] + vocabulary[pair[1]])
        merges.append(pair)
    return vocabulary, merges


def apply_merges(ids: Sequence[int], merges: Mapping[Pair, tuple[int, int]]) -> list[tuple[Pair, list[int]]]:
    """The pairs merged and the ids after each: of the neighbours that have a merge, the lowest rank goes first."""
    steps = []
    while known := [pair for pair in pairwise(ids) if pair in merges]:
        pair = min(known, key=merges.__getitem__)
        ids = merge(ids, pair, merges[pair][1])
        steps.append((pair, ids))
    return steps
