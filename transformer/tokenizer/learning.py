"""How byte pair encoding learns: the most frequent pair of neighbours becomes a token, again and again.

    aaabdaaabac     a a comes most often          Z = aa
    ZabdZabac       Z a and a b come twice        Y = ab
    ZYdZYac         Z Y comes twice               X = ZY
    XdXac           no pair comes twice

P. Gage, "A new algorithm for data compression" (1994); R. Sennrich, B. Haddow and A. Birch, "Neural machine translation
of rare words with subword units" (2016), for pieces of words. The example is Wikipedia's, "Byte-pair encoding".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

Pair = tuple[int, int]


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
    """(each id's bytes, the pairs in the order in which they are to be merged) from words and how often each comes.

    A byte is its own id. Of equally frequent pairs the one of smaller ids is merged. Ends with `vocab_size` tokens, or
    earlier when no pair comes twice.

    Counted is once. A merge changes the counts of the pairs around it, in the words that have it, and only these are
    put right; the heap may then hold old counts of a pair, which are passed over.
    """
    vocabulary = [bytes([byte]) for byte in range(256)]
    ids = {token: id for id, token in enumerate(vocabulary)}
    merges: list[Pair] = []

    pieces = [list(word) for word in words]
    often = list(words.values())
    counts: Counter[Pair] = Counter()
    having: defaultdict[Pair, set[int]] = defaultdict(set)  # pair -> the words that have it
    for w, word in enumerate(pieces):
        for pair in pairwise(word):
            counts[pair] += often[w]
            having[pair].add(w)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapify(heap)

    while len(vocabulary) < vocab_size and heap:
        count, pair = heappop(heap)
        if -count != counts[pair]:
            continue
        if -count < 2:
            break
        token = vocabulary[pair[0]] + vocabulary[pair[1]]
        if token not in ids:  # else another pair makes it too
            ids[token] = len(vocabulary)
            vocabulary.append(token)
        merges.append(pair)

        change: Counter[Pair] = Counter()
        for w in having.pop(pair):
            for old in pairwise(pieces[w]):
                change[old] -= often[w]
            pieces[w] = merge(pieces[w], pair, ids[token])
            for new in pairwise(pieces[w]):
                change[new] += often[w]
                having[new].add(w)
        for changed, difference in change.items():
            if difference:
                counts[changed] += difference
                heappush(heap, (-counts[changed], changed))
    return vocabulary, merges
