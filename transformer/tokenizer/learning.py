"""Learning byte pair encoding: the most frequent pair of neighbouring tokens becomes a new token, again and again.

    words = the words of a text, each a list of bytes
    while the vocabulary is smaller than wanted:
        pair = the most frequent pair of neighbours in the words
        add the pair, joined, to the vocabulary
        replace the pair by the new token in all words

An example (from Wikipedia, "Byte-pair encoding"):

    aaabdaaabac     a a is the most frequent pair     Z = aa
    ZabdZabac       Z a and a b both occur twice       Y = ab
    ZYdZYac         Z Y occurs twice                   X = ZY
    XdXac           no pair occurs twice

Sources: P. Gage, "A new algorithm for data compression" (1994); R. Sennrich, B. Haddow and A. Birch, "Neural machine
translation of rare words with subword units" (2016), who use it for subwords.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import pairwise

from .row import EMPTY, Pair, Row


def learn_merges(words: Mapping[bytes, int], vocab_size: int) -> tuple[list[bytes], list[Pair]]:
    """The vocabulary (the bytes of each id) and the merges (pairs of ids, in the order learnt).

    - `words`: each word and how often it occurs.
    - `vocab_size`: at least 256; fewer tokens if no pair occurs twice any more.

    Ids 0 to 255 are the single bytes, and merge n makes the token 256 + n. Between equally frequent pairs, the smaller
    ids win. Pairs are counted once; each merge then updates the counts of the pairs next to it.

    No token is made twice: the same bytes are always merged in the same way, unless a merge crosses their ends.
    """
    vocabulary = [bytes([byte]) for byte in range(256)]
    merges: list[Pair] = []
    corpus = Corpus(words)
    counts = PairCounts()
    counts.add(corpus.pair_counts())
    while len(vocabulary) < vocab_size and (pair := counts.most_frequent()) is not None:
        merges.append(pair)
        counts.add(corpus.merge(pair, new=len(vocabulary)))
        vocabulary.append(vocabulary[pair[0]] + vocabulary[pair[1]])
    return vocabulary, merges


class PairCounts:
    """How often each pair occurs, and the most frequent pair.

    Each changed count goes onto a heap. Outdated entries stay there and are skipped when they reach the top.
    """

    def __init__(self) -> None:
        self._counts: Counter[Pair] = Counter()
        self._heap: list[tuple[int, Pair]] = []  # (-count, pair)

    def add(self, differences: Mapping[Pair, int]) -> None:
        """Add differences to the counts."""
        for pair, difference in differences.items():
            if difference:
                self._counts[pair] += difference
                heappush(self._heap, (-self._counts[pair], pair))

    def most_frequent(self) -> Pair | None:
        """The most frequent pair, the one with the smaller ids in a tie; None if no pair occurs twice."""
        while self._heap:
            negative, pair = heappop(self._heap)
            if -negative == self._counts[pair]:
                return pair if self._counts[pair] >= 2 else None
        return None


class Corpus(Row):
    """All words to learn from in one row, and the places of each pair.

    The time of a merge grows with the number of places of its pair, not with the length of the words.
    """

    def __init__(self, words: Mapping[bytes, int]) -> None:
        super().__init__(words)
        self._word_counts = [0]  # for each place, how often its word occurs
        for word, count in words.items():
            self._word_counts += [count] * (len(word) + 1)
        self._places: defaultdict[Pair, list[int]] = defaultdict(list)  # of the left token; some are outdated
        for left, pair in enumerate(pairwise(self.ids)):
            if EMPTY not in pair:
                self._places[pair].append(left)

    def pair_counts(self) -> Counter[Pair]:
        """How often each pair occurs, before the first merge."""
        return Counter({pair: sum(self._word_counts[left] for left in places) for pair, places in self._places.items()})

    def merge(self, pair: Pair, new: int) -> Counter[Pair]:
        """Replace the pair by the token `new` everywhere, from left to right. Returns the change of each pair's count.

        In x a b y, merging a b into c removes the pairs x a, a b and b y, and adds x c and c y.
        """
        ids, before, after, places = self.ids, self.before, self.after, self._places
        change: Counter[Pair] = Counter()
        for left in sorted(places.pop(pair)):
            right = after[left]
            if (ids[left], ids[right]) != pair:
                continue  # outdated: one of the two was merged with its other neighbour
            outer, beyond = before[left], after[right]
            count = self._word_counts[left]
            change[pair] -= count
            if ids[outer] != EMPTY:
                change[ids[outer], pair[0]] -= count
                change[ids[outer], new] += count
                places[ids[outer], new].append(outer)
            if ids[beyond] != EMPTY:
                change[pair[1], ids[beyond]] -= count
                change[new, ids[beyond]] += count
                places[new, ids[beyond]].append(left)
            self.join(left, new)
        return change
