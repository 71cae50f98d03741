"""GGUF files: names, layouts and kinds of tensors, models and chats from them, what is refused, damaged files."""

import random

import numpy as np
import pytest

import tinygrad_lecture as tl
from numeric import assert_close
from small_transformers import LLAMA, TOKENIZER, TOKENS as NAMES, llama_tensors, write_gguf
from tinygrad_lecture.kernels import compiled
from transformer import GPT, Llama
from transformer.pretrained.gguf import GGUFFile

gguf = pytest.importorskip("gguf")
pytestmark = pytest.mark.pretrained


def llama(path, changes=None, tensors=None, **settings):
    sizes = {name: value for name, value in {**LLAMA, **(changes or {})}.items() if value is not None}
    return write_gguf(path / "llama.gguf", sizes, tensors or llama_tensors(), **settings)


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_1"])
def test_the_tensors_of_a_llama_have_hugging_faces_names_and_layout(kind, tmp_path):
    tensors, stored = llama_tensors(), gguf.GGMLQuantizationType[kind]
    source = GGUFFile(llama(tmp_path, kind=kind))
    assert set(source) == set(tensors) and len(source) == len(tensors)
    for name, tensor in tensors.items():
        wanted = gguf.dequantize(gguf.quantize(tensor, stored), stored) if tensor.ndim > 1 else tensor
        assert source.shape(name) == tensor.shape and source[name].dtype == np.float32
        assert_close(source[name], wanted, name, 0)


def test_the_config_is_hugging_faces(tmp_path):
    assert GGUFFile(llama(tmp_path, {"attention.key_length": 16})).config == {
        "model_type": "llama",
        "max_position_embeddings": 24,
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rms_norm_eps": 0.125,
        "rope_theta": 500.0,
        "vocab_size": len(NAMES),
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": None,
    }
    tied = {name: tensor for name, tensor in llama_tensors().items() if name != "lm_head.weight"}
    assert GGUFFile(llama(tmp_path, tensors=tied)).config["tie_word_embeddings"]


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "Q4_1"])
def test_quantised_weights_stay_as_they_are(kind, tmp_path):
    """The same logits and gradients of the norms, without a parameter for any matrix."""
    path = llama(tmp_path, kind=kind)
    usual, quantized = Llama.from_pretrained(path), Llama.from_pretrained(path, quantized=True)
    assert [name for name, p in quantized.named_parameters() if p.ndim > 1] == []
    assert {name for name, _ in quantized.named_parameters()} < {name for name, _ in usual.named_parameters()}
    for tokens in (TOKENS, TOKENS[0, :1]):
        found, wanted = quantized(tokens), usual(tokens)
        assert_close(found.detach().numpy(), wanted.detach().numpy(), "logits", 1e-4, 1e-4)
        for logits, model in ((found, quantized), (wanted, usual)):
            model.zero_grad()
            logits.sum().backward()
        gradients = [model.blocks[0].norm_1.weight.grad.numpy() for model in (quantized, usual)]
        assert_close(*gradients, "gradient", 1e-3, 1e-3)
    assert list(quantized.generate([1, 2], max_new_tokens=9, temperature=0)) == list(
        usual.generate([1, 2], max_new_tokens=9, temperature=0)
    )
    assert "(W_Q): QuantizedLinear(64, 64, bits=" + kind[1] in repr(quantized)
    with pytest.raises(ValueError, match="the weights are quantised; read the model without"):
        quantized.save_pretrained(tmp_path / "saved")


def test_quantised_products_of_one_vector_are_one_job_unless_somebody_looks(tmp_path, monkeypatch):
    model = Llama.from_pretrained(llama(tmp_path, kind="Q4_1"), quantized=True)
    monkeypatch.setitem(compiled.compiles.__kwdefaults__, "least", 1)
    with tl.no_grad():
        with tl.profile() as profile:
            wanted = model(TOKENS[0, :1]).numpy()
        layers, seen = (model.blocks[0].attention.W_K, model.blocks[0].ffn.up), []
        for layer in layers:
            layer.register_forward_hook(lambda layer, inputs, output: seen.append(layer))
        assert_close(model(TOKENS[0, :1]).numpy(), wanted, "logits", 0, 0)
    assert seen == [*layers]
    assert "quantized_rows" in str(profile)


def test_a_file_without_such_weights_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"llama\.gguf has no matrices of 4 or 8 bits"):
        Llama.from_pretrained(llama(tmp_path, kind="F16"), quantized=True)


# --- models ---------------------------------------------------------------------------------------------------

TOKENS = np.random.default_rng(1).integers(0, len(NAMES), (2, 20))


def test_a_model_from_a_gguf_file_is_saved_as_a_folder_with_its_tokenizer(tmp_path):
    model = Llama.from_pretrained(llama(tmp_path, kind="Q8_0"))
    model.save_pretrained(tmp_path / "folder")
    again = Llama.from_pretrained(tmp_path / "folder")
    assert_close(again(TOKENS).detach().numpy(), model(TOKENS).detach().numpy(), "logits", 0)
    assert again.tokenizer == model.tokenizer and again.tokenizer.chat_template == model.tokenizer.chat_template
    assert again.config == model.config


@pytest.mark.parametrize(
    ("family", "tensors", "message"),
    [
        (GPT, {}, r"llama\.gguf: its metadata describes 'llama', not a GPT-2"),
        (Llama, {"model.norm.weight": None}, r"do not match its metadata\n  missing: model\.norm\.weight \(64,\)$"),
        (Llama, {"blk.0.ffn_gate_inp.weight": np.ones((2, 3), np.float32)}, r"unexpected: blk\.0\.ffn_gate_inp\.weigh"),
        (Llama, {"model.norm.weight": np.ones(3, np.float32)}, r"norm\.weight has shape \(3,\), expected \(64,\)"),
    ],
)
def test_another_family_and_tensors_that_do_not_fit_are_named(family, tensors, message, tmp_path):
    tensors = {name: tensor for name, tensor in {**llama_tensors(), **tensors}.items() if tensor is not None}
    with pytest.raises(ValueError, match=message):
        family.from_pretrained(llama(tmp_path, tensors=tensors))


def test_a_model_whose_tokenizer_is_not_supported_is_read_and_says_so_when_asked(tmp_path):
    model = Llama.from_pretrained(llama(tmp_path, fields={**TOKENIZER, "tokenizer.ggml.model": "t5"}))
    assert model(TOKENS).shape == (2, 20, len(NAMES))
    with pytest.raises(ValueError, match=r"llama\.gguf: its tokenizer is 't5'"):
        model.tokenizer.encode("a")
    for damage in ({"token_type": [3] * 1000}, {"tokens": [1, 2]}, {"pre": ["gpt-2"]}):
        fields = TOKENIZER | {f"tokenizer.ggml.{name}": value for name, value in damage.items()}
        with pytest.raises(ValueError, match=r"llama\.gguf: "):
            print(Llama.from_pretrained(llama(tmp_path, fields=fields)).tokenizer)
    model.tokenizer = None
    with pytest.raises(ValueError, match="chat: the model has no tokenizer for chats"):
        model.chat([{"role": "user", "content": "a"}])
    assert Llama.from_pretrained(llama(tmp_path, fields={})).tokenizer is None


# --- chats ----------------------------------------------------------------------------------------------------


HELLO = [{"role": "user", "content": "he"}]


def test_a_chat_is_generated_after_its_template_until_the_message_ends(tmp_path, monkeypatch):
    model = Llama.from_pretrained(llama(tmp_path, {"context_length": 100}))
    prompt, settings = model.tokenizer.encode_chat(HELLO, 100), {"max_new_tokens": 20, "temperature": 0}
    tokens = list(model.generate(prompt, **settings, stop=2))
    assert "".join(model.chat(HELLO, **settings)) == model.tokenizer.decode(tokens, skip_special_tokens=True)
    stopped = list(model.generate(prompt, **settings, stop=[2, tokens[3]]))
    assert "".join(model.chat(HELLO, **settings, stop=tokens[3])) == model.tokenizer.decode(stopped)
    draws = iter(np.eye(len(NAMES))[[NAMES.index("he"), 2, NAMES.index("he")]])
    monkeypatch.setattr(Llama, "next_logits", lambda *_: tl.tensor(next(draws)[None]))
    assert list(model.chat(HELLO, **settings)) == ["he"]


def test_a_chat_is_refused_at_once(tmp_path):
    model = Llama.from_pretrained(llama(tmp_path))
    with pytest.raises(ValueError, match="chat: the last message takes 28 tokens, and the context is 24"):
        model.chat([{"role": "user", "content": "he" * 9}])
    with pytest.raises(ValueError, match="message 0 has role 'me'"):
        model.chat([{"role": "me", "content": "he"}])
    with pytest.raises(TypeError, match="generation has no setting 'heat'"):
        model.chat(HELLO, heat=1)


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block_count": None}, r"llama\.gguf: it has no field llama\.block_count"),
        ({"attention.layer_norm_rms_epsilon": None}, "no field llama.attention.layer_norm_rms_epsilon"),
        ({"attention.head_count": [4, 2]}, r"llama\.attention\.head_count must be a number above 0, got \[4, 2\]"),
        ({"rope.scaling.type": "linear"}, "its field llama.rope.scaling.type is 'linear', which is not supported here"),
        ({"rope.dimension_count": 8}, "llama.rope.dimension_count is 8, which is not supported"),
        ({"attention.sliding_window": 8}, "llama.attention.sliding_window is 8, which is not supported"),
    ],
)
def test_fields_that_are_missing_damaged_or_not_supported_are_named(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        GGUFFile(llama(tmp_path, changes))


def test_other_architectures_are_refused(tmp_path):
    whole = llama(tmp_path).read_bytes()
    (tmp_path / "mamba.gguf").write_bytes(whole.replace(b"llama", b"mamba"))
    with pytest.raises(ValueError, match="architecture 'mamba', not of llama"):
        GGUFFile(tmp_path / "mamba.gguf")


# --- damaged files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "is not a GGUF file, or is damaged; download it again: "),
        (b"GGUF", "it ends too early"),
        (b"PK\x03\x04" + bytes(30), "begins with b'PK"),
        (b"GGUF" + bytes([0, 0, 0, 3]) + bytes(30), "and version 50331648, not with b'GGUF' and 2 or 3"),
    ],
)
def test_other_files_are_refused(start, message, tmp_path):
    (tmp_path / "a.gguf").write_bytes(start)
    with pytest.raises(ValueError, match=message):
        GGUFFile(tmp_path / "a.gguf")


def test_damaged_bytes_give_an_error_or_a_source_but_never_a_crash(tmp_path):
    whole, draw = llama(tmp_path).read_bytes(), random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[draw.randrange(8, 8000)] = draw.choice([0, 1, 9, 127, 255])
        (tmp_path / "damaged.gguf").write_bytes(damaged)
        try:
            source = GGUFFile(tmp_path / "damaged.gguf")
            source.tokenizer and source.tokenizer()
        except ValueError:
            refused += 1
    assert refused > 100
