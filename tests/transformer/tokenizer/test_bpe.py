"""Byte pair encoding: what BPETokenizer encodes; rows of neighbours, merges learnt and applied as by the definition."""

import copy
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from transformer import BPETokenizer, Tokenizer
from transformer.tokenizer import bpe
from transformer.tokenizer.bpe import LETTERS
from transformer.tokenizer.merges import Pair, Row, apply_merges, learn_merges

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from("aab 'st\n\t1.🙂é"))
CORPUS = "Was the bank flooded? The bank by the river was flooded, the other bank was not. " * 3


# --- training ----------------------------------------------------------------------------------------------------


def learnt(t):
    """The merges as text: "a+b"."""
    return [f"{t.token(left)}+{t.token(right)}" for left, right in t.merges]


def test_wikipedias_example():
    t = BPETokenizer.train("aaabdaaabac", vocab_size=1000)
    assert learnt(t) == ["a+a", "a+b", "aa+ab"]  # then no pair occurs twice
    assert t.vocab_size == 259
    assert t.encode("aaabdaaabac") == [258, ord("d"), 258, ord("a"), ord("c")]
    assert t.tokens("aaabdaaabac") == ["aaab", "d", "aaab", "a", "c"]


def test_training_stops_at_the_size_asked_for_with_special_tokens_counted():
    for size in (256, 257, 258, 259):
        t = BPETokenizer.train("aaabdaaabac", size)
        assert (t.vocab_size, learnt(t)) == (size, ["a+a", "a+b", "aa+ab"][: size - 256])
    t = BPETokenizer.train("aaabdaaabac", 259, ["<pad>"])
    assert (t.vocab_size, learnt(t), t.special_tokens) == (259, ["a+a", "a+b"], {"<pad>": 258})


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


def test_cached_words_are_encoded_the_same(monkeypatch):
    t = copy.deepcopy(TRAINED)
    first = t.encode(CORPUS)
    first.append(0)  # the caller's own list
    assert t.encode(CORPUS) == first[:-1] == TRAINED.encode(CORPUS)
    monkeypatch.setattr(bpe, "CACHED_WORDS", 2)
    few = BPETokenizer.train(CORPUS, 300, ["<|endoftext|>"])
    assert few.encode(CORPUS) == first[:-1]


def test_without_regex_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "regex", None)
    bpe._words.cache_clear()
    try:
        with pytest.raises(ImportError, match=r'pip install "\.\[text\]"'):
            TRAINED.encode("text")
    finally:
        bpe._words.cache_clear()


# --- by hand -----------------------------------------------------------------------------------------------------

BYTES = [bytes([byte]) for byte in range(256)]


@pytest.mark.parametrize(
    ("vocabulary", "merges", "special", "message"),
    [
        (BYTES[:-1], [], {}, "byte 0xff is missing; the vocabulary must have all 256 bytes"),
        ([*BYTES, b"a"], [], {"a": 256}, "'a' occurs twice, as a special token and id 97 and as id 256"),
        (BYTES, [(97, 98)], {}, "merge 1, of ids 97 and 98, makes no ordinary token"),
        (BYTES, [(97, 256)], {}, "merge 1, of ids 97 and 256, makes no ordinary token"),
        ([*BYTES, b"<a>"], [], {"<b>": 256}, "special token '<b>' is not in the vocabulary at id 256"),
        ([*BYTES, b"ab"], [(97, 98), (97, 98)], {}, "the merge of ids 97 and 98 occurs twice"),
    ],
)
def test_an_inconsistent_vocabulary_is_refused(vocabulary, merges, special, message):
    with pytest.raises(ValueError, match=message):
        BPETokenizer(vocabulary, merges, special)


# --- learning -----------------------------------------------------------------------------------------------


@given(
    st.dictionaries(st.text("aaabbc", max_size=12).map(str.encode), st.integers(1, 4), max_size=8),
    st.integers(256, 290),
)
def test_the_merges_are_the_naive_ones_and_no_token_is_made_twice(words, vocab_size):
    vocabulary, merges = learn_merges(words, vocab_size)
    assert (vocabulary, merges) == naive_merges(words, vocab_size)
    assert len(set(vocabulary)) == len(vocabulary)


# --- encoding -----------------------------------------------------------------------------------------------


@given(st.text("aaabbc", max_size=12), st.text("aaabbc", max_size=12))
def test_the_ids_after_all_merges_are_the_naive_ones(learnt, text):
    _, merges = learn_merges({learnt.encode(): 2}, 290)
    row = Row([text.encode()])
    apply_merges(row, {pair: (rank, 256 + rank) for rank, pair in enumerate(merges)})
    ids = list(text.encode())
    for rank, pair in enumerate(merges):
        ids = merge(ids, pair, 256 + rank)
    assert row.tokens() == ids


# --- the definition -------------------------------------------------------------------------------------------


def merge(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """The ids with `new` for each such pair, from left to right: merge([1, 1, 1, 2], (1, 1), 9) is [9, 1, 2]."""
    merged = []
    i = 0
    while i < len(ids):
        if ids[i] == pair[0] and i + 1 < len(ids) and ids[i + 1] == pair[1]:
            merged.append(new)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


def naive_merges(words: Mapping[bytes, int], vocab_size: int) -> tuple[list[bytes], list[Pair]]:
    """(vocabulary, merges), as from `transformer.tokenizer.merges.learn_merges`."""
    rows = [(list(word), count) for word, count in words.items()]
    vocabulary = [bytes([byte]) for byte in range(256)]
    merges = []
    while len(vocabulary) < vocab_size:
        counts: Counter[Pair] = Counter()
        for ids, often in rows:
            for pair in pairwise(ids):
                counts[pair] += often
        most = max(counts.values(), default=0)
        if most < 2:
            break
        pair = min(pair for pair, count in counts.items() if count == most)
        rows = [(merge(ids, pair, len(vocabulary)), often) for ids, often in rows]
        vocabulary.append(vocabulary[pair[0]] + vocabulary[pair[1]])
        merges.append(pair)
    return vocabulary, merges


# --- GPT-2's files ----------------------------------------------------------------------------------------------

# the merge's number in GPT-2's vocab.bpe, and its two tokens; merge n makes the token with id 255 + n
GPT2_MERGES = """
1 Ġ t; 2 Ġ a; 3 h e; 7 Ġt he; 9 Ġ s; 11 Ġ w; 13 e n; 15 i t; 16 i s; 17 a n; 18 o r; 19 e s; 20 Ġ b; 21 e d; 22 Ġ f;
37 a s; 39 Ġt h; 42 l l; 48 v e; 59 Ġ I; 80 l d; 83 ' s; 85 Ġ it; 107 Ġ 2; 120 o d; 129 Ġs e; 140 es t; 173 Ġth is;
182 en d; 183 - -; 221 Ġw or; 373 Ċ Ċ; 405 t e; 440 e ll; 447 o od; 487 x t; 511 Ġse e; 526 Ġf l; 707 an k; 740 Ġwor ld;
880 W e; 893 ĠI s; 928 ' ll; 1077 Ġt est; 1404 o f; 1788 I T; 2361 n a; 2973 ! !; 3076 Ġb ank; 4984 te xt; 6692 Ġfl ood;
8327 ð Ł; 10854 ell o; 12265 Ġ ðŁ; 12503 he ll; 15241 H ello; 16718 W as; 19271 ä ½; 20795 Ġflood ed; 24746 å ¥;
24826 Ļ Ĥ; 26629 Ã ¯; 31118 hell o; 32230 ĠðŁ ĻĤ; 38521 Ã¯ ve
"""

# ids as tiktoken gives them
VECTORS = {
    "hello world": [31373, 995],
    "Hello, world. Is this-- a test?": [15496, 11, 995, 13, 1148, 428, 438, 257, 1332, 30],
    "Was the bank flooded?": [16973, 262, 3331, 21050, 30],
    "We'll see: it's 2+2=4!!": [1135, 1183, 766, 25, 340, 338, 362, 10, 17, 28, 19, 3228],
    "IT'S  a\n\n \tb   ": [2043, 6, 50, 220, 257, 628, 220, 197, 65, 220, 220, 220],
    "naïve 🙂 你好": [2616, 38776, 32485, 220, 19526, 254, 25001, 121],
    "\x00 \x1c\x1f\x7f\x85": [188, 220, 216, 219, 221, 126, 227],
    "<|endoftext|>": [27, 91, 437, 1659, 5239, 91, 29],
}


def gpt2():
    """GPT-2's vocabulary with the merges above, and the merges as lines."""
    printable = [letter for letter in LETTERS if ord(letter) < 256]
    names = printable + [letter for letter in LETTERS if ord(letter) >= 256]
    names += [f"<{id}>" for id in range(256, 50256)] + ["<|endoftext|>"]
    merges = [part.split(" ", 1) for part in GPT2_MERGES.strip().replace("\n", " ").split("; ")]
    for number, pair in merges:
        names[255 + int(number)] = pair.replace(" ", "")
    return {name: id for id, name in enumerate(names)}, [pair for _, pair in merges]


def write(folder, vocabulary, merges, end="\n"):
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    lines = end.join(["#version: 0.2", *merges, ""])
    (folder / "merges.txt").write_text(lines, encoding="utf-8", newline="")


def small():
    """A small vocabulary and its merges, as lines."""
    t = BPETokenizer.train("the bank, the bank", 262, ["<|endoftext|>"])
    return {name: id for id, name in enumerate(t._names)}, t._merge_lines()


def test_ids_are_gpt2s_with_either_ends_of_lines(tmp_path):
    vocabulary, merges = gpt2()
    write(tmp_path, vocabulary, merges)
    t = BPETokenizer.from_files(tmp_path)
    for text, ids in VECTORS.items():
        assert t.encode(text) == ids and t.decode(ids) == text
    write(tmp_path, vocabulary, merges, end="\r\n")
    assert BPETokenizer.from_files(tmp_path) == t


def test_a_trained_tokenizer_is_the_same_in_files(tmp_path):
    t = BPETokenizer.train("# # the bank, the bank 🙂🙂 # #", 280, ["<|endoftext|>", "[a name with spaces é]"])
    (tmp_path / "added_tokens.json").write_text('{"<pad>": 50257}', encoding="utf-8")  # an earlier tokenizer's
    (tmp_path / "tokenizer.json").write_text('{"model": {}}', encoding="utf-8")
    t.to_files(tmp_path)
    assert BPETokenizer.from_files(tmp_path) == t
    assert {path.name for path in tmp_path.iterdir()} == {"vocab.json", "merges.txt"}
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8").startswith("#version: 0.2\n")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        t.to_files(tmp_path / "none")


def test_tokens_that_were_added_are_special_and_a_saved_tokenizer_has_its_own(tmp_path):
    t = BPETokenizer.train("the bank", 260, ["<|endoftext|>"])
    t.to_files(tmp_path)
    added = {"<|endoftext|>": t.special_tokens["<|endoftext|>"], "a pad": t.vocab_size, "<sep>": t.vocab_size + 1}
    (tmp_path / "added_tokens.json").write_text(json.dumps(added), encoding="utf-8")
    found = BPETokenizer.from_files(tmp_path)
    assert found.special_tokens == added
    assert found.encode("the bank<sep>a pad", "all") == [*t.encode("the bank"), added["<sep>"], added["a pad"]]
    plain = BPETokenizer([*(bytes([byte]) for byte in range(256)), b"<b>"], [])
    plain.save(tmp_path / "t.json")
    assert Tokenizer.load(tmp_path / "t.json") == plain and not plain.special_tokens


def test_a_merge_that_starts_with_hashes_is_not_a_version_line(tmp_path):
    t = BPETokenizer.train("## ## ##", 258)
    t.to_files(tmp_path)
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n", 1)[1]
    (tmp_path / "merges.txt").write_text(lines, encoding="utf-8")
    assert BPETokenizer.from_files(tmp_path) == t


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("h", "merge 6, 'h', must be two tokens that make a third, as in 'Ġ t'"),
        ("q zz", "merge 6, 'q zz', must be"),
        ("q z", "merge 6, 'q z', must be"),
        ("again", "the merge of ids .* occurs twice"),
    ],
)
def test_a_wrong_merge_is_named_with_its_number(tmp_path, line, message):
    vocabulary, merges = small()
    write(tmp_path, vocabulary, [*merges, merges[0] if line == "again" else line])
    with pytest.raises(ValueError, match=rf"merges\.txt: .*{message}"):
        BPETokenizer.from_files(tmp_path)


@pytest.mark.parametrize(
    ("change", "added", "message"),
    [
        (lambda v: [*v], {}, "an object of tokens and their ids"),
        (lambda v: {**v, "!": True}, {}, "an object of tokens and their ids"),
        (lambda v: {**v, "!": 999}, {}, "262 tokens must have the ids 0 to 261, but no token has id 33"),
        (lambda v: {**v, "€": 262}, {}, "no merge makes '€'; is it another"),
        (lambda v: {"<pad>" if k == "Ā" else k: i for k, i in v.items()}, {}, "byte 0x00 is missing"),
        (lambda v: {}, {}, "merge 1, .*, must be two tokens that make a third"),
        (lambda v: v, {"<pad>": 263}, "263 tokens must have the ids 0 to 262, but no token has id 262"),
        (lambda v: v, {"<|endoftext|>": 262}, "262 tokens must have .*, but no token has id 261"),
        (lambda v: v, ["<pad>"], "an object of tokens and their ids"),
    ],
)
def test_a_wrong_vocabulary_is_named(tmp_path, change, added, message):
    vocabulary, merges = small()
    write(tmp_path, change(vocabulary), merges)
    (tmp_path / "added_tokens.json").write_text(json.dumps(added), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"vocab\.json.*{message}"):
        BPETokenizer.from_files(tmp_path)


def test_files_that_are_damaged_or_not_there_are_named(tmp_path):
    names = r"is no folder with vocab\.json and merges\.txt; PretrainedTokenizer\.from_files reads"
    with pytest.raises(FileNotFoundError, match=names):
        BPETokenizer.from_files(tmp_path)
    write(tmp_path, *small())
    (tmp_path / "merges.txt").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"merges\.txt is not UTF-8 text"):
        BPETokenizer.from_files(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": 1', encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocab\.json is not valid JSON"):
        BPETokenizer.from_files(tmp_path)
    BPETokenizer.train("aa aa", 257).save(tmp_path / "t.json")
    state = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    state["vocabulary"].append("€")
    (tmp_path / "t.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(ValueError, match="token '€' has the letter '€', which stands for no byte"):
        Tokenizer.load(tmp_path / "t.json")
