"""GPT-2: what of config.json is read as a GPTConfig, and what is refused; the names and layout of the tensors."""

import json

import pytest

import nn
from numeric import assert_close
from small_gpt2 import reconfigure, small
from transformer import GPT

pytest.importorskip("safetensors")


def test_fields_that_an_old_config_leaves_out_are_gpt2s(folder):
    config = {"n_embd": 4, "n_head": 2, "n_layer": 2, "n_ctx": 6, "n_positions": 6, "vocab_size": 7, "n_inner": None}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ValueError, match=r"c_fc.weight has shape \(4, 5\), expected \(4, 16\)"):
        GPT.from_pretrained(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "llama"}, "describes 'llama', not a GPT-2"),
        ({"activation_function": "mish"}, "something that GPT does not support: activation_function 'mish'"),
        (
            {"scale_attn_weights": False, "add_cross_attention": True},
            "scale_attn_weights False, add_cross_attention True",
        ),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx True"),
        ({"n_head": 3}, r"config\.json .*: GPTConfig: width 4 .*3 heads"),
        ({"layer_norm_epsilon": "a"}, r"config\.json .*: GPTConfig: eps .*'a'"),
        ({"activation_function": ["a"]}, r"config\.json .*: activation_function \['a'\]"),
        (
            {"layer_norm_epsilon": None, "tie_word_embeddings": "no", "n_inner": "x", "n_head": 2.0},
            r"config\.json .*heads .*2\.0; hidden .*'x'; tied .*'no'; eps .*None",
        ),
    ],
)
def test_configs_that_gpt_does_not_support_are_refused(folder, changes, message):
    reconfigure(folder, **changes)
    with pytest.raises(ValueError, match=message):
        GPT.from_pretrained(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "post", "positions": "rotary"}, "GPT-2 has no norm 'post', positions 'rotary'"),
        ({"activation": "swiglu"}, "GPT-2 has no activation 'swiglu'"),
        ({"embedding_norm": True}, "GPT-2 has no embedding_norm True"),
    ],
)
def test_a_model_that_is_not_a_gpt2_is_not_saved_as_one(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        small(**changes).save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_file_has_gpt2s_names_and_layout(folder):
    tensors = nn.weights.load_file(folder / "model.safetensors")
    assert tensors["transformer.h.1.attn.c_attn.weight"].shape == (4, 12)
    assert tensors["transformer.h.1.mlp.c_fc.weight"].shape == (4, 5)
    assert tensors["transformer.h.1.mlp.c_proj.weight"].shape == (5, 4)
    keys = [name.removeprefix("transformer.h.1.") for name in tensors if ".h.1." in name]
    assert set(keys) == {
        f"{part}.{kind}"
        for part in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
        for kind in ("weight", "bias")
    }
    model = small()
    W_K = tensors["transformer.h.1.attn.c_attn.weight"].numpy()[:, 4:8]
    assert_close(W_K, model.blocks[1].attention.W_K.weight.detach().numpy().T, "W_K", 0)
