"""Byte pair encoding: rows of neighbours; merges learnt and applied as by the definition, in less time."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

import naive_bpe
from transformer.tokenizer.merges import EMPTY, Corpus, Row, apply_merges, learn_merges

A, B = b"ab"


def test_joining_leaves_a_gap_that_both_neighbours_skip():
    row = Row([b"hello"])
    h, e, o = b"heo"
    row.join(3, 256)
    assert row.ids == [EMPTY, h, e, 256, EMPTY, o, EMPTY]
    assert (row.after[3], row.before[5]) == (5, 3)
    row.join(3, 257)
    row.join(2, 258)
    assert row.tokens() == [h, 258]


def test_words_are_apart():
    row = Row([b"ab", b"", b"c"])
    assert row.ids == [EMPTY, *b"ab", EMPTY, EMPTY, *b"c", EMPTY]
    assert row.tokens() == list(b"abc")


# --- learning -----------------------------------------------------------------------------------------------


def test_wikipedias_example():
    vocabulary, merges = learn_merges({b"aaabdaaabac": 1}, 1000)
    aa, ab = 256, 257
    assert merges == [(A, A), (A, B), (aa, ab)]  # aa a occurs as often as a b, but has larger ids
    assert vocabulary[256:] == [b"aa", b"ab", b"aaab"]  # then no pair occurs twice


def test_a_word_counts_as_often_as_it_comes():
    assert learn_merges({b"ab": 2, b"ba": 3}, 1000)[1] == [(B, A), (A, B)]
    assert learn_merges({b"ab": 1, b"ba": 1}, 1000)[1] == []


def test_learning_stops_at_the_size_asked_for():
    for size, merges in ((256, []), (257, [(A, A)]), (258, [(A, A), (A, B)])):
        assert learn_merges({b"aaabdaaabac": 1}, size)[1] == merges


@given(
    st.dictionaries(st.text("aaabbc", max_size=12).map(str.encode), st.integers(1, 4), max_size=8),
    st.integers(256, 290),
)
def test_the_merges_are_the_naive_ones_and_no_token_is_made_twice(words, vocab_size):
    vocabulary, merges = learn_merges(words, vocab_size)
    assert (vocabulary, merges) == naive_bpe.learn_merges(words, vocab_size)
    assert len(set(vocabulary)) == len(vocabulary)


def test_the_merges_of_longer_text_are_the_naive_ones():
    draw = random.Random(0)
    words = {"".join(draw.choices("abcdefgh", [8, 7, 6, 5, 4, 3, 2, 1], k=draw.randrange(1, 9))) for _ in range(300)}
    counted = {word.encode(): draw.randrange(1, 50) for word in sorted(words)}
    learnt = learn_merges(counted, 400)
    assert learnt == naive_bpe.learn_merges(counted, 400)
    assert learnt == learn_merges(dict(reversed(counted.items())), 400)  # whatever the order of the words


@given(st.lists(st.sampled_from([b"aaab", b"bca", b"aaaaabbbb", b"c", b""]), unique=True), st.data())
def test_each_merge_leaves_the_tokens_of_the_naive_merge(words, data):
    corpus = Corpus(dict.fromkeys(words, 1))
    naive = [list(word) for word in words]
    for new in range(256, 262):
        pairs = sorted({pair for word in naive for pair in pairwise(word)})
        if not pairs:
            return
        pair = data.draw(st.sampled_from(pairs))
        corpus.merge(pair, new)
        naive = [naive_bpe.merge(word, pair, new) for word in naive]
        assert corpus.tokens() == [id for word in naive for id in word]


def test_a_merge_looks_at_the_places_of_its_pair_not_at_the_whole_word():
    class Counting(list):
        looks = 0
        __iter__ = None  # iterating over it fails

        def __getitem__(self, place):
            self.looks += 1
            return super().__getitem__(place)

    corpus = Corpus({b"x" * 1000 + b"ab" + b"y" * 1000: 1})
    corpus.ids = Counting(corpus.ids)
    corpus.merge((A, B), 256)
    assert list.count(corpus.ids, 256) == 1
    assert corpus.ids.looks < 20


# --- encoding -----------------------------------------------------------------------------------------------


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
