"""GGUF, llama.cpp's file: a model's sizes, tensors and tokenizer in one file, here with Hugging Face's names.

    source = GGUFFile("SmolLM2-135M-Instruct.Q4_1.gguf")
    source.config["hidden_size"]                            # 576, as config.json would have it
    source["model.layers.0.mlp.up_proj.weight"]             # (1536, 576), float32, read when it is asked for

The file, all numbers little-endian (github.com/ggml-org/ggml, docs/gguf.md):

    "GGUF", version, how many tensors, how many fields
    fields      name, type, value                           llama.block_count, uint32, 30
    tensors     name, axes with the innermost first, kind, where its numbers begin
    numbers     from a multiple of 32 bytes on

Most kinds are quantised: Q4_1 keeps 32 neighbours in a row as 4-bit integers with a factor and an offset of their own.
The package gguf turns them into float32. Its reader is not used, since it makes an object of every token and so takes
many times as long.
"""

from __future__ import annotations

import json
import math
import mmap
import re
import struct
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, Shape
from tinygrad_lecture.files import require_file
from tinygrad_lecture.ops.fused import quantized_rows
from tinygrad_lecture.tensor_base import wrap

from ..tokenizer.base import located, require
from ..tokenizer.pretrained import PretrainedTokenizer
from .format import Format, table
from .source import Source

# The type of a value, and its code in the module struct.
CODES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TEXT, LIST = 8, 9
NEEDS = "a GGUF file"
BLOCK = 32  # neighbours in a row that share a scale and an offset

OPTIONAL = ("attention.head_count_kv", "attention.key_length", "rope.freq_base", "vocab_size")
TOKENS = ("bos", "eos", "padding")  # config.json has their first three letters
FRACTIONS = ("rms_norm_eps", "rope_theta")  # of the config; all others are whole numbers
SPECIAL, PLAIN = 3, 4  # token_type
ROLES = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}
WORDS = table("words")  # how a tokenizer splits a text into words
HEAD_DIMS = ("rope.dimension_count", "attention.value_length")  # further fields, which must be the size of a head
NO_EFFECT = {"attention.causal": True, "rope.scaling.type": "none", "expert_count": 0, "expert_used_count": 0}


class GGUFFile(Source):
    """A GGUF file of a Llama as a source of weights, dequantised to float32.

    A tensor that the architecture does not have keeps its name in the file.

    - `fields`: all fields of the file by name, as Python values.

    llama.cpp keeps the rows of W_Q and W_K in the order in which it rotates them, each x[i] before its x[i + half];
    Hugging Face has the first halves of a head's rows, then the second ones.

    Raises FileNotFoundError if there is no such file, ImportError without the package gguf, and ValueError for another
    architecture, for a field that asks for something that the architecture does not do, and for a damaged file.
    """

    config_name = "its metadata"
    held: dict[str, Stored]

    def __init__(self, path: str | Path) -> None:
        self.path = require_file(path)
        require("gguf", NEEDS)
        with self.path.open("rb") as file, located(f"{path} is not a GGUF file, or is damaged; download it again"):
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.fields, stored = _read(Cursor(self._data))
        architecture = self.fields.get("general.architecture")
        if architecture != "llama":
            raise ValueError(f"{path} holds a model of the architecture {architecture!r}, not of llama")
        if "tokenizer.ggml.model" in self.fields:
            self.tokenizer = partial(_tokenizer, path, self.fields)  # which outlives the open file
        names = Format.of("llama").gguf
        with located(path):
            self.config = _config(names["fields"], self.fields, stored)
            self.held = {_name(names["tensors"], name): tensor for name, tensor in stored.items()}

    def __getitem__(self, name: str) -> Array:
        gguf = require("gguf", NEEDS)
        return self._in_order(name, gguf.dequantize(self._bytes(name), gguf.GGMLQuantizationType[self.held[name].kind]))

    def shape(self, name: str) -> Shape:
        return self.held[name].shape

    def dtype(self, name: str) -> str:
        return "F32"

    def quantized(self, name: str) -> Quantized | None:
        tensor = self.held[name]
        if len(tensor.shape) != 2 or tensor.shape[1] % BLOCK:
            return None
        blocks = self._bytes(name).reshape(tensor.shape[0], tensor.shape[1] // BLOCK, -1)  # (rows, blocks, bytes)
        found = Quantized.from_blocks(tensor.kind, blocks)
        return found and Quantized(*(self._in_order(name, array) for array in found))

    def _bytes(self, name: str) -> Array:
        """A tensor's bytes in the file: (..., bytes of a row)."""
        tensor = self.held[name]
        return np.frombuffer(self._data, np.uint8, math.prod(tensor.bytes), tensor.start).reshape(tensor.bytes)

    def _in_order(self, name: str, rows: Array) -> Array:
        """The rows of a matrix in Hugging Face's order."""
        heads = self.config.get("num_attention_heads", 1)
        if ".self_attn.k_proj." in name:
            heads = self.config.get("num_key_value_heads", heads)
        elif ".self_attn.q_proj." not in name:
            return rows
        pairs = rows.reshape(heads, -1, 2, *rows.shape[1:])  # (heads, head_dim / 2, 2, ...)
        return pairs.swapaxes(1, 2).reshape(rows.shape)


def _tokenizer(path: str | Path, fields: Mapping[str, Any]) -> PretrainedTokenizer:
    with located(path):
        return PretrainedTokenizer(*tokenizer_files(fields))


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


class Stored(NamedTuple):
    """A tensor in the file: its shape, its kind, the shape of its bytes, and where they begin."""

    shape: Shape
    kind: str
    bytes: Shape
    start: int


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
        if tensor.start + math.prod(tensor.bytes) > len(file.data):
            raise ValueError(f"it ends before the tensor {name} does")
    return found, stored


def _stored(name: str, shape: Shape, number: int, start: int) -> Stored:
    gguf = require("gguf", NEEDS)
    kind = gguf.GGMLQuantizationType(number)
    if not shape:
        raise ValueError(f"the tensor {name} has no axes")
    return Stored(shape, kind.name, gguf.quant_shape_to_byte_shape(shape, kind), start)


# --- with Hugging Face's names --------------------------------------------------------------------------------


def _config(known: Mapping[str, str], fields: Mapping[str, Any], stored: Mapping[str, Stored]) -> dict[str, Any]:
    """The contents of config.json. Raises ValueError for a field that is missing, damaged or not supported.

    - `known`: each field, after the architecture's name -> in config.json.
    """
    prefix = "llama."
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
    tokens = {f"{name[:3]}_token_id": fields.get(f"tokenizer.ggml.{name}_token_id") for name in TOKENS}
    return {"model_type": "llama", "tie_word_embeddings": "output.weight" not in stored, **tokens, **config}


def _name(known: Mapping[str, str], name: str) -> str:
    """Hugging Face's name of a tensor; one that the architecture does not have keeps its own."""
    part, _, suffix = name.rpartition(".")
    block = re.search(r"\d+", part)
    theirs = known.get(re.sub(r"\d+", "*", part, count=1))
    return name if theirs is None else f"{theirs.replace('*', block[0] if block else '')}.{suffix}"


# --- the tokenizer --------------------------------------------------------------------------------------------


def tokenizer_files(fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text of a tokenizer.json and the contents of a tokenizer_config.json, from the fields of a GGUF file.

        tokenizer.ggml.model         "gpt2": byte-level byte pair encoding
        tokenizer.ggml.tokens        ["<|endoftext|>", ..., "Ġt", ...], token_type 3 for a special token
        tokenizer.ggml.pre           how a text is split into words: "gpt-2", "smollm", "llama-bpe"
        tokenizer.ggml.merges        ["Ġ t", "Ġ a", ...]
        tokenizer.ggml.eos_token_id  2, and so bos, unknown, padding
        tokenizer.chat_template

    Raises ValueError for another kind of tokenizer or way to split a text into words, or where a field is missing.
    """
    given = {name.removeprefix("tokenizer.ggml."): value for name, value in fields.items()}
    kind, tokens, named = given.get("model"), given.get("tokens", []), {}
    if kind != "gpt2":
        raise ValueError(f"its tokenizer is {kind!r}; supported is 'gpt2', byte-level byte pair encoding")
    for name, theirs in ROLES.items():
        id = given.get(f"{name}_token_id")
        if isinstance(id, int) and id < len(tokens):
            named[theirs] = tokens[id]
    kinds = given.get("token_type", [])
    whole = {
        "version": "1.0",
        "added_tokens": [_added(id, tokens[id], kind) for id, kind in enumerate(kinds) if kind in (SPECIAL, PLAIN)],
        "post_processor": _around(
            named.get("bos_token") if given.get("add_bos_token") else None,
            named.get("eos_token") if given.get("add_eos_token") else None,
            tokens,
        ),
        **_byte_level(given, tokens),
    }
    return json.dumps(whole, ensure_ascii=False), {**named, "chat_template": fields.get("tokenizer.chat_template")}


def _byte_level(given: Mapping[str, Any], tokens: list[str]) -> dict[str, Any]:
    """The parts of a tokenizer.json that split a text into words, and words into bytes that are merged."""
    words, merges = given.get("pre", "gpt-2"), given.get("merges")
    if words not in WORDS:
        raise ValueError(f"its tokenizer splits a text into words as {words!r} does; supported are {', '.join(WORDS)}")
    if merges is None:
        raise ValueError("its tokenizer has no merges")
    vocabulary = {token: id for id, token in enumerate(tokens)}
    return {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": WORDS[words]},
        "decoder": WORDS["gpt-2"][0],
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges, "ignore_merges": words == "llama-bpe"},
    }


def _added(id: int, token: str, kind: int) -> dict[str, Any]:
    settings = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id, "content": token, "special": kind == SPECIAL, **settings}


def _around(before: str | None, after: str | None, tokens: list[str]) -> dict[str, Any]:
    """A post_processor that adds special tokens before and after a text, A, or a pair of texts, A and B."""
    first, last = ([{"SpecialToken": {"id": name, "type_id": 0}}] if name else [] for name in (before, after))
    a, b = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    special = {name: {"id": name, "ids": [tokens.index(name)], "tokens": [name]} for name in (before, after) if name}
    single, pair = [*first, a, *last], [*first, a, b, *last]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


# --- weights of 4 or 8 bits, as they are in the file ------------------------------------------------------------
#
# A fifth of the memory, and of the time to read it. A block of 32 neighbours in a row has a scale and an offset of its
# own: weight = number * scale + offset. Gradients flow through these layers to what lies before them, not to their
# weights, which are no parameters.


class Quantized(NamedTuple):
    """A matrix (rows, n) as `tl.quantized_linear` takes it; `weight` has the numbers."""

    weight: Array
    scale: Array
    offset: Array

    @classmethod
    def from_blocks(cls, kind: str, blocks: Array) -> Quantized | None:
        """The matrix of a GGUF file's blocks, (rows, blocks, bytes); None for another kind than Q8_0, Q4_0 and Q4_1.

        A block begins with its scale, a float16, then in Q4_1 its offset; the numbers follow. Those of Q4_0 are from -8
        to 7, kept as 0 to 15.
        """
        if kind not in ("Q8_0", "Q4_0", "Q4_1"):
            return None
        head = 4 if kind == "Q4_1" else 2
        floats = np.ascontiguousarray(blocks[..., :head]).view(np.float16).astype(np.float32)  # (rows, blocks, 1 or 2)
        scale = np.ascontiguousarray(floats[..., 0])
        offset = {"Q8_0": 0 * scale, "Q4_0": -8 * scale, "Q4_1": np.ascontiguousarray(floats[..., -1])}[kind]
        numbers = np.ascontiguousarray(blocks[..., head:]).reshape(len(blocks), -1)
        return cls(numbers.view(np.int8) if kind == "Q8_0" else numbers, scale, offset)


class QuantizedLayer(nn.Module):
    """The base of both layers. It holds three buffers: see `tl.quantized_linear`."""

    def __init__(self, matrix: tuple[Array, Array, Array]) -> None:
        for name, array in zip(Quantized._fields, matrix, strict=True):
            self.register_buffer(name, tl.as_tensor(array))
        self.weight: Tensor
        self.scale: Tensor
        self.offset: Tensor

    def extra_repr(self) -> str:
        rows, blocks = self.scale.shape
        return f"{rows}, {blocks * BLOCK}, bits={8 if self.weight.dtype == np.int8 else 4}"


class QuantizedLinear(QuantizedLayer):
    """A Linear without bias: (..., in) -> (..., out)."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.quantized_linear(x, self.weight, self.scale, self.offset)

    @staticmethod
    def together(x: Tensor, layers: Sequence[nn.Module]) -> list[Tensor]:
        """See `linears`: in one job, unless it is recorded, one of them has a hook or is of another kind."""
        matrices = [(y.weight, y.scale, y.offset) for y in layers if isinstance(y, QuantizedLinear) and not y.has_hooks]
        if len(matrices) < len(layers) or x.dtype != tl.float32 or (tl.is_grad_enabled() and x.requires_grad):
            return [layer(x) for layer in layers]
        out = quantized_rows(x, *[each for matrix in matrices for each in matrix])._array
        sizes = [len(scale._array) for _, scale, _ in matrices]
        return [wrap(out[..., end - n : end]) for n, end in zip(sizes, accumulate(sizes), strict=True)]


class QuantizedEmbedding(QuantizedLayer):
    """An Embedding: integers (...) -> (..., width). A token's vector is its row, made of its blocks."""

    @property
    def num_embeddings(self) -> int:
        return len(self.scale)

    def forward(self, tokens: Tensor) -> Tensor:
        rows = (x[tokens.flatten()] for x in (self.weight, self.scale, self.offset))
        return tl.dequantize(*rows).reshape(*tokens.shape, -1)  # type: ignore[no-any-return]


LAYERS: dict[type, type[QuantizedLayer]] = {nn.Linear: QuantizedLinear, nn.Embedding: QuantizedEmbedding}


def replace_layers(model: nn.Module, matrices: Mapping[int, tuple[Array, Array, Array]]) -> None:
    """Put quantised layers in the place of those whose weights have these `id`s."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) in LAYERS and (matrix := matrices.get(id(child.weight))) is not None:
                setattr(parent, name, LAYERS[type(child)](matrix))
