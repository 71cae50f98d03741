"""GGUF, llama.cpp's file: a model's sizes, tensors and tokenizer in one file, here with Hugging Face's names.

    source = GGUFFile("SmolLM2-135M-Instruct.Q4_1.gguf")
    source.config["hidden_size"]                            # 576, as config.json would have it
    source.tensors["model.layers.0.mlp.up_proj.weight"]     # (1536, 576), float32, read when it is asked for

The file, all numbers little-endian (github.com/ggml-org/ggml, docs/gguf.md):

    "GGUF", version, how many tensors, how many fields
    fields      name, type, value                           llama.block_count, uint32, 30
    tensors     name, axes with the innermost first, kind, where its numbers begin
    numbers     from a multiple of 32 bytes on

Most kinds are quantised: Q4_1 keeps 32 neighbours in a row as 4-bit integers with a factor and an offset of their own.
The package gguf turns them into float32.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nn.files.json_files import require_file
from tinygrad_lecture.backend import Array, Shape

from ..tokenizer.base import require
from ..tokenizer.pretrained import PretrainedTokenizer
from .gguf_tokenizer import tokenizer_files
from .source import Source

CODES = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}  # type -> struct's
TEXT, LIST = 8, 9
NEEDS = "a GGUF file"

FIELDS = {  # architecture -> in the file, after the architecture's name -> in config.json
    "llama": {
        "context_length": "max_position_embeddings",
        "block_count": "num_hidden_layers",
        "embedding_length": "hidden_size",
        "feed_forward_length": "intermediate_size",
        "attention.head_count": "num_attention_heads",
        "attention.head_count_kv": "num_key_value_heads",
        "attention.key_length": "head_dim",
        "attention.layer_norm_rms_epsilon": "rms_norm_eps",
        "rope.freq_base": "rope_theta",
        "vocab_size": "vocab_size",
    },
    "gpt2": {
        "context_length": "n_positions",
        "block_count": "n_layer",
        "embedding_length": "n_embd",
        "feed_forward_length": "n_inner",
        "attention.head_count": "n_head",
        "attention.layer_norm_epsilon": "layer_norm_epsilon",
        "vocab_size": "vocab_size",
    },
}
OPTIONAL = ("attention.head_count_kv", "attention.key_length", "rope.freq_base", "vocab_size")
FRACTIONS = ("rms_norm_eps", "layer_norm_epsilon", "rope_theta")  # of the config; all others are whole numbers
HEAD_DIMS = ("rope.dimension_count", "attention.value_length")  # further fields, which must be the size of a head
NO_EFFECT = {"attention.causal": True, "rope.scaling.type": "none", "expert_count": 0, "expert_used_count": 0}
TENSORS = {  # architecture -> in the file -> Hugging Face's; {} is the number of a block
    "llama": {
        "token_embd": "model.embed_tokens",
        "blk.{}.attn_norm": "model.layers.{}.input_layernorm",
        "blk.{}.attn_q": "model.layers.{}.self_attn.q_proj",
        "blk.{}.attn_k": "model.layers.{}.self_attn.k_proj",
        "blk.{}.attn_v": "model.layers.{}.self_attn.v_proj",
        "blk.{}.attn_output": "model.layers.{}.self_attn.o_proj",
        "blk.{}.ffn_norm": "model.layers.{}.post_attention_layernorm",
        "blk.{}.ffn_gate": "model.layers.{}.mlp.gate_proj",
        "blk.{}.ffn_up": "model.layers.{}.mlp.up_proj",
        "blk.{}.ffn_down": "model.layers.{}.mlp.down_proj",
        "output_norm": "model.norm",
        "output": "lm_head",
    },
    "gpt2": {
        "token_embd": "transformer.wte",
        "position_embd": "transformer.wpe",
        "blk.{}.attn_norm": "transformer.h.{}.ln_1",
        "blk.{}.attn_qkv": "transformer.h.{}.attn.c_attn",
        "blk.{}.attn_output": "transformer.h.{}.attn.c_proj",
        "blk.{}.ffn_norm": "transformer.h.{}.ln_2",
        "blk.{}.ffn_up": "transformer.h.{}.mlp.c_fc",
        "blk.{}.ffn_down": "transformer.h.{}.mlp.c_proj",
        "output_norm": "transformer.ln_f",
        "output": "lm_head",
    },
}


class GGUFFile(Source):
    """A GGUF file of a Llama or a GPT-2 as a source of weights.

    - `fields`: all fields of the file by name, as Python values.
    - `tensors`: dequantised to float32. One that the architecture does not have keeps its name in the file.

    Raises FileNotFoundError if there is no such file, ImportError without the package gguf, and ValueError for another
    architecture, for a field that asks for something that the architecture does not do, and for a damaged file.
    """

    config_name = "its metadata"
    tensors: Tensors

    def __init__(self, path: str | Path) -> None:
        self.path = require_file(path)
        require("gguf", NEEDS)
        with self.path.open("rb") as file:
            try:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self.fields, stored = _read(Cursor(data))
            except ValueError as error:
                raise ValueError(f"{path} is not a GGUF file, or is damaged: {error}; download it again") from None
        architecture = self.fields.get("general.architecture")
        if architecture not in FIELDS:
            raise ValueError(f"{path} holds a model of the architecture {architecture!r}, not of llama or gpt2")
        try:
            self.config = _config(architecture, self.fields, stored)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        self.tokenizer = self._tokenizer if "tokenizer.ggml.model" in self.fields else None
        self.tensors = Tensors(data, {_name(architecture, name): stored[name] for name in stored}, self.config)

    def shape(self, name: str) -> Shape:
        """The shape of a tensor, without reading it."""
        return self.tensors.shape(name)

    def dtype(self, name: str) -> str:
        """What every tensor is dequantised to."""
        return "F32"

    def _tokenizer(self) -> PretrainedTokenizer:
        try:
            return PretrainedTokenizer(*tokenizer_files(self.fields))
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None


# --- the file -------------------------------------------------------------------------------------------------


class Cursor:
    """Bytes, read from the front to the back. Raises ValueError where they end too early."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.position = 0

    def numbers(self, code: str, count: int = 1) -> tuple[Any, ...]:
        """The next numbers; `code` is that of the module struct."""
        position = self.position
        self.position += count * struct.calcsize(f"<{code}")
        if self.position > len(self.data):
            raise ValueError("it ends too early")
        return struct.unpack_from(f"<{count}{code}", self.data, position)

    def text(self) -> str:
        """The next text: its length in bytes, then UTF-8."""
        (text,) = self.numbers("s", *self.numbers("Q"))
        return str(text, "utf-8")

    def value(self, kind: int) -> Any:
        """The next value of a type: a number, a text, or a list of either."""
        if kind == TEXT:
            return self.text()
        if kind == LIST:
            kind, count = *self.numbers("I"), *self.numbers("Q")
            return [self.text() for _ in range(count)] if kind == TEXT else list(self.numbers(_code(kind), count))
        return self.numbers(_code(kind))[0]


def _code(kind: int) -> str:
    if kind not in CODES:
        raise ValueError(f"it has a value of the unknown type {kind}")
    return CODES[kind]


@dataclass(frozen=True)
class Stored:
    """A tensor in the file: its shape, its kind, where its bytes begin, and how many there are."""

    shape: Shape
    kind: str
    start: int
    size: int


def _read(file: Cursor) -> tuple[dict[str, Any], dict[str, Stored]]:
    """The fields and the tensors of a file. Raises ValueError where it is not as a GGUF file must be."""
    magic, version = *file.numbers("s", 4), *file.numbers("I")
    if magic != b"GGUF" or version not in (2, 3):
        raise ValueError(f"it begins with {magic!r} and version {version}, not with b'GGUF' and 2 or 3")
    tensors, fields = file.numbers("Q", 2)
    found = {file.text(): file.value(*file.numbers("I")) for _ in range(fields)}
    infos = []
    for _ in range(tensors):
        name, shape = file.text(), file.numbers("Q", *file.numbers("I"))[::-1]
        infos.append((name, shape, *file.numbers("I"), *file.numbers("Q")))
    alignment = found.get("general.alignment", 32)
    if type(alignment) is not int or alignment < 1:
        raise ValueError(f"its general.alignment is {alignment!r}")
    start = -(-file.position // alignment) * alignment
    stored = {name: _stored(name, shape, number, start + offset) for name, shape, number, offset in infos}
    for name, tensor in stored.items():
        if tensor.start + tensor.size > len(file.data):
            raise ValueError(f"it ends before the tensor {name} does")
    return found, stored


def _stored(name: str, shape: Shape, number: int, start: int) -> Stored:
    gguf = require("gguf", NEEDS)
    kind = gguf.GGMLQuantizationType(number)
    neighbours, size = gguf.GGML_QUANT_SIZES[kind]  # numbers that are quantised together, and their bytes
    if not shape or shape[-1] % neighbours:
        raise ValueError(
            f"the tensor {name} of kind {kind.name} has shape {shape}, whose rows are no multiple of {neighbours}"
        )
    return Stored(shape, kind.name, start, math.prod(shape) // neighbours * size)


# --- with Hugging Face's names --------------------------------------------------------------------------------


def _config(architecture: str, fields: Mapping[str, Any], stored: Mapping[str, Stored]) -> dict[str, Any]:
    """The contents of config.json. Raises ValueError for a field that is missing, damaged or not supported."""
    known, prefix = FIELDS[architecture], f"{architecture}."
    given = {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}
    if "token_embd.weight" in stored:
        given.setdefault("vocab_size", stored["token_embd.weight"].shape[0])
    for name, theirs in known.items():
        kinds = (int, float) if theirs in FRACTIONS else (int,)
        if name not in OPTIONAL and name not in given:
            raise ValueError(f"it has no field {prefix}{name}")
        if name in given and (type(given[name]) not in kinds or given[name] <= 0):
            raise ValueError(f"its field {prefix}{name} must be a number above 0, got {given[name]!r}")
    head_dim = given.get("attention.key_length", given["embedding_length"] // given["attention.head_count"])
    config = {theirs: given.pop(name) for name, theirs in known.items() if name in given}
    for name, value in given.items():
        if value != (head_dim if name in HEAD_DIMS else NO_EFFECT.get(name)):
            raise ValueError(f"its field {prefix}{name} is {value!r}, which is not supported here")
    if scaling := [name for name in stored if name.startswith("rope_")]:
        raise ValueError(f"its tensor {scaling[0]} scales rotary positions, which is not supported here")
    tokens = {f"{name}_token_id": fields.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos")}
    return {"model_type": architecture, "tie_word_embeddings": "output.weight" not in stored, **tokens, **config}


def _name(architecture: str, name: str) -> str:
    """Hugging Face's name of a tensor; one that the architecture does not have keeps its own."""
    part, _, suffix = name.rpartition(".")
    block = re.search(r"\d+", part)
    theirs = TENSORS[architecture].get(re.sub(r"\d+", "{}", part, count=1))
    return name if theirs is None else f"{theirs.format(block and block[0])}.{suffix}"


class Tensors(Mapping[str, Array]):
    """The tensors of a GGUF file by Hugging Face's name. Each is dequantised when it is indexed.

    llama.cpp keeps the rows of W_Q and W_K in the order in which it rotates them, each x[i] before its x[i + half];
    Hugging Face has the first halves of a head's rows, then the second ones. Of GPT-2's matrices, Hugging Face keeps
    those in the blocks as (in, out).
    """

    def __init__(self, data: Any, stored: Mapping[str, Stored], config: Mapping[str, Any]) -> None:
        self._data, self._stored, self._config = data, stored, config

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def shape(self, name: str) -> Shape:
        """The shape of a tensor, without reading it."""
        shape = self._stored[name].shape
        return shape[::-1] if name.startswith("transformer.h.") else shape

    def __getitem__(self, name: str) -> Array:
        gguf, tensor = require("gguf", NEEDS), self._stored[name]
        data = np.frombuffer(self._data, np.uint8, tensor.size, tensor.start)
        try:
            array = gguf.dequantize(data.reshape(*tensor.shape[:-1], -1), gguf.GGMLQuantizationType[tensor.kind])
        except NotImplementedError:
            raise ValueError(f"{name} is stored as {tensor.kind}, which the package gguf cannot dequantise") from None
        if ".self_attn.q_proj." in name:
            return _halves(array, self._config["num_attention_heads"])
        if ".self_attn.k_proj." in name:
            return _halves(array, self._config.get("num_key_value_heads", self._config["num_attention_heads"]))
        return array.T if name.startswith("transformer.h.") else array


def _halves(rows: Array, heads: int) -> Array:
    """The rows of each head, pairs side by side, as first halves and then second ones: (heads * head_dim, ...)."""
    pairs = rows.reshape(heads, -1, 2, *rows.shape[1:])  # (heads, head_dim / 2, 2, ...)
    return pairs.swapaxes(1, 2).reshape(rows.shape)
