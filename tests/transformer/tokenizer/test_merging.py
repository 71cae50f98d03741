"""merging: with a heap and neighbours, what going through the whole word anew for each merge gives."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from naive_bpe import merge
from transformer.tokenizer.merging import left_of, merging


def anew(ids, merges):
    """The pairs merged and what each leaves, as Sennrich, Birch and Haddow's paper has it."""
    steps = []
    while known := [pair for pair in pairwise(ids) if pair in merges]:
        pair = min(known, key=merges.__getitem__)
        ids = merge(ids, pair, merges[pair][1])
        steps.append((pair, ids))
    return steps


@st.composite
def merges_and_ids(draw):
    """Merges in any order: one may come before those that make its pieces, and two may make the same."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12, unique=True))
    order = draw(st.permutations(range(len(pairs))))
    merges = {
        pair: (place, 3 + draw(st.integers(0, i))) for i, (pair, place) in enumerate(zip(pairs, order, strict=True))
    }
    # A token is longer than its pieces, so what a merge makes has the larger id.
    return {pair: made for pair, made in merges.items() if made[1] > max(pair)}, draw(st.lists(st.integers(0, 3)))


@given(merges_and_ids())
def test_merges_and_what_each_leaves_are_those_of_going_through_the_word_anew(case):
    merges, ids = case
    pieces = list(ids)
    assert [(pair, left_of(pieces)) for pair in merging(pieces, merges)] == anew(ids, merges)


def test_all_of_a_pair_are_merged_before_what_they_make_is_looked_at():
    # 0 0 0 0: the merge 1 1 was learnt before 0 0, which makes 1, but both of 0 0 come first.
    pieces = [0, 0, 0, 0, 0]
    assert list(merging(pieces, {(1, 1): (0, 2), (0, 0): (1, 1), (1, 0): (2, 3), (2, 0): (3, 4)})) == [
        (0, 0),
        (1, 1),
        (2, 0),
    ]
    assert left_of(pieces) == [4]
    pieces = [0, 0, 0, 0]
    assert list(merging(pieces, {(1, 0): (0, 2), (0, 0): (1, 1)})) == [(0, 0)]
    assert left_of(pieces) == [1, 1]
