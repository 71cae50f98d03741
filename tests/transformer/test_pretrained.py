"""GPT-2, and the other families, in folders: config.json, weights, what is refused, and saving."""

import json
from functools import partial

import pytest

import nn
import tinygrad_lecture as tl
from numeric import assert_close
from small_transformers import PRETRAINED, family, reconfigure, rewrite, small_gpt2 as small, some_tokens
from transformer import GPT, T5, Bart, Bert, GPTConfig, Llama
from transformer.pretrained.format import table


@pytest.fixture
def folder(tmp_path):
    small().save_pretrained(tmp_path / "gpt2")
    return tmp_path / "gpt2"


pytest.importorskip("safetensors")


def assert_alike(found, wanted, tolerance=1e-5):
    """Both models have the same logits."""
    tokens = some_tokens(2, 6)
    assert_close(found(tokens).detach().numpy(), wanted(tokens).detach().numpy(), "logits", tolerance)


def test_names_without_prefix_masks_and_a_tied_head_are_accepted(folder):
    def change(tensors):
        for name in list(tensors):
            tensors[name.removeprefix("transformer.")] = tensors.pop(name)
        tensors["h.0.attn.bias"] = tl.ones(1, 1, 6, 6)
        tensors["h.1.attn.masked_bias"] = tl.tensor(-1e4)
        tensors["lm_head.weight"] = tensors["wte.weight"]

    rewrite(folder, change)
    assert_alike(GPT.from_pretrained(folder), small())


@pytest.mark.parametrize("kind", ["float16", "float64"])
def test_other_floats_become_the_default_dtype(folder, kind):
    def change(tensors):
        for name in tensors:
            tensors[name] = tensors[name].to(dtype=kind)

    rewrite(folder, change)
    model = GPT.from_pretrained(str(folder))
    assert {p.dtype.name for p in model.parameters()} == {"float32"}
    assert_alike(model, small(), 0.02)


def test_after_an_error_the_old_model_is_complete(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(tensors, path, metadata=None):
        path.write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr("transformer.pretrained.source.save_file", fail)
    with pytest.raises(OSError, match="full"):
        small(eps=0.5).save_pretrained(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# --- all families -------------------------------------------------------------------------------------------------


FOLDERS = {
    **PRETRAINED,
    "GPT-2": small,
    "GPT-2, untied": partial(small, activation="relu", tied=False, hidden=0, dropout=0.25),
}
each_family = pytest.mark.parametrize("make", FOLDERS.values(), ids=FOLDERS)


@each_family
def test_a_family_is_saved_and_loaded_again(make, tmp_path):
    model = make()
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert again.config == model.config and not again.training
    state = again.state_dict()
    for name, value in model.state_dict().items():
        assert (state[name].numpy() == value.numpy()).all(), name


IDS = {"bos_token_id": 3, "eos_token_id": 5, "pad_token_id": None}
SECOND = {"eos_token_id": [5, 6], "decoder_start_token_id": 4, "forced_bos_token_id": 6, "temperature": 0.5}


@each_family
def test_what_a_folder_says_of_generation_is_kept(make, tmp_path):
    """And the ids that config.json lacks are read from generation_config.json."""
    model = make()
    model.save_pretrained(tmp_path)
    fresh = json.loads((tmp_path / "config.json").read_text())
    assert fresh["bos_token_id"] is None and not (tmp_path / "generation_config.json").exists()
    reconfigure(tmp_path, **IDS, **dict.fromkeys(["decoder_start_token_id", "forced_bos_token_id"]))
    (tmp_path / "generation_config.json").write_text(json.dumps(SECOND))
    again = type(model).from_pretrained(tmp_path)
    if isinstance(again, (T5, Bart)):
        assert (again.config.start, again.config.stop) == (4, 5)
        assert again.config.forced == (6 if isinstance(again, Bart) else None)
    for folder in (tmp_path / "new", tmp_path):  # also in place of the earlier model
        again.save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        assert IDS.items() <= config.items() and config["decoder_start_token_id"] == 4
        assert json.loads((folder / "generation_config.json").read_text()) == SECOND
    model.save_pretrained(tmp_path)
    assert not (tmp_path / "generation_config.json").exists()
    assert json.loads((tmp_path / "config.json").read_text()) == fresh


def test_the_bias_of_barts_logits_is_not_trained_and_may_be_missing(tmp_path):
    model = PRETRAINED["BART"]()
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["unembedding.W_U.bias"]
    with tl.no_grad():
        model.unembedding.W_U.bias.fill_(0.0)
    model.save_pretrained(tmp_path)
    rewrite(tmp_path, lambda tensors: tensors.pop("final_logits_bias"))
    found, wanted = (m(some_tokens(2, 6), some_tokens(2, 3)) for m in (Bart.from_pretrained(tmp_path), model))
    assert_close(found.detach().numpy(), wanted.detach().numpy(), "logits", 1e-6)


def test_older_names_of_bert_are_read(tmp_path):
    model = family("Bert")
    model.save_pretrained(tmp_path)

    def change(tensors):
        for name in list(tensors):
            old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            tensors[old.removeprefix("bert.")] = tensors.pop(name)
        tensors["embeddings.position_ids"] = tl.arange(6)
        tensors["cls.seq_relationship.weight"] = tl.ones(2, 4)

    rewrite(tmp_path, change)
    assert_alike(Bert.from_pretrained(tmp_path), model)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("GPT-2", {"model_type": "llama"}, "describes 'llama', not a GPT-2"),
        ("GPT-2", {"activation_function": "mish"}, "GPT does not support: activation_function 'mish'"),
        ("Llama", {"attention_bias": True, "mlp_bias": True}, "support: attention_bias True, mlp_bias True"),
        (
            "GPT-2",
            {"layer_norm_epsilon": None, "tie_word_embeddings": "no", "n_inner": "x", "n_head": 2.0},
            r"config\.json .*heads .*2\.0; hidden .*'x'; tied .*'no'; eps .*None",
        ),
        ("Llama", {"model_type": "gpt2"}, "describes 'gpt2', not a Llama; GPT.from_pretrained reads it"),
        ("T5", {"model_type": "umt5"}, "'umt5', not a T5, .*; the nearest is T5, but it is not equal: each block has"),
        ("BERT", {"model_type": "mamba"}, "'mamba', not a BERT, .*; the nearest is none of the families here"),
        ("Llama", {"rope_scaling": {"rope_type": "yarn"}}, "something that Llama does not support: rope_type 'yarn'"),
        ("T5", {"feed_forward_proj": "gated-silu"}, "T5 does not support: feed_forward_proj 'gated-silu'"),
        (
            "T5",
            {"num_decoder_layers": 0, "is_encoder_decoder": False},
            "num_decoder_layers 0, is_encoder_decoder False",
        ),
        ("BART", {"decoder_ffn_dim": 6}, "support: decoder_ffn_dim 6 beside encoder_ffn_dim 5"),
    ],
)
def test_configs_that_a_family_does_not_support_are_refused(name, changes, message, tmp_path):
    model = FOLDERS[name]()
    model.save_pretrained(tmp_path)
    reconfigure(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        type(model).from_pretrained(tmp_path)


def test_each_model_type_that_a_class_reads_is_in_the_table_of_families():
    families = table("families")
    assert families["read"] == {kind.format.model_type: kind.__name__ for kind in (GPT, Llama, Bert, T5, Bart)}
    assert {name for name, _ in families["others"].values()} <= set(families["read"].values())


OLDER = """
_name_or_path architectures transformers_version torch_dtype use_cache output_past id2label n_ctx max_length num_beams
early_stopping length_penalty no_repeat_ngram_size task_specific_params directionality pooler_type
gradient_checkpointing classif_dropout summary_type transformers.js_config
"""  # older fields of no effect


@each_family
def test_fields_that_a_family_does_not_know_are_named(make, tmp_path):
    model = make()
    model.save_pretrained(tmp_path)
    family = type(model).__name__
    reconfigure(tmp_path, **dict.fromkeys(OLDER.split(), 1), attn_logit_softcapping=None)
    type(model).from_pretrained(tmp_path)
    reconfigure(tmp_path, attention_window=4, pruned_heads={"0": [1]}, rope_scaling={"beta_fast": 0.5})
    said = rf"options that {family} does not know and leaves out: .*attention_window 4, pruned_heads \{{'0': \[1\]\}}"
    with pytest.warns(UserWarning, match=said) as caught:
        type(model).from_pretrained(tmp_path)
    assert caught[0].filename == __file__
    assert ("beta_fast 0.5" in str(caught[0].message)) == (family == "Llama")


class LoRA(nn.Module):
    def __init__(self, layer):
        self.layer = layer


def test_a_model_with_another_layer_is_not_saved(tmp_path):
    model = PRETRAINED["Llama"]()
    model.blocks[1].attention.W_Q = LoRA(model.blocks[1].attention.W_Q)
    with pytest.raises(ValueError, match=r"^blocks\.1\.attention\.W_Q is a LoRA; a Llama's files have one of nn"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(small, norm="post", positions="rotary"), "GPT-2 has no norm 'post', positions 'rotary'"),
        (partial(small, activation="swiglu"), "GPT-2 has no activation 'swiglu'"),
        (partial(family, "Llama", bias=True), "as a Llama: a Llama has no bias True"),
        (partial(family, "Bart", kv_heads=1), "a BART has no kv_heads 1"),
    ],
)
def test_a_model_of_another_kind_is_not_saved_as_a_familys(make, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        make().save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def complaints(folder):
    with pytest.raises(ValueError, match=r"the weights do not match config\.json") as caught:
        GPT.from_pretrained(folder)
    return str(caught.value).split("\n  ")[1:]


def test_everything_wrong_with_the_weights_is_listed(folder):
    def change(tensors):
        del tensors["transformer.h.0.ln_1.bias"]
        del tensors["transformer.wpe.weight"]
        tensors["transformer.h.2.ln_1.weight"] = tl.ones(4)
        tensors["classifier.weight"] = tl.ones(2, 3)
        tensors["transformer.h.1.mlp.c_fc.weight"] = tl.ones(5, 4)
        tensors["transformer.ln_f.bias"] = tl.arange(4)

    rewrite(folder, change)
    assert complaints(folder) == [
        "missing: transformer.wpe.weight (6, 4)",
        "missing: transformer.h.0.ln_1.bias (4,)",
        "unexpected: classifier.weight (2, 3); transformers' model.base_model.save_pretrained leaves it out",
        "transformer.h.1.mlp.c_fc.weight has shape (5, 4), expected (4, 5)",
        "unexpected: transformer.h.2.ln_1.weight (4,)",
        "transformer.ln_f.bias has dtype I64, expected floats",
    ]


def test_a_different_tied_head_and_repeated_tensors_are_refused(folder):
    def change(tensors):
        tensors["wte.weight"] = tensors["transformer.wte.weight"]
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"] + 1

    rewrite(folder, change)
    assert complaints(folder) == [
        "wte.weight occurs twice, as transformer.wte.weight and as wte.weight",
        "lm_head.weight differs from transformer.wte.weight, but they are one matrix in this model",
    ]
    reconfigure(folder, tie_word_embeddings=False)
    rewrite(folder, lambda tensors: tensors.pop("wte.weight"))
    head = GPT.from_pretrained(folder).unembedding.W_U.weight.detach().numpy()
    assert_close(head, nn.weights.load_file(folder / "model.safetensors")["lm_head.weight"].numpy(), "W_U", 0)


@pytest.mark.parametrize("name", ["n_layer", "vocab_size", "n_positions", "n_inner"])
def test_a_config_far_larger_than_the_files_is_refused_before_a_model_is_made(folder, name):
    reconfigure(folder, **{name: 10**20})
    with pytest.raises(ValueError, match=r"config.json describes [\d,]{20,} parameters, but the files hold \d+"):
        GPT.from_pretrained(folder)


def test_weights_that_are_no_longer_tied_are_not_saved_as_tied(tmp_path):
    model = GPT(GPTConfig(vocab_size=7, context=6, layers=1, heads=2, width=4))
    model.embedding.W_E.weight = nn.Parameter(tl.randn(7, 4))
    with pytest.raises(ValueError, match=r"config ties W_U to W_E, but their weights differ"):
        model.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_missing_and_foreign_files_are_named(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match="a pickle; pickles can run any code"):
        GPT.from_pretrained(folder)
    (folder / "pytorch_model.bin").unlink()
    (folder / "model.safetensors.index.json").touch()
    with pytest.raises(FileNotFoundError, match=r"its weights in parts, .* save the model again"):
        GPT.from_pretrained(folder)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        GPT.from_pretrained(folder)
    (folder / "config.json").write_text("[1,", encoding="utf-8")
    with pytest.raises(ValueError, match=r"config\.json is not valid JSON"):
        GPT.from_pretrained(folder)
    (folder / "config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(ValueError, match="describes 'list', not a GPT-2"):
        GPT.from_pretrained(folder)
    with pytest.raises(FileNotFoundError, match=r"expected a folder with config\.json and model"):
        GPT.from_pretrained(folder / "nowhere")
    with pytest.raises(ValueError, match=r"config\.json is one file of a folder .*; give the folder, .*gpt2$"):
        GPT.from_pretrained(folder / "config.json")
