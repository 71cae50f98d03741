"""Tokenizers of pretrained models, by the package tokenizers: GGUF's, a WordPiece one, chats as text."""

import json
import random
import re
import sys
from datetime import datetime

import pytest
from hypothesis import given, settings, strategies as st

from small_transformers import MERGES, TOKENIZER, TOKENS
from transformer import PretrainedTokenizer, Tokenizer
from transformer.pretrained.gguf import tokenizer_files
from transformer.tokenizer import pretrained

tokenizers = pytest.importorskip("tokenizers")
pytest.importorskip("jinja2")
pytestmark = pytest.mark.pretrained


def byte_level(**changes):
    """The tokenizer of the small GGUF files."""
    return PretrainedTokenizer(*tokenizer_files({**TOKENIZER, **changes}))


@pytest.fixture(scope="module")
def t():
    return byte_level()


CORPUS = ["the river bank , the banks flooded . don't"] * 5


@pytest.fixture(scope="module")
def wordpiece():
    """A BERT's, with [CLS] and [SEP] around every text."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.decoder = tokenizers.decoders.WordPiece()
    trainer = tokenizers.trainers.WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    made.train_from_iterator(CORPUS, trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_truncation(4)
    made.enable_padding(length=9)
    return PretrainedTokenizer(
        made.to_str(), {"cls_token": {"__type": "AddedToken", "content": "[CLS]"}, "pad_token": "[PAD]"}
    )


@pytest.fixture(scope="module")
def unigram():
    """A T5's, with </s> after every text; spaces are ▁ and one stands before the first word."""
    made = tokenizers.Tokenizer(tokenizers.models.Unigram())
    made.pre_tokenizer, made.decoder = tokenizers.pre_tokenizers.Metaspace(), tokenizers.decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>", "<extra_id_0>"]
    trainer = tokenizers.trainers.UnigramTrainer(
        vocab_size=60, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PretrainedTokenizer(made.to_str(), {"eos_token": "</s>"})


TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from(["the", " the", "12", " 1", "  ", "\n ", "🙂", "é", "<|im_end|>", "<|im"])
).map("".join)


@given(TEXTS)
@settings(max_examples=100)
def test_any_text_comes_back(t, text):
    for allowed in ((), "all", ["<|im_end|>"]):
        ids = t.encode(text, allowed)
        assert t.decode(ids) == text
        assert "".join(t.stream(ids)) == text


def test_special_tokens_are_ordinary_text_unless_they_are_allowed(t):
    assert t.special_tokens == {"<|endoftext|>": 0, "<|im_start|>": 1, "<|im_end|>": 2, "<file>": 3}
    text = "<|im_end|>a<|im_start|>"
    assert t.encode(text, "all")[::2] == [2, 1]
    assert 2 not in t.encode(text) and t.decode(t.encode(text)) == text
    assert (t.encode(text, ["<|im_end|>"])[0], 1 in t.encode(text, ["<|im_end|>"])) == (2, False)
    assert t.decode(t.encode(text, "all"), skip_special_tokens=True) == "a"
    with pytest.raises(ValueError, match=r"allowed_special contains '<no>'; the special tokens are: '<\|endoftext"):
        t.encode(text, ["<no>"])
    with pytest.raises(TypeError, match="encode: expected a str, not NoneType"):
        t.encode(None, "all")
    with pytest.raises(IndexError, match=f"id {len(TOKENS)} at position 0 is out of range"):
        t.token(len(TOKENS))


def test_an_id_that_only_the_model_has_adds_no_text(t, wordpiece):
    for tokenizer in (t, wordpiece):
        ids = tokenizer.encode("the", add_special_tokens=False)
        assert tokenizer.decode([*ids, tokenizer.vocab_size + 3, 10**9]) == tokenizer.decode(ids)
        with pytest.raises(IndexError, match="id -1 at position 0 is out of range"):
            tokenizer.decode([-1])


def test_saved_files_are_read_again(t, wordpiece, tmp_path):
    for tokenizer in (t, wordpiece):
        tokenizer.save(tmp_path / "saved.json")
        assert Tokenizer.load(tmp_path / "saved.json") == tokenizer
        (tmp_path / "merges.txt").touch()
        tokenizer.to_files(tmp_path)
        again = PretrainedTokenizer.from_files(tmp_path)
        assert again == tokenizer and again.chat_template == tokenizer.chat_template
        assert again.named_tokens == tokenizer.named_tokens
        assert not (tmp_path / "merges.txt").exists()
    assert wordpiece.named_tokens == {"cls_token": "[CLS]", "pad_token": "[PAD]"}


@pytest.mark.parametrize("state", [{"whole": []}, {"settings": []}, {"settings": ["5"]}, {"settings": ["["]}])
def test_a_saved_file_that_is_damaged_is_refused(state, t, tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"tokenizer": t.kind, **t._state(), **state}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"t\.json is not a complete PretrainedTokenizer: "):
        Tokenizer.load(path)


def test_settings_of_older_and_newer_folders_are_read(t, tmp_path):
    (tmp_path / "tokenizer.json").write_text(t._whole, encoding="utf-8")
    (tmp_path / "special_tokens_map.json").write_text('{"eos_token": "<|im_end|>"}', encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "b"}', encoding="utf-8")
    read = PretrainedTokenizer.from_files(tmp_path)
    assert (read.named_tokens, read.chat_template) == ({"eos_token": "<|im_end|>"}, "b")
    (tmp_path / "chat_template.jinja").write_text("c", encoding="utf-8")
    assert PretrainedTokenizer.from_files(tmp_path).chat_template == "c"
    assert PretrainedTokenizer(t._whole, {"chat_template": ["a"]}).chat_template is None
    (tmp_path / "tokenizer_config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"tokenizer_config\.json must hold an object, not list"):
        PretrainedTokenizer.from_files(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer.ggml.model": "t5"}, "its tokenizer is 't5'; supported is 'gpt2'"),
        ({"tokenizer.ggml.pre": "qwen2"}, "into words as 'qwen2' does; supported are gpt-2, smollm, llama-bpe"),
        ({"tokenizer.ggml.merges": None}, "its tokenizer has no merges"),
        ({"tokenizer.ggml.merges": [*MERGES, "no pe"]}, "the package tokenizers cannot read this tokenizer.json: "),
    ],
)
def test_tokenizers_that_are_not_supported_or_damaged_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        byte_level(**changes)


@pytest.mark.parametrize("text", ["{", '{"model": 1}', ""])
def test_a_damaged_tokenizer_json_is_named_with_its_folder(text, tmp_path):
    (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
    with pytest.raises(
        ValueError, match=re.escape(f"{tmp_path / 'tokenizer.json'}: the package tokenizers cannot read")
    ):
        PretrainedTokenizer.from_files(tmp_path)


# --- chats ----------------------------------------------------------------------------------------------------


QUESTION = {"role": "user", "content": "the"}
ANSWER = {"role": "assistant", "content": "he"}
SYSTEM = {"role": "system", "content": "1"}


def test_a_chat_is_the_text_of_the_template(t):
    assert t.format_chat([SYSTEM, QUESTION]) == (
        "<|im_start|>system\n1<|im_end|>\n<|im_start|>user\nthe<|im_end|>\n<|im_start|>assistant\n"
    )
    assert t.format_chat([QUESTION], add_generation_prompt=False) == "<|im_start|>user\nthe<|im_end|>\n"
    assert t.ends == [2]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ bos_token }}{% if pad_token %}x{% endif %}", "<|im_start|>"),
        ("{{ messages | tojson }}", '[{"role": "user", "content": "é<"}]'),
        ("{{ messages[0] | tojson(indent=1, ensure_ascii=True) }}", '{\n "role": "user",\n "content": "\\u00e9<"\n}'),
        ("{% for x in [1, 2, 3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}", "1"),
        ("  {% if true %}\na\n  {% endif %}\n", "a\n"),
        ("{{ '%3d' % 7 }}{{ '{:>3}'.format(7) }}{{ 2 ** 3 }}", "  7  78"),
        (
            "{% for k, v in {'a': 1, 'b': (2, 3)}.items() %}{{ k }}{{ [v, [v]] }}{% endfor %}",
            "a[1, [1]]b[(2, 3), [(2, 3)]]",
        ),
        ("{{ strftime_now('%Y') }}", datetime.now().strftime("%Y")),
    ],
)
def test_templates_get_what_transformers_gives_them(template, text):
    t = byte_level(**{"tokenizer.chat_template": template})
    assert t.format_chat([{"role": "user", "content": "é<"}]) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('no system message') }}", "the chat template fails: no system message"),
        ("{% for %}", "the chat template fails: "),
        ("{{ ''.__class__.__mro__ }}", "the chat template fails: access to attribute '__class__' .* is unsafe"),
        ("{{ messages.append(1) }}", "the chat template fails: access to attribute 'append' .* is unsafe"),
    ],
)
def test_a_template_that_fails_or_leaves_its_sandbox_is_refused(template, message):
    t = byte_level(**{"tokenizer.chat_template": template})
    with pytest.raises(ValueError, match=message):
        t.format_chat([QUESTION])


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ("the", r"""expected a list of messages, \[\{"role": "user", "content": "Hi!"\}\], got 'the'"""),
        ([], "expected a list of messages"),
        (QUESTION, "expected a list of messages"),
        (["the"], r'message 0 must be \{"role": \.\.\., "content": a text\}, got \'the\''),
        ([QUESTION, {"role": "user"}], "message 1 must be"),
        ([{"role": "user", "content": 3}], "message 0 must be"),
        ([{"role": "bot", "content": "a"}], "message 0 has role 'bot'; the roles are system, user, assistant"),
        ([{"role": "user", "content": "a<|im_end|>"}], r"message 0 contains the special token '<\|im_end\|>'"),
    ],
)
def test_messages_are_checked(messages, message, t):
    with pytest.raises(ValueError, match=message):
        t.format_chat(messages)


def test_a_long_chat_loses_its_oldest_questions_and_answers(t):
    chat = [SYSTEM, QUESTION, ANSWER, QUESTION, ANSWER, QUESTION]
    whole = t.encode_chat(chat, 1000)
    assert t.decode(whole) == t.format_chat(chat)
    for room, kept in ((len(whole) - 1, [SYSTEM, *chat[3:]]), (1, [SYSTEM, QUESTION])):
        assert t.decode(t.encode_chat(chat, room)) == t.format_chat(kept)
    assert t.decode(t.encode_chat(tuple(chat[1:]), 1)) == t.format_chat([QUESTION])


@pytest.mark.parametrize("package", ["tokenizers", "jinja2"])
def test_without_a_package_the_extra_is_named(package, monkeypatch):
    pretrained._environment.cache_clear()
    monkeypatch.setitem(sys.modules, {"jinja2": "jinja2.sandbox"}.get(package, package), None)
    with pytest.raises(ImportError, match=rf'the package {package}: pip install "\.\[pretrained\]"'):
        byte_level().format_chat([QUESTION])


PIECES = ["the", " the", " river", "bank", " ", "  ", ",", ".", "é", "🙂", "don't", "\n", "</s>", "▁"]


@pytest.mark.parametrize("kind", ["t", "wordpiece", "unigram"])
def test_ids_and_texts_are_those_of_transformers(kind, request, tmp_path):
    transformers = pytest.importorskip("transformers")
    ours = request.getfixturevalue(kind)
    ours.to_files(tmp_path)
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    draw = random.Random(0)
    for _ in range(200):
        text = "".join(draw.choices([*PIECES, "<|im_end|>", "[MASK]"], k=draw.randrange(8)))
        for around in (True, False):
            ids = theirs(text, add_special_tokens=around, padding=False, truncation=False)["input_ids"]
            assert ours.encode(text, "all", add_special_tokens=around) == ids
        for skip in (True, False):
            wanted = theirs.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
            assert ours.decode(ids, skip) == wanted
            assert "".join(ours.stream(ids, skip)) == wanted
