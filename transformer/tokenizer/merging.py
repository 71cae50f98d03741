"""Encoding with byte pair encoding: among the pairs of neighbours that have a merge, the one learnt first is merged.

For example:

    h|e|l|l|o       of h e, e l, l l and l o, the merge h e was learnt first
    he|l|l|o        of he l, l l and l o, the merge l l was learnt first
    he|ll|o         and so on, until no two neighbours have a merge
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush

from .row import Pair, Row


def apply_merges(row: Row, merges: Mapping[Pair, tuple[int, int]]) -> Iterator[Pair]:
    """Apply the merges to a row in place. Yields each pair after it was merged everywhere, from left to right.

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
        rank, _, pair = candidates[0]
        merged = []
        while candidates and candidates[0][0] == rank:
            left = heappop(candidates)[1]
            if (ids[left], ids[after[left]]) == pair:  # else outdated
                row.join(left, merges[pair][1])
                merged.append(left)
        for left in merged:
            add_candidate(before[left])
            add_candidate(left)
        if merged:
            yield pair
