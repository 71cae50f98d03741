"""Tokenizers in files: GPT-2's."""

import json

import pytest

from transformer import BPETokenizer, Tokenizer
from transformer.tokenizer.files import LETTERS

# the merge's number in GPT-2's vocab.bpe, and its two tokens; merge n makes the token with id 255 + n
MERGES = """
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
    merges = [part.split(" ", 1) for part in MERGES.strip().replace("\n", " ").split("; ")]
    for number, pair in merges:
        names[255 + int(number)] = pair.replace(" ", "")
    return {name: id for id, name in enumerate(names)}, [pair for _, pair in merges]


def write(folder, vocabulary, merges, names=("encoder.json", "vocab.bpe"), end="\n"):
    (folder / names[0]).write_text(json.dumps(vocabulary), encoding="utf-8")
    lines = end.join(["#version: 0.2", *merges, ""])
    (folder / names[1]).write_text(lines, encoding="utf-8", newline="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2")
    write(folder, *gpt2())
    return folder


@pytest.fixture(scope="module")
def t(folder):
    return BPETokenizer.from_files(folder)


@pytest.mark.parametrize("text", VECTORS)
def test_ids_are_gpt2s(t, text):
    assert t.encode(text) == VECTORS[text]
    assert t.decode(VECTORS[text]) == text


def test_the_files_may_have_either_pair_of_names(t, folder, tmp_path):
    vocabulary, merges = gpt2()
    write(tmp_path, vocabulary, merges, ("vocab.json", "merges.txt"), end="\r\n")
    assert BPETokenizer.from_files(tmp_path) == t
    assert BPETokenizer.from_files(str(folder / "encoder.json"), str(folder / "vocab.bpe")) == t
    (tmp_path / "bare").write_text("\n".join(merges), encoding="utf-8")  # without version line and last line break
    assert BPETokenizer.from_files(tmp_path / "vocab.json", tmp_path / "bare") == t


def test_saving_and_writing_files_keep_the_tokenizer(t, tmp_path):
    t.save(tmp_path / "t.json")
    assert Tokenizer.load(tmp_path / "t.json") == t
    t.to_files(tmp_path)
    assert BPETokenizer.from_files(tmp_path) == t
    assert (tmp_path / "merges.txt").read_bytes().startswith("#version: 0.2\nĠ t\n".encode())
    assert json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))["Ġworld"] == 995
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        t.to_files(tmp_path / "none")


def test_a_trained_tokenizer_is_the_same_in_files(tmp_path):
    t = BPETokenizer.train("# # the bank, the bank 🙂🙂 # #", 280, ["<|endoftext|>", "a name with spaces é"])
    t.to_files(tmp_path)
    assert BPETokenizer.from_files(tmp_path, special_tokens=list(t.special_tokens)) == t
    with pytest.raises(ValueError, match="no merge makes the token 'a name with spaces é'; the merges are incomplete"):
        BPETokenizer.from_files(tmp_path)


def test_special_tokens_are_named_besides_those_that_look_like_one(tmp_path):
    BPETokenizer.train("the bank", 260, ["<|endoftext|>", "[MASK]", "stop"]).to_files(tmp_path)
    for named in (["stop"], ["stop", "[MASK]"]):
        t = BPETokenizer.from_files(tmp_path, special_tokens=named)
        assert set(t.special_tokens) == {"<|endoftext|>", "[MASK]", "stop"}


def test_a_saved_tokenizer_has_no_special_tokens_but_its_own(tmp_path):
    t = BPETokenizer([*(bytes([byte]) for byte in range(256)), b"<b>"], [])
    t.save(tmp_path / "t.json")
    assert Tokenizer.load(tmp_path / "t.json") == t and not t.special_tokens


def test_tokens_that_were_added_are_special(tmp_path):
    t = BPETokenizer.train("the bank", 260, ["<|endoftext|>"])
    t.to_files(tmp_path)
    added = {"<|endoftext|>": t.special_tokens["<|endoftext|>"], "a pad": t.vocab_size, "<sep>": t.vocab_size + 1}
    (tmp_path / "added_tokens.json").write_text(json.dumps(added), encoding="utf-8")
    found = BPETokenizer.from_files(tmp_path)
    assert found.special_tokens == added
    assert found.encode("the bank<sep>a pad", "all") == [*t.encode("the bank"), added["<sep>"], added["a pad"]]
    found.to_files(tmp_path)
    assert BPETokenizer.from_files(tmp_path, special_tokens=["a pad"]).special_tokens == added


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"<pad>": 50_258}, "50258 tokens must have the ids 0 to 50257, but no token has id 50257"),
        ({"<pad>": 3}, "50258 tokens must have the ids"),
        ({"<|endoftext|>": 50_257}, r"'<\|endoftext\|>' has id 50256, but id 50257 among the added tokens"),
        (["<pad>"], "an object of tokens and their ids"),
        ({"<pad>": "50257"}, "an object of tokens and their ids"),
    ],
)
def test_added_tokens_that_do_not_continue_the_ids_are_refused(tmp_path, added, message):
    write(tmp_path, *gpt2())
    (tmp_path / "added_tokens.json").write_text(json.dumps(added), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"encoder\.json \(with added_tokens\.json\) and .*vocab\.bpe: .*{message}"):
        BPETokenizer.from_files(tmp_path)


def test_writing_replaces_an_earlier_tokenizer(t, tmp_path):
    write(tmp_path, *gpt2())
    (tmp_path / "added_tokens.json").write_text('{"<pad>": 50257}', encoding="utf-8")
    (tmp_path / "tokenizer.json").write_text('{"model": {}}', encoding="utf-8")
    new = BPETokenizer.train("the bank", 258)
    new.to_files(tmp_path)
    assert BPETokenizer.from_files(tmp_path) == new
    assert {path.name for path in tmp_path.iterdir()} == {"encoder.json", "vocab.bpe", "vocab.json", "merges.txt"}


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_foreign_tokenizer_json_is_kept(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    BPETokenizer.train("the bank", 258).to_files(tmp_path)
    assert (tmp_path / "tokenizer.json").read_text(encoding="utf-8") == content


def test_a_merge_that_starts_with_hashes_is_not_a_version_line(tmp_path):
    t = BPETokenizer.train("## ## ##", 258)
    assert b"##" in t.vocabulary
    t.to_files(tmp_path)
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n", 1)[1]
    (tmp_path / "merges.txt").write_text(lines, encoding="utf-8")
    assert BPETokenizer.from_files(tmp_path) == t


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("h", "merge 66, 'h', must be two tokens, as in 'Ġ t'"),
        ("h e l", "merge 66, 'h e l', must be two tokens"),
        ("", "merge 66, '', must be two tokens"),
        ("q zz", "merge 66, 'q zz', needs the token 'zz', which is not in the vocabulary"),
        ("q z", "merge 66, 'q z', needs the token 'qz', which is not in the vocabulary"),
        ("h e", "the merge of ids 71 and 68 occurs twice"),
    ],
)
def test_a_wrong_merge_is_named_with_its_number(tmp_path, line, message):
    vocabulary, merges = gpt2()
    write(tmp_path, vocabulary, [*merges, line, merges[0]] if not line else [*merges, line])
    with pytest.raises(ValueError, match=rf"vocab\.bpe: .*{message}"):
        BPETokenizer.from_files(tmp_path)


def test_incomplete_merges_are_refused(tmp_path):
    vocabulary, merges = gpt2()
    write(tmp_path, vocabulary, merges[:-5])
    with pytest.raises(ValueError, match="no merge makes the token 'ĻĤ', nor 4 others; the merges are incomplete"):
        BPETokenizer.from_files(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: [*v], "an object of tokens and their ids"),
        (lambda v: {**v, "!": "0"}, "an object of tokens and their ids"),
        (lambda v: {**v, "!": True}, "an object of tokens and their ids"),
        (lambda v: {**v, "!": 99_999}, "50257 tokens must have the ids 0 to 50256, but no token has id 0"),
        (lambda v: {**v, "!": 50_256}, "no token has id 0"),
        (lambda v: {k: i for k, i in v.items() if i != 50_000}, "no token has id 50000"),
        (lambda v: {"€" if k == "<300>" else k: i for k, i in v.items()}, "no merge makes the token '€'"),
        (lambda v: {"<pad>" if k == "Ā" else k: i for k, i in v.items()}, "byte 0x00 is missing"),
        (lambda v: {}, "needs the token 'Ġ'"),
    ],
)
def test_a_wrong_vocabulary_is_named(tmp_path, change, message):
    vocabulary, merges = gpt2()
    write(tmp_path, change(vocabulary), merges)
    with pytest.raises(ValueError, match=rf"encoder\.json.*{message}"):
        BPETokenizer.from_files(tmp_path)


def test_files_cut_off_or_exchanged_are_named(tmp_path, folder):
    text = (folder / "encoder.json").read_text(encoding="utf-8")
    (tmp_path / "cut.json").write_text(text[:-100], encoding="utf-8")
    with pytest.raises(ValueError, match=r"cut\.json is not valid JSON"):
        BPETokenizer.from_files(tmp_path / "cut.json", folder / "vocab.bpe")
    with pytest.raises(ValueError, match=r"vocab\.bpe is not valid JSON"):
        BPETokenizer.from_files(folder / "vocab.bpe", folder / "encoder.json")
    (tmp_path / "picture").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"picture is not UTF-8 text"):
        BPETokenizer.from_files(folder / "encoder.json", tmp_path / "picture")


def test_letters_that_stand_for_no_byte_are_refused(t, tmp_path):
    BPETokenizer.train("aa aa", 257).save(tmp_path / "t.json")
    state = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    state["vocabulary"].append("€")
    (tmp_path / "t.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(ValueError, match="token '€' has the letter '€', which stands for no byte"):
        Tokenizer.load(tmp_path / "t.json")


@pytest.mark.parametrize("name", [".", "none", "tokenizer.json"])
def test_files_that_are_not_there_are_named(tmp_path, folder, name):
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    names = r"vocab\.json and merges\.txt, or encoder\.json and vocab\.bpe; .* PretrainedTokenizer\.from_files reads"
    with pytest.raises(FileNotFoundError, match=rf"is no folder with {names}"):
        BPETokenizer.from_files(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none"):
        BPETokenizer.from_files(folder / "encoder.json", tmp_path / "none")


def test_a_special_token_that_is_not_there_is_named(folder):
    with pytest.raises(TypeError, match=r"special_tokens: expected a list of names; write \['<pad>'\]"):
        BPETokenizer.from_files(folder, special_tokens="<pad>")
    with pytest.raises(ValueError, match="the special token '<pad>' is not in the vocabulary"):
        BPETokenizer.from_files(folder, special_tokens=["<|endoftext|>", "<pad>"])
