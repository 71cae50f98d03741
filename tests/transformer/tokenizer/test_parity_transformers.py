"""BPETokenizer against Hugging Face's tokenizers: it reads their files and returns the same ids."""

import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer import GPT, BPETokenizer

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside other packages
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

CORPUS = "Was the bank flooded? It's the river's bank: 12 banks, naïve 🙂 banks!\n\n  The end. " * 5
END = "<|endoftext|>"
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from([*"aTbnk 's\n\t1.🙂ï", " the", " bank", END, "<pad>"])
).map("".join)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A GPT-2 tokenizer that learnt a small corpus."""
    learnt = tokenizers.Tokenizer(tokenizers.models.BPE())
    learnt.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, special_tokens=[END], initial_alphabet=alphabet)
    learnt.train_from_iterator([CORPUS], trainer)
    files = tmp_path_factory.mktemp("learnt")
    learnt.model.save(str(files))
    tokenizer = GPT2TokenizerFast.from_pretrained(files)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    return tokenizer


@pytest.fixture(scope="module")
def folder(theirs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2")
    theirs.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def ours(folder):
    return BPETokenizer.from_files(folder)


def test_the_tokens_are_theirs(ours, theirs):
    assert ours.vocab_size == len(theirs)
    assert ours.special_tokens == {END: 0, "<pad>": len(theirs) - 1}


@given(TEXTS)
@settings(max_examples=200)
def test_ids_and_text_are_theirs(ours, theirs, text):
    ids = theirs(text)["input_ids"]
    assert ours.encode(text, "all") == ids
    assert ours.decode(ids) == theirs.decode(ids, clean_up_tokenization_spaces=False)


def test_our_files_with_tokens_added_to_them_are_read_alike_by_both(ours, tmp_path):
    ours.to_files(tmp_path)
    new = ours.vocab_size
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<sep>": new}), encoding="utf-8")
    text = f"Was the bank<sep> flooded?{END}"
    ids = GPT2TokenizerFast.from_pretrained(tmp_path)(text)["input_ids"]
    assert new in ids and 0 in ids
    assert BPETokenizer.from_files(tmp_path).encode(text, "all") == ids


def test_a_folder_of_theirs_is_model_and_tokenizer(theirs, folder, ours):
    config = GPT2Config(vocab_size=len(theirs), n_positions=16, n_layer=1, n_head=2, n_embd=8)
    model = GPT2LMHeadModel(config).eval()
    model.save_pretrained(folder)
    tokens = ours.encode("Was the bank flooded?")
    with torch.no_grad():
        wanted = model(torch.tensor([tokens])).logits.argmax(-1)[0].tolist()
    assert GPT.from_pretrained(folder)([tokens]).argmax(-1)[0].tolist() == wanted
