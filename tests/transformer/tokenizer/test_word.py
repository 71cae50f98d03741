"""CharTokenizer and WordTokenizer: a token for each character, or for each word and sign."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer import CharTokenizer, WordTokenizer
from transformer.tokenizer.word import words

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))


def test_characters_are_numbered_in_the_order_of_their_code_points():
    t = CharTokenizer.train("hello")
    assert t.characters == ["e", "h", "l", "o"]
    assert t.encode("hole") == [1, 3, 2, 0]
    assert t.decode([1, 3, 2, 0]) == "hole"
    assert t.tokens("hole") == ["h", "o", "l", "e"]
    assert len(t) == t.vocab_size == 4


def test_an_alphabet_may_be_given_in_another_order():
    assert CharTokenizer("0123456789+=").encode("1+2=") == [1, 10, 2, 11]


@given(UNICODE, st.data())
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


# --- words --------------------------------------------------------------------------------------------------


def test_the_lectures_sentence():
    t = WordTokenizer.train("Was the bank flooded?")
    assert t.tokens("Was the bank flooded?") == ["Was", "the", "bank", "flooded", "?"]
    assert t.decode(t.encode("Was the bank flooded?")) == "Was the bank flooded?"
    assert t.words == ["?", "Was", "bank", "flooded", "the"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't, or don’t", ["don't", ",", "or", "don’t"]),
        ("the dogs' bowl", ["the", "dogs", "'", "bowl"]),
        ("well-known (2+3=5)", ["well", "-", "known", "(", "2", "+", "3", "=", "5", ")"]),
        ("cafe\u0301 café", ["café", "café"]),
        (" \n\t\u00a0", []),
        ("a\x00🙂", ["a", "\x00", "🙂"]),
    ],
)
def test_what_is_a_word(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Well, is (this) fine? Yes; 5% of it: fine!",
        "He said don't [sic], and left...",
        "a - b",
    ],
)
def test_decoded_text_can_be_read(text):
    t = WordTokenizer.train(text)
    assert t.decode(t.encode(text)) == text


@given(UNICODE | st.text(st.sampled_from("ab '’.,?!()[] \n\u0301é-_1")))
def test_decoded_text_has_the_same_words(text):
    t = WordTokenizer.train(text)
    assert t.encode(t.decode(t.encode(text))) == t.encode(text)
    assert words(t.decode(t.encode(text))) == t.tokens(text) == words(text)


def test_frequent_words_come_first_and_the_rarest_are_left_out():
    t = WordTokenizer.train("b a c b a b", vocab_size=3, special_tokens=["<unk>"])
    assert t.words == ["b", "a"]
    assert t.encode("a b c d") == [1, 0, 2, 2]
    assert t.decode(t.encode("a b c d")) == "a b <unk> <unk>"
    assert WordTokenizer.train("b a c b a b").words == ["b", "a", "c"]
    assert WordTokenizer.train("b a", vocab_size=9).words == ["a", "b"]


def test_an_unknown_word_is_named():
    with pytest.raises(
        ValueError, match=r"word 'robbed' is not in the vocabulary of 5 words; .*special_tokens=\[\"<unk>"
    ):
        WordTokenizer.train("Was the bank flooded?").encode("Was the bank robbed?")


def test_no_room_for_the_special_tokens_is_refused():
    with pytest.raises(ValueError, match="vocab_size 1 is too small for 2 special tokens"):
        WordTokenizer.train("a b", vocab_size=1, special_tokens=["<unk>", "<pad>"])
    assert len(WordTokenizer.train("a b", vocab_size=2, special_tokens=["<unk>", "<pad>"])) == 2


def test_a_vocabulary_of_more_than_words_is_refused():
    with pytest.raises(ValueError, match="'the bank' is not one word but the / bank"):
        WordTokenizer(["the bank"])
    with pytest.raises(ValueError, match="' ' is not one word but none"):
        WordTokenizer([" "])
    with pytest.raises(ValueError, match="'a' occurs twice"):
        WordTokenizer(["a", "b", "a"])


def test_accents_and_vowel_signs_stay_with_their_letters():
    assert words("हिन्दी भाषा, q\u0303uick é e\u0301") == ["हिन्दी", "भाषा", ",", "q\u0303uick", "é", "é"]
