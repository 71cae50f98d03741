"""GPT against Hugging Face's GPT-2: each reads the folders of the other, with the same logits."""

import warnings

import numpy as np
import pytest

import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import some_tokens
from transformer import GPT, GPTConfig

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside other packages
    transformers = pytest.importorskip("transformers")
    from transformers import GPT2Config, GPT2LMHeadModel

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

SIZES = {"vocab_size": 7, "n_positions": 10, "n_layer": 3, "n_head": 2, "n_embd": 8}


def theirs(**changes):
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
    model = theirs(**changes)
    model.save_pretrained(tmp_path)
    tokens = some_tokens(3, 10).numpy()
    found = GPT.from_pretrained(tmp_path)(tokens).detach().numpy()
    assert_close(found, logits_of_theirs(model, tokens), "logits", 1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_files_are_read_to_the_last_bit(dtype, tmp_path):
    model = theirs().to(getattr(torch, dtype))
    model.save_pretrained(tmp_path)
    tokens = some_tokens(3, 10).numpy()
    found = GPT.from_pretrained(tmp_path)(tokens).detach().numpy()
    assert_close(found, logits_of_theirs(model.float(), tokens), "logits", 1e-4)


def test_a_file_of_the_model_without_a_head_is_read(tmp_path):
    """Its names have no prefix `transformer.`."""
    model = theirs()
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
    model = theirs()
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
