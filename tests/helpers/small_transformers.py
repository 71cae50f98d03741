"""Small transformers for tests: models of every kind, configs, tokens; their folders, and GGUF files."""

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
import transformer
from modules import shuffled
from strategies import Draw
from transformer.tokenizer.bpe import LETTERS

LIKE_LLAMA = {"norm_kind": "rms", "positions": "rotary", "activation": "swiglu", "bias": False}
RELATIVE = {"positions": "relative", "buckets": 4, "max_distance": 5}
LIKE_T5 = {**LIKE_LLAMA, **RELATIVE, "norm": "pre", "head_width": 3, "scaled_scores": False, "activation": "geglu"}
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
    transformer.GPT: (transformer.GPTConfig, GPTS, {}),
    transformer.Encoder: (transformer.EncoderConfig, ENCODERS, {"eps": 1e-5}),
    transformer.EncoderDecoder: (transformer.EncoderDecoderConfig, BOTH, {}),
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


def family(name: str, **changes: Any) -> Any:
    """A small model of a family that Hugging Face's files know."""
    model, config = (getattr(transformer, name + suffix) for suffix in ("", "Config"))
    eps = 1e-5 if name == "Bart" else 1e-3  # a BART's files have none
    return shuffled(model(config(**{**SIZES, "eps": eps, **changes})), tl.float32).eval()


small_gpt2 = partial(family, "GPT")
PRETRAINED: dict[str, Callable[[], Any]] = {
    "Llama": partial(family, "Llama", kv_heads=1, rotary_base=30.0, head_width=6),
    "Llama, tied": partial(family, "Llama", tied=True),
    "BERT": partial(family, "Bert", segments=3),
    "BERT without head": partial(family, "Bert", head=False),
    "T5": partial(family, "T5", buckets=6, decoder_layers=1),
    "T5 1.1": partial(family, "T5", activation="geglu", tied=False, scaled_logits=False, start=3, stop=None),
    "BART": partial(family, "Bart", decoder_layers=3, forced=0),
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


# --- GGUF files -----------------------------------------------------------------------------------------------

LLAMA = {
    "context_length": 24,
    "block_count": 2,
    "embedding_length": 64,
    "feed_forward_length": 96,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
    "attention.layer_norm_rms_epsilon": 0.125,
    "rope.freq_base": 500.0,
    "rope.dimension_count": 16,
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<file>"]
MERGES = ["Ġ t", "h e", "Ġt he", "1 2", "Ġ Ġ", "Ċ Ġ", "ð Ł"]
TOKENS = [*SPECIAL, *LETTERS, *(merge.replace(" ", "") for merge in MERGES)]
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TOKENIZER: dict[str, Any] = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.token_type": [3] * len(SPECIAL) + [1] * (len(TOKENS) - len(SPECIAL)),
    "tokenizer.ggml.merges": MERGES,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.chat_template": TEMPLATE,
}


def llama_tensors() -> dict[str, np.ndarray]:
    """The tensors of a random Llama of the sizes above, with Hugging Face's names and layout."""
    width, hidden, keys = 64, 96, 32
    block = {
        "input_layernorm": (width,),
        "self_attn.q_proj": (width, width),
        "self_attn.k_proj": (keys, width),
        "self_attn.v_proj": (keys, width),
        "self_attn.o_proj": (width, width),
        "post_attention_layernorm": (width,),
        "mlp.gate_proj": (hidden, width),
        "mlp.up_proj": (hidden, width),
        "mlp.down_proj": (width, hidden),
    }
    blocks = {f"model.layers.{i}.{name}": shape for i in range(2) for name, shape in block.items()}
    vocabulary = (len(TOKENS), width)
    shapes = {"model.embed_tokens": vocabulary, **blocks, "model.norm": (width,), "lm_head": vocabulary}
    draw = np.random.default_rng(0).normal
    return {f"{name}.weight": draw(0.1, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


def write_gguf(
    path: Path, sizes: Any, tensors: dict[str, np.ndarray], fields: dict[str, Any] = TOKENIZER, kind: str = "F32"
) -> Path:
    """Write a file of a Llama. `tensors` has Hugging Face's names and layout.

    Matrices are stored as `kind`, unless they are bytes of that kind already.
    """
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    for name, value in {**{f"llama.{name}": value for name, value in sizes.items()}, **fields}.items():
        adds = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
        adds.get(type(value), writer.add_array)(name, value)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
    for theirs, tensor in tensors.items():
        stored = gguf.GGMLQuantizationType[kind if tensor.ndim > 1 else "F32"]
        rows = np.ascontiguousarray(_as_llama_cpp(theirs, tensor))
        name = names.get_name(theirs, try_suffixes=(".weight", ".bias")) or theirs
        writer.add_tensor(name, rows if rows.dtype == np.uint8 else gguf.quantize(rows, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _as_llama_cpp(name: str, tensor: np.ndarray) -> np.ndarray:
    """The layout of llama.cpp's converter: W_Q and W_K in the order of rotation."""
    for part, heads in {"q_proj": 4, "k_proj": 2}.items():
        if part in name:
            halves = tensor.reshape(heads, 2, -1, *tensor.shape[1:])
            return halves.swapaxes(1, 2).reshape(tensor.shape)
    return tensor
