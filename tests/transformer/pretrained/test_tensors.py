"""The table of tensors: GPT-2's names and layout."""

import pytest

import nn
from numeric import assert_close
from small_gpt2 import small

pytest.importorskip("safetensors")


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
