"""Small GGUF files of random models, written with the package gguf as llama.cpp's converter writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transformer.tokenizer.bpe import LETTERS

SIZES = {
    "context_length": 24,
    "block_count": 2,
    "embedding_length": 64,
    "feed_forward_length": 96,
    "attention.head_count": 4,
}
LLAMA = {
    **SIZES,
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
PIECES = ["▁", "t", "h", "e", "▁t", "he", "▁the", "th", "1", "2", "a", "b", "▁▁", "▁a", "ab", "é"]
SENTENCEPIECE: dict[str, Any] = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES],
    "tokenizer.ggml.scores": [0.0] * 259 + [-1.0 - i for i in range(len(PIECES))],
    "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * len(PIECES),
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
}


def llama_tensors(seed: int = 0) -> dict[str, np.ndarray]:
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
    return _random({f"{name}.weight": shape for name, shape in shapes.items()}, seed)


def _random(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed).normal
    return {name: draw(0.1, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


def write_gguf(
    path: Path,
    architecture: str,
    sizes: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    fields: Mapping[str, Any] | None = None,
    kind: str = "F32",
) -> Path:
    """Write a file. `tensors` has Hugging Face's names and layout; matrices are stored as `kind`, unless they are bytes
    of that kind already."""
    import gguf

    writer = gguf.GGUFWriter(path, architecture)
    named = {f"{architecture}.{name}": value for name, value in sizes.items()}
    for name, value in {**named, **(TOKENIZER if fields is None else fields)}.items():
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
