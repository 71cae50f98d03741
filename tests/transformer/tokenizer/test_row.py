"""Row: tokens whose neighbours stay right while they are joined."""

from transformer.tokenizer.row import EMPTY, Row


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
