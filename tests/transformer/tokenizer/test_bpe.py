"""BPETokenizer: what it learns, what it encodes, what it explains."""

import copy
import random
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive_bpe import merge
from transformer import BPETokenizer
from transformer.tokenizer import bpe
from transformer.tokenizer.learning import Row, learn_merges

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from("aab 'st\n\t1.🙂é"))
CORPUS = "Was the bank flooded? The bank by the river was flooded, the other bank was not. " * 3


# --- learning --------------------------------------------------------------------------------------------------


def test_wikipedias_example_merge_by_merge():
    t = BPETokenizer.train("aaabdaaabac", vocab_size=1000)
    a, b = ord("a"), ord("b")
    aa, ab, aaab = 256, 257, 258
    assert t.merges[0] == (a, a)
    assert t.merges[1] == (a, b)  # aa a comes twice as well, but has the larger ids
    assert t.merges[2] == (aa, ab)
    assert len(t.merges) == 3  # then no pair comes twice
    assert t.vocabulary[256:] == [b"aa", b"ab", b"aaab"]
    assert t.vocab_size == 259
    assert t.encode("aaabdaaabac") == [aaab, ord("d"), aaab, a, ord("c")]
    assert t.tokens("aaabdaaabac") == ["aaab", "d", "aaab", "a", "c"]


def test_training_stops_at_the_size_asked_for():
    for size in (256, 257, 258, 259):
        t = BPETokenizer.train("aaabdaaabac", size)
        assert (t.vocab_size, len(t.merges)) == (size, size - 256)
    t = BPETokenizer.train("aaabdaaabac", 259, ["<pad>"])
    assert (t.vocab_size, len(t.merges), t.special_tokens) == (259, 2, {"<pad>": 258})


def naive_merges(words, vocab_size):
    """As `learn_merges`, but all pairs are counted anew for each merge."""
    words = [(list(word), count) for word, count in words.items()]
    vocabulary = [bytes([byte]) for byte in range(256)]
    merges = []
    while len(vocabulary) < vocab_size:
        counts = Counter()
        for word, often in words:
            for pair in pairwise(word):
                counts[pair] += often
        most = max(counts.values(), default=0)
        if most < 2:
            break
        pair = min(pair for pair, count in counts.items() if count == most)
        token = vocabulary[pair[0]] + vocabulary[pair[1]]
        if token not in vocabulary:
            vocabulary.append(token)
        merges.append(pair)
        words = [(merge(word, pair, vocabulary.index(token)), often) for word, often in words]
    return vocabulary, merges


@given(
    st.dictionaries(st.text("aaabbc", max_size=12).map(str.encode), st.integers(1, 4), max_size=8),
    st.integers(256, 290),
)
def test_counting_once_learns_what_counting_anew_learns(words, vocab_size):
    assert learn_merges(words, vocab_size) == naive_merges(words, vocab_size)


def test_counting_once_learns_the_same_from_longer_text():
    draw = random.Random(0)
    words = {"".join(draw.choices("abcdefgh", [8, 7, 6, 5, 4, 3, 2, 1], k=draw.randrange(1, 9))) for _ in range(300)}
    counted = {word.encode(): draw.randrange(1, 50) for word in sorted(words)}
    assert learn_merges(counted, 400) == naive_merges(counted, 400)


@given(st.lists(st.sampled_from([b"aaab", b"bca", b"aaaaabbbb", b"c", b""]), unique=True), st.data())
def test_each_merge_leaves_the_pieces_of_going_through_all_words(words, data):
    row = Row(dict.fromkeys(words, 1))
    anew = [list(word) for word in words]
    for new in range(256, 262):
        pairs = sorted({pair for word in anew for pair in pairwise(word)})
        if not pairs:
            return
        pair = data.draw(st.sampled_from(pairs))
        row.merge(pair, new)
        anew = [merge(word, pair, new) for word in anew]
        assert [id for id in row.pieces if id >= 0] == [id for word in anew for id in word]


def test_a_merge_looks_at_the_places_of_its_pair_and_not_at_the_whole_word():
    class Counting(list):
        looks = 0
        __iter__ = None  # going through it fails

        def __getitem__(self, place):
            self.looks += 1
            return super().__getitem__(place)

    row = Row({b"x" * 1000 + b"ab" + b"y" * 1000: 1})
    row.pieces = Counting(row.pieces)
    row.merge((ord("a"), ord("b")), 256)
    assert list.count(row.pieces, 256) == 1
    assert row.pieces.looks < 20


def test_learning_twice_gives_the_same_merges():
    shuffled = CORPUS.split(" ")
    assert BPETokenizer.train(CORPUS, 300) == BPETokenizer.train(CORPUS, 300)
    once = BPETokenizer.train(CORPUS, 300)
    random.Random(1).shuffle(shuffled)
    assert len(BPETokenizer.train(" ".join(shuffled), 300).merges) == len(once.merges)


def test_merges_do_not_cross_from_one_word_into_the_next():
    t = BPETokenizer.train("the bank " * 50, 1000)
    assert all(b" " not in token[1:] for token in t.vocabulary)
    assert t.tokens("the bank the bank") == ["the", " bank", " the", " bank"]


def test_a_special_token_in_the_text_teaches_nothing():
    t = BPETokenizer.train("ab<|end|>" * 10, 1000, ["<|end|>"])
    assert t.vocabulary[256:] == [b"ab", b"<|end|>"]


@pytest.mark.parametrize(("size", "special", "least"), [(255, [], 256), (0, [], 256), (257, ["<a>", "<b>"], 258)])
def test_too_small_a_vocabulary_is_refused(size, special, least):
    with pytest.raises(ValueError, match=f"vocab_size must be at least {least}, for 256 bytes and {len(special)} spec"):
        BPETokenizer.train("text", size, special)


# --- encoding ----------------------------------------------------------------------------------------------------

TRAINED = BPETokenizer.train(CORPUS, 300, ["<|endoftext|>"])


@given(TEXTS)
def test_any_text_makes_the_round_trip(text):
    ids = TRAINED.encode(text)
    assert TRAINED.decode(ids) == text
    assert b"".join(TRAINED.vocabulary[id] for id in ids) == text.encode("utf-8")
    assert TRAINED.decode(TRAINED.encode(text, "all")) == text


@given(TEXTS.filter(bool))
def test_its_own_training_text_makes_the_round_trip(text):
    t = BPETokenizer.train(text * 2, 270)
    assert t.decode(t.encode(text)) == text


@given(TEXTS)
def test_words_joined_are_the_text(text):
    assert "".join(bpe.words(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "I've been; you'll see it's 'tis",
            ["I", "'ve", " been", ";", " you", "'ll", " see", " it", "'s", " '", "tis"],
        ),
        ("IT'S don't", ["IT", "'", "S", " don", "'t"]),
        ("a   b", ["a", "  ", " b"]),
        ("a \n\n  ", ["a", " \n\n  "]),
        ("\n\nb", ["\n", "\n", "b"]),
        ("x2 = 10.5!?", ["x", "2", " =", " 10", ".", "5", "!?"]),
        ("naïve 你好 ٣", ["naïve", " 你好", " ٣"]),
        ("a\x1cb\x85c", ["a", "\x1c", "b", "\x85", "c"]),
    ],
)
def test_words_are_cut_as_gpt2_cuts_them(text, expected):
    assert bpe.words(text) == expected


def test_the_merge_that_was_learnt_first_comes_first_wherever_it_stands():
    vocabulary = [bytes([byte]) for byte in range(256)] + [b"bc", b"ab", b"abc"]
    t = BPETokenizer(vocabulary, [(98, 99), (97, 98), (97, 256), (257, 99)])
    assert t.tokens("abc") == ["abc"]
    assert t.tokens("abab") == ["ab", "ab"]
    assert [merge.left + "+" + merge.right for merge in t.explain("abc")[0].merges] == ["b+c", "a+bc"]


def test_what_is_remembered_changes_nothing(monkeypatch):
    t = copy.deepcopy(TRAINED)
    first = t.encode(CORPUS)
    first.append(0)  # the caller's own list
    assert t.encode(CORPUS) == first[:-1] == TRAINED.encode(CORPUS)
    monkeypatch.setattr(bpe, "REMEMBERED", 2)
    few = copy.deepcopy(BPETokenizer.train(CORPUS, 300, ["<|endoftext|>"]))
    assert few.encode(CORPUS) == first[:-1]
    assert len(few._remembered) == 2
    few.encode("x" * 1000)
    assert len(few._remembered) == 2


def test_long_words_are_not_remembered():
    t = BPETokenizer.train(CORPUS, 300)
    t.encode("ab" * 1000)
    assert not t._remembered


def test_pieces_of_a_character_are_shown_as_its_bytes():
    assert TRAINED.tokens("é🙂") == ["\\xc3", "\\xa9", "\\xf0", "\\x9f", "\\x99", "\\x82"]
    assert TRAINED.decode(TRAINED.encode("🙂")[:2]) == "�"


def test_without_regex_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "regex", None)
    bpe._words.cache_clear()
    try:
        with pytest.raises(ImportError, match=r'pip install "tinygrad-lecture\[text\]"'):
            TRAINED.encode("text")
    finally:
        bpe._words.cache_clear()


# --- by hand -----------------------------------------------------------------------------------------------------

BYTES = [bytes([byte]) for byte in range(256)]


@pytest.mark.parametrize(
    ("vocabulary", "merges", "special", "message"),
    [
        (BYTES[:-1], [], {}, "byte 0xff is not in the vocabulary"),
        ([*BYTES, b"ab", b"ab"], [(97, 98)], {}, "'ab' comes twice, as id 256 and as id 257"),
        ([*BYTES, b"a"], [], {"a": 256}, "'a' comes twice, as a special token and id 97 and as id 256"),
        (BYTES, [(97, 98)], {}, "ids 97 and 98 merge to b'ab', which is no token"),
        ([*BYTES, b"ab"], [(97, 98)], {"ab": 256}, "ids 97 and 98 merge to b'ab', which is no token"),
        (BYTES, [(97, 256)], {}, "merge 1 is of id 256, which is no ordinary token"),
        (BYTES, [(-1, 97)], {}, "merge 1 is of id -1, which is no ordinary token"),
        ([*BYTES, b"<a>"], [], {"<b>": 256}, "special token '<b>' is not in the vocabulary as id 256"),
        ([*BYTES, b"<a>"], [], {"<a>": 257}, "special token '<a>' is not in the vocabulary as id 257"),
        ([*BYTES, b"<a>"], [], {"<a>": -1}, "special token '<a>' is not in the vocabulary as id -1"),
        ([*BYTES, b"ab"], [(97, 98), (97, 98)], {}, "the merge of ids 97 and 98 comes twice"),
        (
            [*BYTES, b"<a>", b"<a>b"],
            [(256, 98)],
            {"<a>": 256},
            "merge 1 is of id 256, which is no ordinary token",
        ),
    ],
)
def test_a_vocabulary_that_does_not_hold_together_is_refused(vocabulary, merges, special, message):
    with pytest.raises(ValueError, match=message):
        BPETokenizer(vocabulary, merges, special)


@pytest.mark.parametrize(
    ("vocabulary", "special", "message"),
    [
        (["a"], {}, "the vocabulary is of bytes, as b'the', and has 'a'"),
        ([*BYTES, b"<pad>"], ["<pad>"], r"names and their ids, as in \{'<pad>': 256\}, not \['<pad>'\]"),
    ],
)
def test_text_for_bytes_and_names_without_ids_are_refused(vocabulary, special, message):
    with pytest.raises(TypeError, match=message):
        BPETokenizer(vocabulary, [], special)


# --- explaining ----------------------------------------------------------------------------------------------------


def test_each_merge_is_told_as_it_happens():
    t = BPETokenizer.train("aaabdaaabac", vocab_size=1000)
    (word,) = t.explain("aaabc")
    assert word.text == "aaabc"
    assert word.bytes == ["a", "a", "a", "b", "c"]
    assert [(m.number, m.left, m.right, m.pieces) for m in word.merges] == [
        (1, "a", "a", ["aa", "a", "b", "c"]),
        (2, "a", "b", ["aa", "ab", "c"]),
        (3, "aa", "ab", ["aaab", "c"]),
    ]
    assert word.pieces == ["aaab", "c"] == t.tokens("aaabc")
    assert word.ids == t.encode("aaabc")
    assert str(t.explain("aaabc")).split("\n") == [
        "aaabc   ids 258 99",
        "                    a|a|a|b|c",
        "  merge 1  a + a    aa|a|b|c",
        "  merge 2  a + b    aa|ab|c",
        "  merge 3  aa + ab  aaab|c",
    ]


def test_a_special_token_is_explained_as_one_where_it_is_allowed():
    text = "the<|endoftext|>bank"
    explained = TRAINED.explain(text, "all")
    assert [word.text for word in explained] == ["the", "<|endoftext|>", "bank"]
    assert [id for word in explained for id in word.ids] == TRAINED.encode(text, "all")
    assert [piece for word in explained for piece in word.pieces] == TRAINED.tokens(text, "all")
    assert [id for word in TRAINED.explain(text) for id in word.ids] == TRAINED.encode(text)
    with pytest.raises(ValueError, match="explain: allowed_special has '<eos>'"):
        TRAINED.explain(text, "<eos>")


def test_space_is_shown_and_a_word_without_merges_has_its_bytes():
    assert str(TRAINED.explain(" Q\n")) == "·Q   ids 32 81\n      ·|Q\n\\n   ids 10\n      \\n"
    assert TRAINED.explain(" Q")[0].pieces == [" ", "Q"]
    assert str(TRAINED.explain("")) == ""


@given(TEXTS)
def test_the_explanation_ends_with_the_tokens(text):
    explained = TRAINED.explain(text)
    assert [id for word in explained for id in word.ids] == TRAINED.encode(text)
    assert [piece for word in explained for piece in word.pieces] == TRAINED.tokens(text)
    for word in explained:
        numbers = [m.number for m in word.merges]
        assert numbers == sorted(numbers)  # what a merge makes can only be merged by a later one
        assert "".join(TRAINED.decode(word.ids)) == word.text
