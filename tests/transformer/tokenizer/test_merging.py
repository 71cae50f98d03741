"""apply_merges: with a heap and neighbours, the same as going through the whole word for each merge."""

from hypothesis import given
from hypothesis import strategies as st

import naive_bpe
from transformer.tokenizer.merging import apply_merges
from transformer.tokenizer.row import Row


@st.composite
def merges_and_ids(draw):
    """Merges in any order: one may rank before those that make its parts, and two may make the same token."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12, unique=True))
    order = draw(st.permutations(range(len(pairs))))
    merges = {
        pair: (rank, 3 + draw(st.integers(0, i))) for i, (pair, rank) in enumerate(zip(pairs, order, strict=True))
    }
    # A token is longer than its parts, so the result of a merge has the larger id.
    return {pair: made for pair, made in merges.items() if made[1] > max(pair)}, draw(st.lists(st.integers(0, 3)))


@given(merges_and_ids())
def test_merges_and_the_ids_after_each_are_the_naive_ones(case):
    merges, ids = case
    row = Row([ids])
    assert [(pair, row.tokens()) for pair in apply_merges(row, merges)] == naive_bpe.apply_merges(ids, merges)


def test_a_pair_is_merged_everywhere_before_its_results_are_looked_at():
    # In 0 0 0 0, the merge 1 1 ranks before 0 0, which makes 1, but both pairs 0 0 come first.
    row = Row([[0, 0, 0, 0, 0]])
    merges = {(1, 1): (0, 2), (0, 0): (1, 1), (1, 0): (2, 3), (2, 0): (3, 4)}
    assert list(apply_merges(row, merges)) == [(0, 0), (1, 1), (2, 0)]
    assert row.tokens() == [4]
    row = Row([[0, 0, 0, 0]])
    assert list(apply_merges(row, {(1, 0): (0, 2), (0, 0): (1, 1)})) == [(0, 0)]
    assert row.tokens() == [1, 1]
