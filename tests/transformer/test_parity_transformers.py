"""The five families and BPETokenizer against Hugging Face's: each reads the other's folders, and computes the same."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from transformer import (
    GPT,
    T5,
    Bart,
    BartConfig,
    Bert,
    BertConfig,
    BPETokenizer,
    EncoderDecoder,
    GPTConfig,
    Llama,
    LlamaConfig,
    T5Config,
    generation,
)

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside other packages
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    from transformers import GPT2TokenizerFast

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

GPT2 = {"vocab_size": 7, "n_positions": 10, "n_layer": 3, "n_head": 2, "n_embd": 8}
LLAMA = {"vocab_size": 7, "max_position_embeddings": 10, "hidden_size": 8, "intermediate_size": 12}
LLAMA |= {"num_hidden_layers": 3, "num_attention_heads": 4}
BERT = {**LLAMA, "pad_token_id": 0}
SMALL_T5 = {"vocab_size": 7, "d_model": 8, "d_ff": 12, "d_kv": 3, "num_layers": 2, "num_heads": 2}
SMALL_T5 |= {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 6, "decoder_start_token_id": 0}
BART = {"vocab_size": 7, "max_position_embeddings": 10, "d_model": 8, "decoder_start_token_id": 2}
BART |= {"encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 12}
BART |= {"decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 12}
BART |= {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
CASES = {  # our family, theirs, and their config
    "GPT-2": (GPT, "GPT2LMHeadModel", GPT2),
    "GPT-2, exact GELU": (GPT, "GPT2LMHeadModel", {**GPT2, "activation_function": "gelu"}),
    "GPT-2, untied": (GPT, "GPT2LMHeadModel", {**GPT2, "tie_word_embeddings": False}),
    "Llama": (Llama, "LlamaForCausalLM", LLAMA),
    "Llama, grouped": (Llama, "LlamaForCausalLM", {**LLAMA, "num_key_value_heads": 2, "rope_theta": 50.0}),
    "Llama, tied, wide heads": (
        Llama,
        "LlamaForCausalLM",
        {**LLAMA, "num_key_value_heads": 1, "head_dim": 6, "tie_word_embeddings": True},
    ),
    "BERT": (Bert, "BertForMaskedLM", BERT),
    "BERT without head": (Bert, "BertModel", {**BERT, "hidden_act": "relu", "type_vocab_size": 3}),
    "T5": (T5, "T5ForConditionalGeneration", SMALL_T5),
    "T5 1.1": (
        T5,
        "T5ForConditionalGeneration",
        {**SMALL_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    "BART": (Bart, "BartForConditionalGeneration", BART),
    "BART, forced": (Bart, "BartForConditionalGeneration", {**BART, "forced_bos_token_id": 0}),
}
each_case = pytest.mark.parametrize("case", CASES)
generating = pytest.mark.parametrize("case", [case for case, (family, *_) in CASES.items() if family is not Bert])


def their_model(case):
    """A random model with weights so large that every part of it affects the logits."""
    _, architecture, config = CASES[case]
    torch.manual_seed(0)
    kind = getattr(transformers, architecture)
    model = kind._from_config(kind.config_class(**config), attn_implementation="eager").eval()
    with torch.no_grad():
        for tensor in (*model.parameters(), *(b for name, b in model.named_buffers() if "logits_bias" in name)):
            tensor.normal_(0.1, 0.5)
    return model


@pytest.fixture
def both(case, tmp_path):
    """The same model as ours and theirs."""
    theirs = their_model(case)
    theirs.save_pretrained(tmp_path)
    return CASES[case][0].from_pretrained(tmp_path), theirs


def texts(model):
    """A batch of texts for a model, or of sources and targets; no token is their padding."""
    shapes = [(2, 6), (2, 4)] if isinstance(model, EncoderDecoder) else [(2, 8)]
    return [np.random.default_rng(i).integers(2, 7, shape) for i, shape in enumerate(shapes)]


def padding(model):
    """Masks for `texts`, with padding in the first text."""
    masks = [np.ones(text.shape, bool) for text in texts(model)]
    for mask in masks:
        mask[0, -2:] = False
    return masks


def ours_of(model, *inputs):
    has_head = isinstance(model, Bert) and model.config.head
    return model.logits(*inputs) if has_head else model(*inputs)


def theirs_of(model, inputs, masks=(None, None), **options):
    names = ("attention_mask", "decoder_attention_mask")
    options |= {name: torch.tensor(m).long() for name, m in zip(names, masks, strict=False) if m is not None}
    if len(inputs) == 2:
        options["decoder_input_ids"] = torch.tensor(inputs[1])
    return model(torch.tensor(inputs[0]), **options)


def outputs(theirs):
    """The logits of what their model returns, or its last vectors, as an array."""
    return (theirs["logits"] if "logits" in theirs else theirs["last_hidden_state"]).detach().float().numpy()


def assert_alike(ours, theirs):
    """Both models compute the same."""
    inputs = texts(ours)
    found = ours_of(ours, *inputs).detach().numpy()
    assert_close(found, outputs(theirs_of(theirs, inputs)), "logits", 1e-4)


@each_case
def test_logits_of_their_folder_are_theirs(both):
    assert_alike(*both)


@each_case
def test_every_hidden_state_and_attention_weight_is_theirs(both):
    ours, theirs = both
    inputs, masks = texts(ours), padding(ours)
    trace = ours.trace(*inputs, *masks)
    wanted = theirs_of(theirs, inputs, masks, output_hidden_states=True, output_attentions=True)
    stacks = {"": (trace, getattr(ours, "norm", None), masks[0])}
    if len(inputs) == 2:
        stacks = {
            "encoder_": (trace.source, ours.encoder_norm, masks[0]),
            "decoder_": (trace, ours.decoder_norm, masks[1]),
        }
        weights = [np.moveaxis(layer, 1, -2)[masks[1]] for layer in trace.cross]
        wanted_weights = [np.moveaxis(layer.detach().numpy(), 1, -2)[masks[1]] for layer in wanted["cross_attentions"]]
        assert_close(weights, wanted_weights, "cross-attention", 1e-4)
    for name, (own, norm, mask) in stacks.items():
        states = [*own.residual[:-1], norm(tl.tensor(own.residual[-1])).detach().numpy()]
        for layer, (a, b) in enumerate(zip(states, wanted[f"{name}hidden_states"], strict=True)):
            assert_close(a[mask], b.detach().numpy()[mask], f"{name}state {layer}", 1e-4)
        for layer, (a, b) in enumerate(zip(own.attention, wanted[f"{name}attentions"], strict=True)):
            a, b = (np.moveaxis(x, 1, -2)[mask] for x in (a, b.detach().numpy()))  # (queries, heads, keys)
            assert_close(a, b, f"{name}attention of layer {layer}", 1e-4)


@each_case
def test_gradients_of_every_parameter_are_theirs(both):
    ours, theirs = both
    found, wanted = ours_of(ours, *texts(ours)), theirs_of(theirs, texts(ours))
    wanted = wanted["logits"] if "logits" in wanted else wanted["last_hidden_state"]
    upstream = np.random.default_rng(9).normal(size=found.shape).astype("float32")
    found.backward(tl.tensor(upstream))
    wanted.backward(torch.tensor(upstream))
    entries = {name: entry for entry in ours.format.entries(ours) for name in entry.names}
    for name, parameter in theirs.named_parameters():
        if parameter.grad is None:  # the pooler's
            continue
        entry = entries[ours.format.own_name(name)]
        mine = entry.layout.write([part.grad.numpy() for part in entry.parts])
        assert_close(mine, parameter.grad.numpy(), f"gradient of {name}", 1e-4, 2e-4)


@pytest.mark.parametrize("case", ["BERT without head"])
def test_segments_are_theirs(both):
    ours, theirs = both
    (tokens,), (mask,) = texts(ours), padding(ours)
    segments = np.random.default_rng(3).integers(0, 3, tokens.shape)
    wanted = theirs_of(theirs, [tokens], [mask], token_type_ids=torch.tensor(segments))
    assert_close(ours(tokens, mask, segments).detach().numpy()[mask], outputs(wanted)[mask], "vectors", 1e-4)


@generating
def test_greedy_texts_are_theirs(both):
    """Of prompts, or sources, of several lengths, each on its own and all as one batch."""
    ours, theirs = both
    prompts, wanted = [[3, 2, 5], [4], [6, 2, 2, 3, 5, 4]], []
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    options["forced_eos_token_id"] = None  # as the last token it only ends the text
    for prompt in prompts:
        given = torch.tensor([prompt])
        out = theirs.generate(given, attention_mask=torch.ones_like(given), **options)
        before = len(ours.beginning(None)) if isinstance(ours, EncoderDecoder) else len(prompt)
        wanted.append(out[0, before:].tolist())
    settings = {"max_new_tokens": len(wanted[0]), "temperature": 0, "stop": None}
    assert [list(ours.generate(prompt, **settings)) for prompt in prompts] == wanted
    assert ours.generate_batch(prompts, **settings) == wanted


DRAWS = [{"temperature": 1.5, "top_k": 5, "top_p": 0.8}, {"temperature": 1.0, "top_p": 0.9}]


@generating
@pytest.mark.parametrize("chosen", DRAWS)
def test_tokens_are_drawn_from_their_distribution(both, chosen, monkeypatch):
    """Of each token; what is drawn is what they drew."""
    ours, theirs = both
    options = {"do_sample": True, "max_new_tokens": 5, "eos_token_id": None, "pad_token_id": 0, "top_k": 0, **chosen}
    options["forced_eos_token_id"] = None
    prompt = torch.tensor([[3, 2, 5]])
    out = theirs.generate(prompt, output_scores=True, return_dict_in_generate=True, **options)
    begun = ours.beginning(None)[1:] if isinstance(ours, EncoderDecoder) else []
    scores, drawn = out.scores[len(begun) :], out.sequences[0, -5 + len(begun) :].tolist()
    found = []
    monkeypatch.setattr(
        generation, "draw", lambda p, _: found.append(p.numpy()[0]) or np.array([drawn[len(found) - 1]])
    )
    settings = {"max_new_tokens": len(drawn), "stop": None, **chosen}
    assert list(ours.generate(prompt[0].tolist(), **settings)) == drawn
    for mine, wanted in zip(found, scores, strict=True):
        assert_close(mine, wanted[0].softmax(-1).numpy(), "probabilities", 1e-4)


@pytest.mark.parametrize("case", ["GPT-2", "Llama", "T5", "BART", "BART, forced"])
def test_they_begin_and_stop_as_before_after_we_have_saved(case, tmp_path):
    """A token that they generate in the middle ends the text."""
    theirs, prompt = their_model(case), torch.tensor([[3, 2, 5]])
    theirs.generation_config.eos_token_id = None
    free = theirs.generate(prompt, do_sample=False, max_new_tokens=6)[0].tolist()
    theirs.config.eos_token_id = theirs.generation_config.eos_token_id = free[-3]
    theirs.config.bos_token_id = theirs.generation_config.bos_token_id = 4
    wanted = theirs.generate(prompt, do_sample=False, max_new_tokens=6)[0].tolist()
    theirs.save_pretrained(tmp_path / "theirs")
    for second in (True, False):  # with generation_config.json and without
        if not second:
            (tmp_path / "theirs" / "generation_config.json").unlink()
        CASES[case][0].from_pretrained(tmp_path / "theirs").save_pretrained(tmp_path / "ours")
        again = type(theirs).from_pretrained(tmp_path / "ours").eval()
        assert again.generate(prompt, do_sample=False, max_new_tokens=6)[0].tolist() == wanted
        ids = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
        assert all(getattr(again.generation_config, id) == getattr(theirs.generation_config, id) for id in ids)


OURS = {  # a family, its architecture in Hugging Face's files, and a config
    "GPT-2": (GPT, GPTConfig, {"eps": 1e-2}),
    "GPT-2, untied": (GPT, GPTConfig, {"tied": False}),
    "GPT-2 without biases": (GPT, GPTConfig, {"bias": False, "activation": "relu"}),
    "Llama": (Llama, LlamaConfig, {"kv_heads": 2, "rotary_base": 30.0, "eps": 1e-2}),
    "BERT": (Bert, BertConfig, {"eps": 1e-2}),
    "T5": (T5, T5Config, {"head_width": 3, "eps": 1e-2}),
    "T5 1.1": (T5, T5Config, {"activation": "geglu", "tied": False, "scaled_logits": False, "decoder_layers": 1}),
    "BART": (Bart, BartConfig, {"decoder_layers": 1}),
}


@pytest.mark.parametrize("name", OURS)
def test_our_folder_is_read_by_them(name, tmp_path):
    family, config, changes = OURS[name]
    sizes = {"vocab_size": 7, "context": 10, "layers": 3, "heads": 4, "width": 8, "hidden": 12}
    ours = shuffled(family(config(**{**sizes, **changes})), tl.float32).eval()
    ours.save_pretrained(tmp_path)
    kind = getattr(transformers, family.format.architecture)
    theirs, report = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert_alike(ours, theirs.eval())
    assert_alike(family.from_pretrained(tmp_path), theirs)


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
def ours(theirs, tmp_path_factory):
    files = tmp_path_factory.mktemp("files")
    theirs.backend_tokenizer.model.save(str(files))
    (files / "added_tokens.json").write_text(json.dumps({"<pad>": len(theirs) - 1}), encoding="utf-8")
    return BPETokenizer.from_files(files)


@given(TEXTS)
@settings(max_examples=200)
def test_ids_and_text_are_theirs(ours, theirs, text):
    ids = theirs(text)["input_ids"]
    assert ours.encode(text, "all") == ids
    assert ours.decode(ids) == theirs.decode(ids, clean_up_tokenization_spaces=False)
