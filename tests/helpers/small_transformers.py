"""Small transformers for tests: models of every kind, configs, tokens; a small GPT-2 and changes to its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from modules import shuffled
from strategies import Draw
from transformer import (
    GPT,
    T5,
    Bart,
    BartConfig,
    Bert,
    BertConfig,
    Encoder,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    GPTConfig,
    Llama,
    LlamaConfig,
    T5Config,
)

LIKE_LLAMA = {"norm_kind": "rms", "positions": "rotary", "activation": "swiglu", "bias": False}
LIKE_T5 = {
    "norm": "pre",
    "norm_kind": "rms",
    "positions": "relative",
    "buckets": 4,
    "max_distance": 5,
    "head_width": 3,
    "scaled_scores": False,
    "activation": "geglu",
    "bias": False,
}
GPTS = {
    "GPT-2": {},
    "post-norm": {"norm": "post", "embedding_norm": True, "activation": "relu", "tied": False},
    "rotary": {"positions": "rotary", "activation": "swiglu", "bias": False},
    "Llama": {**LIKE_LLAMA, "kv_heads": 1, "head_width": 4},
    "relative": {**LIKE_T5, "kv_heads": 1},
    "sinusoidal": {"positions": "sinusoidal", "activation": "gelu"},
    "no positions": {"positions": "none"},
}
ENCODERS = {
    "BERT": {},
    "pre-norm": {"norm": "pre", "embedding_norm": False, "tied": False},
    "rotary": {"positions": "rotary", "activation": "swiglu", "bias": False},
    "no positions": {"positions": "none"},
    "relative": {**LIKE_T5, "norm": "post", "kv_heads": 1, "segments": 2},
}
BOTH = {
    "2017": {},
    "rotary": {"positions": "rotary", "activation": "swiglu", "bias": False, "embedding_norm": True},
    "T5": {**LIKE_T5, "decoder_layers": 1},
}
FAMILIES = {
    GPT: (GPTConfig, GPTS, {}),
    Encoder: (EncoderConfig, ENCODERS, {"eps": 1e-5}),
    EncoderDecoder: (EncoderDecoderConfig, BOTH, {}),
}
MODELS = [(family, kind) for family, (_, kinds, _) in FAMILIES.items() for kind in kinds]


SIZES = {"vocab_size": 7, "context": 6, "layers": 2, "heads": 2, "width": 4, "hidden": 5}


def small(
    family: Any, kind: str, dtype: Any = tl.float64, device: str = "cpu", scale: float = 0.5, **changes: Any
) -> Any:
    """A small model of one of the FAMILIES, with random weights."""
    config, kinds, sizes = FAMILIES[family]
    return shuffled(family(config(**{**SIZES, **sizes, **kinds[kind], **changes})), dtype, device, scale)


CHOICES = {
    "vocab_size": st.integers(1, 7),
    "context": st.integers(1, 5),
    "layers": st.integers(1, 2),
    "hidden": st.integers(0, 5),
    "activation": st.sampled_from(["relu", "gelu", "gelu_tanh", "swiglu", "geglu"]),
    "norm": st.sampled_from(["pre", "post"]),
    "norm_kind": st.sampled_from(["layer", "rms"]),
    "positions": st.sampled_from(["learned", "sinusoidal", "rotary", "relative", "none"]),
    "buckets": st.integers(4, 6),
    "head_width": st.sampled_from([0, 6]),
    "bias": st.booleans(),
    "qkv_bias": st.booleans(),
    "tied": st.booleans(),
    "embedding_norm": st.booleans(),
}


@st.composite
def small_settings(draw: Draw) -> dict[str, Any]:
    """Config fields: every choice, tiny sizes."""
    heads, chosen = draw(st.integers(1, 3)), {k: draw(v) for k, v in CHOICES.items()}
    width, kv_heads = heads * draw(st.sampled_from([2, 4])), draw(st.sampled_from([0, 1, heads]))
    return {**chosen, "heads": heads, "width": width, "kv_heads": kv_heads}


def some_tokens(*shape: int, seed: int = 0) -> tl.Tensor:
    """Random tokens 0 to 6 of a shape."""
    return tl.tensor(np.random.default_rng(seed).integers(0, 7, shape))


def family(kind: Any, config: Any, **changes: Any) -> Any:
    """A small model of a family that Hugging Face's files know."""
    eps = 1e-5 if kind is Bart else 1e-3  # a BART's files have none
    return shuffled(kind(config(**{**SIZES, "eps": eps, **changes})), tl.float32).eval()


small_gpt2 = partial(family, GPT, GPTConfig)
PRETRAINED: dict[str, Callable[[], Any]] = {
    "Llama": partial(family, Llama, LlamaConfig, kv_heads=1, rotary_base=30.0, head_width=6),
    "Llama 3": partial(family, Llama, LlamaConfig, rotary_factor=8.0),
    "Llama, tied": partial(family, Llama, LlamaConfig, tied=True),
    "Qwen2": partial(family, Llama, LlamaConfig, kv_heads=1, qkv_bias=True),
    "BERT": partial(family, Bert, BertConfig, segments=3),
    "BERT without head and pooler": partial(family, Bert, BertConfig, head=False, pooler=False),
    "T5": partial(family, T5, T5Config, buckets=6, decoder_layers=1),
    "T5 1.1": partial(family, T5, T5Config, activation="geglu", tied=False, scaled_logits=False, start=3, stop=None),
    "BART": partial(family, Bart, BartConfig, decoder_layers=3, forced=0),
}


def rewrite(folder: Path, change: Callable[[dict[str, tl.Tensor]], Any]) -> None:
    """Apply a change to the tensors of a folder, in place."""
    path = folder / "model.safetensors"
    tensors = nn.weights.load_file(path)
    change(tensors)
    nn.weights.save_file(tensors, path)


def reconfigure(folder: Path, **changes: Any) -> None:
    """Change fields of config.json."""
    path = folder / "config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps(config), encoding="utf-8")


PARTS = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]


def split(folder: Path) -> None:
    """Split the weights in a folder into two files with an index."""
    whole = folder / "model.safetensors"
    tensors = nn.weights.load_file(whole)
    whole.unlink()
    files = {name: PARTS[i % 2] for i, name in enumerate(sorted(tensors))}
    for part in PARTS:
        nn.weights.save_file({name: tensors[name] for name in files if files[name] == part}, folder / part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}), encoding="utf-8")
