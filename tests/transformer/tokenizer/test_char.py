"""CharTokenizer: a token for each character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer import CharTokenizer

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_characters_are_numbered_in_the_order_of_their_code_points():
    t = CharTokenizer.train("hello")
    assert t.characters == ["e", "h", "l", "o"]
    assert t.encode("hole") == [1, 3, 2, 0]
    assert t.decode([1, 3, 2, 0]) == "hole"
    assert t.tokens("hole") == ["h", "o", "l", "e"]
    assert len(t) == t.vocab_size == 4


def test_an_alphabet_may_be_given_in_another_order():
    assert CharTokenizer("0123456789+=").encode("1+2=") == [1, 10, 2, 11]


@given(TEXTS, st.data())
def test_any_text_of_the_alphabet_makes_the_round_trip(text, data):
    t = CharTokenizer.train(text)
    other = data.draw(st.text(st.sampled_from(t.characters))) if t.characters else ""
    for each in (text, other):
        assert len(t.encode(each)) == len(each)
        assert t.decode(t.encode(each)) == each


def test_an_unknown_character_is_named():
    with pytest.raises(ValueError, match=r"'é' \(U\+00E9\) is not in the vocabulary of 4 characters"):
        CharTokenizer.train("hello").encode("hélo")
    with pytest.raises(ValueError, match=r"'\\n' \(U\+000A\)"):
        CharTokenizer.train("hello").encode("hello\n")


def test_an_alphabet_of_more_than_characters_is_refused():
    with pytest.raises(ValueError, match="'bc' is not a single character"):
        CharTokenizer(["a", "bc"])
    with pytest.raises(ValueError, match="'a' occurs twice"):
        CharTokenizer("aba")
    with pytest.raises(ValueError, match="'a' occurs twice"):
        CharTokenizer("ab", special_tokens=["a"])
