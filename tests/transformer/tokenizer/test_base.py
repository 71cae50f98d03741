"""What all tokenizers keep, and the word tokenizer."""

import copy

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_lecture as tl
from transformer import BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer
from transformer.tokenizer.word import words

TEXT = "Was the bank flooded? The river bank was. 🙂 naïve, naïve!"
END, PAD = "<|endoftext|>", "<pad>"
KINDS = {
    "characters": CharTokenizer.train(TEXT + END, [END, PAD]),
    "words": WordTokenizer.train(TEXT + END, special_tokens=[END, PAD, "<unk>"]),
    "bytes": BPETokenizer.train(TEXT + END, 280, [END, PAD]),
}


@pytest.fixture(params=KINDS)
def t(request):
    return KINDS[request.param]


def test_ids_are_in_range_and_decode_to_the_text(t):
    ids = t.encode(TEXT)
    assert all(type(id) is int and 0 <= id < t.vocab_size for id in ids)
    assert t.decode(ids).replace(" ", "") == TEXT.replace(" ", "")
    assert len(t) == t.vocab_size
    assert t.tokens(TEXT) == [t.token(id) for id in ids]
    assert t.encode("") == [] and t.decode([]) == "" and t.tokens("") == []


def test_a_special_token_is_one_id_only_where_it_is_allowed(t):
    text = f"the bank{END}was"
    plain = t.encode("the bank") + [t.special_tokens[END]] + t.encode("was")
    assert t.encode(text, allowed_special=[END]) == t.encode(text, END) == t.encode(text, "all") == plain
    assert END in t.decode(plain)
    assert END not in t.decode(plain, skip_special_tokens=True)
    assert t.tokens(text, "all").count(END) == 1
    assert t.special_tokens[END] not in t.encode(text.replace(END, "bank"), "all")


@pytest.mark.parametrize("size", ["300", 300.0, [300]])
@pytest.mark.parametrize("kind", [BPETokenizer, WordTokenizer])
def test_a_vocabulary_has_a_whole_number_of_tokens(kind, size):
    with pytest.raises(TypeError, match=rf"{kind.__name__}\.train: vocab_size must be a whole number, not"):
        kind.train(TEXT, vocab_size=size)
    assert kind.train(TEXT, vocab_size=np.int64(300)) == kind.train(TEXT, vocab_size=300)


@pytest.mark.parametrize("make", [CharTokenizer, WordTokenizer])
def test_unknown_text_becomes_the_unk_token_if_there_is_one(make):
    t = make(["a", "b"], special_tokens=["<unk>", END])
    assert t.encode("acb") == [0, 2, 1] if make is CharTokenizer else t.encode("a c b") == [0, 2, 1]
    assert t.tokens(f"a<unk>{END}", "all") == ["a", "<unk>", END]
    with pytest.raises(ValueError, match=r"'c' .*text that contains it, or with special_tokens=\[\"<unk>\"\]"):
        make(["a", "b"], special_tokens=[END]).encode("c")


def test_the_longer_of_two_special_tokens_is_taken(t):
    t = copy.copy(t)
    t.special_tokens = {"<a>": 0, "<a><b>": 1, "<b>": 2}
    assert t.encode("<a><b><a><b>", "all") == [1, 1]
    assert t.encode("<a><b>", ["<b>", "<a>"]) == [0, 2]


def test_allowing_an_unknown_special_token_is_refused(t):
    with pytest.raises(ValueError, match=r"allowed_special contains '<eos>'; the special tokens are"):
        t.encode("the", allowed_special={"<eos>"})


@pytest.mark.parametrize("bad", [b"bytes", None, ["the"], 5])
def test_anything_but_a_str_is_refused(t, bad):
    with pytest.raises(TypeError, match=f"expected a str, not {type(bad).__name__}"):
        t.encode(bad)
    with pytest.raises(TypeError, match=f"expected a str, not {type(bad).__name__}"):
        type(t).train(bad, **({"vocab_size": 300} if t.kind == "bytes" else {}))


def test_a_lone_surrogate_is_refused_with_its_position(t):
    for call in (t.encode, t.tokens):
        with pytest.raises(ValueError, match=r"position 3 holds '\\ud83d', a lone surrogate"):
            call("the\ud83d")


def test_bad_ids_are_refused_with_their_position(t):
    n = t.vocab_size
    for bad in (n, -1):
        with pytest.raises(IndexError, match=f"id {bad} at position 1 is out of range: ids are 0 to"):
            t.decode([0, bad])
        with pytest.raises(IndexError, match=f"id {bad} "):
            t.token(bad)
    for bad in (1.5, "1", [1], np.array([1, 2])):
        with pytest.raises(TypeError, match="expected one row of integers, but position 0 holds"):
            t.decode([bad])
    for bad in (5, np.array(5), tl.tensor(5)):
        with pytest.raises(TypeError, match=r"expected a sequence of ids, not .*5\)?; for one id write \[.*5\)?\]"):
            t.decode(bad)


def test_a_stream_gives_each_piece_as_its_id_comes(t):
    ids = t.encode(TEXT)
    seen = []
    texts = []
    for piece in t.stream(seen.append(id) or id for id in ids):
        texts.append((len(seen), piece))
    assert "".join(piece for _, piece in texts) == t.decode(ids)
    assert [n for n, _ in texts] == list(range(1, len(ids) + 1))


@given(st.lists(st.integers(0, 269), max_size=20))
def test_invalid_utf8_becomes_replacement_characters_streamed_or_not(ids):
    t = KINDS["bytes"]
    expected = b"".join(t.vocabulary[id] for id in ids).decode("utf-8", "replace")
    assert t.decode(ids) == "".join(t.stream(ids)) == expected


# --- files ---------------------------------------------------------------------------------------------------


def test_a_saved_tokenizer_is_the_same_when_loaded(t, tmp_path):
    path = tmp_path / "t.json"
    t.save(path)
    for loaded in (Tokenizer.load(path), type(t).load(str(path))):
        assert loaded == t
        assert type(loaded) is type(t)
        assert loaded.special_tokens == t.special_tokens
        assert loaded.encode(TEXT + END, "all") == t.encode(TEXT + END, "all")
    assert "ï" in path.read_text(encoding="utf-8") or t.kind == "bytes"
    assert list(tmp_path.iterdir()) == [path]


def test_loading_another_kind_says_which_it_is(t, tmp_path):
    t.save(tmp_path / "t.json")
    other = CharTokenizer if t.kind != "characters" else WordTokenizer
    with pytest.raises(ValueError, match=rf"t\.json holds a {type(t).__name__}, not a {other.__name__}"):
        other.load(tmp_path / "t.json")


def test_files_that_are_not_there_are_named(t, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.json"):
        Tokenizer.load(tmp_path / "none.json")
    with pytest.raises(FileNotFoundError, match="is a folder, not a file"):
        Tokenizer.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        t.save(tmp_path / "none" / "t.json")
    for folder in (tmp_path, "."):
        with pytest.raises(IsADirectoryError, match="it is a folder; give the path of a file"):
            t.save(folder)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ("<pad>", TypeError, r"expected a list of names; write \['<pad>'\]"),
        ([5], TypeError, "expected a str"),
        ([""], ValueError, "must not be empty"),
        (["<a>", "<a>"], ValueError, "occurs twice"),
        (["\ud800"], ValueError, "lone surrogate"),
    ],
)
def test_bad_names_of_special_tokens_are_refused(t, names, error, message):
    with pytest.raises(error, match=f"special_tokens: .*{message}"):
        type(t).train(TEXT, special_tokens=names, **({"vocab_size": 300} if t.kind == "bytes" else {}))


UNICODE = st.text(st.characters(exclude_categories=["Cs"]))


def test_characters_are_numbered_in_the_order_of_their_code_points():
    t = CharTokenizer.train("hello")
    assert t.characters == ["e", "h", "l", "o"]
    assert t.encode("hole") == [1, 3, 2, 0]
    assert t.decode([1, 3, 2, 0]) == "hole"
    assert t.tokens("hole") == ["h", "o", "l", "e"]
    assert len(t) == t.vocab_size == 4


def test_an_alphabet_of_more_than_characters_is_refused():
    with pytest.raises(ValueError, match="'bc' is not a single character"):
        CharTokenizer(["a", "bc"])
    with pytest.raises(ValueError, match="'a' occurs twice"):
        CharTokenizer("aba")
    with pytest.raises(ValueError, match="'a' occurs twice"):
        CharTokenizer("ab", special_tokens=["a"])


# --- words --------------------------------------------------------------------------------------------------


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


def test_a_vocabulary_of_more_than_words_is_refused():
    with pytest.raises(ValueError, match="'the bank' is not one word but the / bank"):
        WordTokenizer(["the bank"])
    with pytest.raises(ValueError, match="' ' is not one word but none"):
        WordTokenizer([" "])
    with pytest.raises(ValueError, match="'a' occurs twice"):
        WordTokenizer(["a", "b", "a"])
