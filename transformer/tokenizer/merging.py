"""How byte pair encoding encodes: of all neighbours that can be merged, those whose merge was learnt first are.

h|e|l|l|o       the first learnt of h e, e l, l l, l o is h e
he|l|l|o        then of he l, l l, l o
he|ll|o         until no two neighbours have a merge
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush

from .learning import NONE, Pair


def merging(pieces: list[int], merges: Mapping[Pair, tuple[int, int]]) -> Iterator[Pair]:
    """Merge in place, yielding each pair once it is merged wherever it stood, from left to right.

    pieces: ids; what two become stands in the left one's place, and in the right one's NONE from then on.
    merges: pair -> (its place in the order, the id that it becomes).

    The neighbours that can be merged wait in a heap, and a merge makes only those next to it look anew, so the time
    grows with n log n. The heap may hold pairs that are no neighbours any more, which are passed over.
    """
    end = len(pieces)
    before, after = list(range(-1, end - 1)), list(range(1, end + 1))  # the neighbours of each place
    waiting: list[tuple[int, int, Pair]] = []  # the merge's place in the order, where its left piece stands, the pair

    def see(left: int) -> None:
        if left >= 0 and after[left] < end:
            pair = pieces[left], pieces[after[left]]
            if pair in merges:
                heappush(waiting, (merges[pair][0], left, pair))

    for place in range(end):
        see(place)
    while waiting:
        order, _, pair = waiting[0]
        merged = []
        while waiting and waiting[0][0] == order:
            left = heappop(waiting)[1]
            right = after[left]
            if right < end and (pieces[left], pieces[right]) == pair:
                pieces[left], pieces[right] = merges[pair][1], NONE
                after[left] = after[right]
                if after[right] < end:
                    before[after[right]] = left
                merged.append(left)
        for left in merged:
            see(before[left])
            see(left)
        if merged:
            yield pair


def left_of(pieces: Sequence[int]) -> list[int]:
    """The pieces without those that are gone."""
    return [id for id in pieces if id != NONE]
