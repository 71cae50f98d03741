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
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise

Pair = tuple[int, int]
NONE = -1  # stands between two words, and in the place of a piece that went into its left neighbour


def learn_merges(words: Mapping[bytes, int], vocab_size: int) -> tuple[list[bytes], list[Pair]]:
    """(each id's bytes, the pairs in the order in which they are to be merged) from words and how often each comes.

    A byte is its own id. Of equally frequent pairs the one of smaller ids is merged. Ends with `vocab_size` tokens, or
    earlier when no pair comes twice.

    Counted is once. A merge changes the counts of the pairs around it, and only these are put right; the heap may then
    hold old counts of a pair, which are passed over.
    """
    vocabulary = [bytes([byte]) for byte in range(256)]
    ids = {token: id for id, token in enumerate(vocabulary)}
    merges: list[Pair] = []

    row = Row(words)
    counts = row.counts()
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
        for changed, difference in row.merge(pair, ids[token]).items():
            if difference:
                counts[changed] += difference
                heappush(heap, (-counts[changed], changed))
    return vocabulary, merges


class Row:
    """All words in one row of pieces, where each knows its neighbours and each pair its places.

    So a merge takes as long as the pair has places, however long the words are.
    """

    def __init__(self, words: Mapping[bytes, int]) -> None:
        self.pieces = [NONE]
        self.often = [0]  # how often the word comes that a piece belongs to
        for word, count in words.items():
            self.pieces += [*word, NONE]
            self.often += [count] * (len(word) + 1)
        n = len(self.pieces)
        self.before, self.after = list(range(-1, n - 1)), list(range(1, n + 1))
        self.places: defaultdict[Pair, list[int]] = defaultdict(list)  # of its left piece; some are out of date
        for left, pair in enumerate(pairwise(self.pieces)):
            if NONE not in pair:
                self.places[pair].append(left)

    def counts(self) -> Counter[Pair]:
        """How often each pair comes, as long as nothing is merged."""
        return Counter({pair: sum(self.often[left] for left in places) for pair, places in self.places.items()})

    def merge(self, pair: Pair, new: int) -> Counter[Pair]:
        """Put `new` for each such pair, from left to right. Gives what this adds to the count of each pair."""
        pieces, before, after, places = self.pieces, self.before, self.after, self.places
        added: Counter[Pair] = Counter()
        for left in sorted(places.pop(pair)):
            right = after[left]
            if (pieces[left], pieces[right]) != pair:
                continue  # one of them was merged with another neighbour
            outer, beyond = before[left], after[right]
            often = self.often[left]
            added[pair] -= often
            if pieces[outer] != NONE:
                added[pieces[outer], pair[0]] -= often
                added[pieces[outer], new] += often
                places[pieces[outer], new].append(outer)
            if pieces[beyond] != NONE:
                added[pair[1], pieces[beyond]] -= often
                added[new, pieces[beyond]] += often
                places[new, pieces[beyond]].append(left)
            pieces[left], pieces[right] = new, NONE
            after[left], before[beyond] = beyond, left
        return added
