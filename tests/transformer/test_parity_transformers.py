"""GPT and BPETokenizer against Hugging Face's: each reads the other's folders, with the same logits and ids."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import some_tokens
from transformer import GPT, BPETokenizer, GPTConfig

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside other packages
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("transformers")
    from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

SIZES = {"vocab_size": 7, "n_positions": 10, "n_layer": 3, "n_head": 2, "n_embd": 8}


def their_model(**changes):
    """A random model with weights so large that every part of it affects the logits."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(**{**SIZES, "bos_token_id": 0, "eos_token_id": 0, **changes})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.1, 0.5)
    return model


def logits_of_theirs(model, tokens, mask=None):
    mask = None if mask is None else torch.tensor(mask)
    with torch.no_grad():
        return model(torch.tensor(np.asarray(tokens)), attention_mask=mask).logits.float().numpy()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layer_norm_epsilon": 0.1},
        {"activation_function": "gelu"},
        {"activation_function": "relu", "n_inner": 5},
        {"tie_word_embeddings": False},
    ],
)
def test_logits_of_their_folder_are_theirs(changes, tmp_path):
    model = their_model(**changes)
    model.save_pretrained(tmp_path)
    tokens = some_tokens(3, 10).numpy()
    found = GPT.from_pretrained(tmp_path)(tokens).detach().numpy()
    assert_close(found, logits_of_theirs(model, tokens), "logits", 1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_files_are_read_to_the_last_bit(dtype, tmp_path):
    model = their_model().to(getattr(torch, dtype))
    model.save_pretrained(tmp_path)
    tokens = some_tokens(3, 10).numpy()
    found = GPT.from_pretrained(tmp_path)(tokens).detach().numpy()
    assert_close(found, logits_of_theirs(model.float(), tokens), "logits", 1e-4)


def test_a_file_of_the_model_without_a_head_is_read(tmp_path):
    """Its names have no prefix `transformer.`."""
    model = their_model()
    model.transformer.save_pretrained(tmp_path)
    tokens = some_tokens(3, 10).numpy()
    assert_close(
        GPT.from_pretrained(tmp_path)(tokens).detach().numpy(), logits_of_theirs(model, tokens), "logits", 1e-4
    )


@pytest.mark.parametrize("changes", [{}, {"tied": False}, {"bias": False, "activation": "relu"}, {"hidden": 5}])
def test_our_folder_is_read_by_them(changes, tmp_path):
    sizes = {"vocab_size": 7, "context": 10, "layers": 3, "heads": 2, "width": 8, "eps": 1e-2}
    model = shuffled(GPT(GPTConfig(**{**sizes, **changes})), tl.float32).eval()
    model.save_pretrained(tmp_path)
    loaded, report = GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    tokens = some_tokens(3, 10).numpy()
    assert_close(model(tokens).detach().numpy(), logits_of_theirs(loaded.eval(), tokens), "logits", 1e-4)


def test_greedy_text_is_theirs_and_padding_means_the_same(tmp_path):
    model = their_model()
    model.save_pretrained(tmp_path)
    ours = GPT.from_pretrained(tmp_path)
    prompt = torch.tensor([[1, 2, 3]])
    wanted = model.generate(prompt, max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=None)[
        0, 3:
    ].tolist()
    assert list(ours.generate([1, 2, 3], max_new_tokens=6, temperature=0)) == wanted
    tokens = some_tokens(2, 6).numpy()
    mask = np.array([[True] * 4 + [False] * 2, [True] * 6])
    found, theirs_found = ours(tokens, mask).detach().numpy(), logits_of_theirs(model, tokens, mask.astype(int))
    assert_close(found[mask], theirs_found[mask], "logits of real tokens", 1e-4)


# --- tokenizers -----------------------------------------------------------------------------------------------


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
