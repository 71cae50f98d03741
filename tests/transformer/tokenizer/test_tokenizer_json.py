"""Hugging Face's tokenizer.json: the same tokenizer as in GPT-2's two files, or an error that says why not."""

import json

import pytest

from transformer import BPETokenizer, CharTokenizer

T = BPETokenizer.train("Was the bank flooded? The bank by the river was. " * 3, 290, ["<|endoftext|>", "<pad>"])


def described(t):
    """The contents of the file that transformers 5 writes, without fields that are ignored here."""
    names, lines = t._state()["vocabulary"], t._state()["merges"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": id, "content": name, **flags} for name, id in t.special_tokens.items()],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: id for id, name in enumerate(names)},
            "merges": [line.split(" ") for line in lines],
        },
    }


@pytest.fixture
def read(tmp_path):
    """Reads a file with changes in it, such as model={"type": "Unigram"}."""

    def call(special_tokens=None, **changes):
        given = described(T)
        for part, change in changes.items():
            both = isinstance(given[part], dict) and isinstance(change, dict)
            given[part] = {**given[part], **change} if both else change
        (tmp_path / "tokenizer.json").write_text(json.dumps(given), encoding="utf-8")
        return BPETokenizer.from_files(tmp_path, special_tokens=special_tokens)

    return call


def test_it_is_the_tokenizer_of_the_two_files(read, tmp_path):
    assert read() == T
    assert BPETokenizer.from_files(tmp_path / "tokenizer.json") == T
    assert BPETokenizer.from_files(str(tmp_path / "tokenizer.json")) == T


def test_merges_may_be_lines(read):
    assert read(model={"merges": T._state()["merges"]}) == T


def test_missing_settings_have_their_defaults(read, tmp_path):
    given = described(T)
    given["model"] = {name: given["model"][name] for name in ("vocab", "merges")}
    given["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False}
    del given["normalizer"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(given), encoding="utf-8")
    assert BPETokenizer.from_files(tmp_path) == T


def test_special_tokens_may_continue_the_ids(read):
    n = T.vocab_size
    t = read(added_tokens=[*described(T)["added_tokens"], {"id": n, "content": "<sep> é", "special": True}])
    assert t.special_tokens == {**T.special_tokens, "<sep> é": n}
    assert t.encode("the<sep> ébank", "all") == [*T.encode("the"), n, *T.encode("bank")]


def test_an_added_token_that_is_not_special_is_one_when_it_is_named(read):
    added = [*described(T)["added_tokens"], {"id": T.vocab_size, "content": "hello there", "special": False}]
    with pytest.raises(ValueError, match=r"'hello there' is not special; .* name it in special_tokens"):
        read(added_tokens=added)
    t = read(["hello there"], added_tokens=added)
    assert t.special_tokens == {**T.special_tokens, "hello there": T.vocab_size}


def test_the_two_files_come_first(read, tmp_path):
    other = BPETokenizer.train("aa aa", 257)
    other.to_files(tmp_path)
    assert read() == other


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"type": "WordPiece"}}, 'model with type "WordPiece"; use Hugging Face.s package tokenizers'),
        ({"model": {"dropout": 0.1, "ignore_merges": True}}, "model with dropout 0.1, model with ignore_merges true"),
        ({"model": {"end_of_word_suffix": "</w>"}}, 'model with end_of_word_suffix "</w>"'),
        ({"model": {"continuing_subword_prefix": "##"}}, 'model with continuing_subword_prefix "##"'),
        ({"normalizer": {"type": "NFC"}}, 'normalizer with type "NFC"'),
        ({"pre_tokenizer": {"add_prefix_space": True}}, "pre_tokenizer with add_prefix_space true"),
        ({"pre_tokenizer": {"use_regex": False}}, "pre_tokenizer with use_regex false"),
        ({"pre_tokenizer": {"type": "Sequence"}}, 'pre_tokenizer with type "Sequence"'),
        ({"pre_tokenizer": None}, "pre_tokenizer with type null"),
        (
            {"added_tokens": [{"id": 289, "content": "<pad>", "special": True, "lstrip": True}]},
            "added token '<pad>' with lstrip true",
        ),
    ],
)
def test_unsupported_settings_are_refused(read, changes, message):
    with pytest.raises(ValueError, match=rf"tokenizer\.json: BPETokenizer does not support {message}"):
        read(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, r"this is not Hugging Face's tokenizer\.json"),
        ({"model": {"vocab": None}}, "an object of tokens and their ids"),
        ({"model": {"vocab": {"a": 1}, "merges": []}, "added_tokens": []}, "no token has id 0"),
        ({"model": {"merges": None}}, "must have a list of merges"),
        ({"model": {"merges": [["a", "b"], 5]}}, "merge 2, 5, must be a line or a pair"),
        ({"model": {"merges": [["a", 5]]}}, r"merge 1, \[\"a\", 5\], must be a line"),
        ({"model": {"merges": [["a", "b", "c"]]}}, "merge 1, 'a b c', must be two tokens"),
        ({"pre_tokenizer": "ByteLevel"}, 'its pre_tokenizer must be an object, not "ByteLevel"'),
        ({"added_tokens": {"<pad>": 289}}, "its added_tokens must be a list"),
        ({"added_tokens": [{"id": "289", "content": "<pad>"}]}, "its added_tokens must be a list of objects"),
        (
            {"added_tokens": [{"id": 500, "content": "<pad>", "special": True}]},
            "'<pad>' has id [0-9]+, but id 500 among the added tokens",
        ),
    ],
)
def test_damaged_files_are_refused(read, changes, message):
    with pytest.raises(ValueError, match=rf"tokenizer\.json: .*{message}"):
        read(**changes)


def test_a_file_of_another_kind_says_how_two_files_are_read(tmp_path):
    T.to_files(tmp_path)
    CharTokenizer("abc").save(tmp_path / "ours.json")
    for name in ("vocab.json", "ours.json"):
        with pytest.raises(
            ValueError, match=rf"{name}: this is not Hugging Face's .* from_files\(vocabulary, merges\), .* use load"
        ):
            BPETokenizer.from_files(tmp_path / name)
