"""Byte pair encoding, the algorithm: learning merges from words, and applying them to a word.

Learning: the most frequent pair of neighbouring tokens becomes a new token, again and again.

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

Encoding: among the pairs of neighbours that have a merge, the one learnt first is merged.

    h|e|l|l|o       of h e, e l, l l and l o, the merge h e was learnt first
    he|l|l|o        of he l, l l and l o, the merge l l was learnt first
    he|ll|o         and so on, until no two neighbours have a merge
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise

Pair = tuple[int, int]  # the ids of two neighbouring tokens
EMPTY = -1  # a place without a token: before, between and after words, and where a merge left a gap


class Row:
    """Words side by side, as token ids, in a doubly linked list: a merge touches its two neighbours only.

    It puts the new token in the left place and empties the right one.

        place       0  1  2  3  4  5  6
        ids         -  h  e  l  l  o  -
        join(3)     -  h  e  ll -  o  -         after[3] is now 5, and before[5] is 3

    - `ids`: the token at each place, or EMPTY.
    - `before`, `after`: the place of the previous and of the next token.
    """

    def __init__(self, words: Iterable[Iterable[int]]) -> None:
        self.ids = [EMPTY]
        for word in words:
            self.ids += word
            self.ids.append(EMPTY)
        n = len(self.ids)
        self.before, self.after = list(range(-1, n - 1)), list(range(1, n + 1))

    def join(self, left: int, new: int) -> None:
        """Replace the token at place `left` and the next one by the token `new`."""
        right = self.after[left]
        beyond = self.after[right]
        self.ids[left], self.ids[right] = new, EMPTY
        self.after[left], self.before[beyond] = beyond, left

    def tokens(self) -> list[int]:
        """The ids of all tokens, without empty places."""
        return [id for id in self.ids if id != EMPTY]


# --- learning --------------------------------------------------------------------------------------------------


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
    counts: Counter[Pair] = Counter()
    heap: list[tuple[int, Pair]] = []  # (-count, pair); an outdated count is skipped when it reaches the top
    changes = corpus.pair_counts()
    while len(vocabulary) < vocab_size:
        for pair, change in changes.items():
            if change:
                counts[pair] += change
                heappush(heap, (-counts[pair], pair))
        while heap and -heap[0][0] != counts[heap[0][1]]:
            heappop(heap)
        if not heap or heap[0][0] > -2:
            break
        _, pair = heappop(heap)
        merges.append(pair)
        changes = corpus.merge(pair, new=len(vocabulary))
        vocabulary.append(vocabulary[pair[0]] + vocabulary[pair[1]])
    return vocabulary, merges


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


# --- encoding --------------------------------------------------------------------------------------------------


def apply_merges(row: Row, merges: Mapping[Pair, tuple[int, int]]) -> None:
    """Apply the merges to a row in place.

    - `merges`: pair -> (rank, new id). The rank is the merge's place in the order in which merges were learnt.

    The candidates wait in a heap, and a merge adds at most two new ones, so n tokens take O(n log n) steps. Outdated
    candidates are skipped when they reach the top.
    """
    ids, before, after = row.ids, row.before, row.after
    candidates: list[tuple[int, int, Pair]] = []  # (rank, place of the left token, pair)

    def add_candidate(left: int) -> None:
        pair = ids[left], ids[after[left]]
        if pair in merges:  # never with EMPTY
            heappush(candidates, (merges[pair][0], left, pair))

    for place in range(len(ids) - 1):
        add_candidate(place)
    while candidates:
        _, left, pair = heappop(candidates)
        if (ids[left], ids[after[left]]) == pair:  # else outdated
            row.join(left, merges[pair][1])
            add_candidate(before[left])
            add_candidate(left)


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
        if not {left, right} <= ordinary or (token := vocabulary[left] + vocabulary[right]) not in ids:
            raise ValueError(f"BPETokenizer: merge {rank + 1}, of ids {left} and {right}, makes no ordinary token")
        table[left, right] = rank, ids[token]
    return table
