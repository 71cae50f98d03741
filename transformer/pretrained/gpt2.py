"""GPT-2's weights: folders as Hugging Face's `transformers` keeps them, read and written.

    model = GPT.from_pretrained("gpt2")             # a folder with config.json and model.safetensors
    model.save_pretrained("mine")                   # GPT2LMHeadModel.from_pretrained("mine") reads it

The same numbers in another arrangement: GPT-2's layers keep their matrices as (in, out), where nn.Linear has (out, in),
and W_Q, W_K and W_V side by side in one, c_attn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

import nn
from nn import Parameter
from nn.files.json_files import read_json
from nn.files.weights import Archive, save_file
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Shape, move, to_host
from tinygrad_lecture.files import atomic_write_together, make_folder

from ..config import Activation, GPTConfig

if TYPE_CHECKING:
    from ..gpt import GPT

G = TypeVar("G", bound="GPT")
ACTIVATIONS: dict[str, Activation] = {  # Hugging Face's word, ours
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
}
WORDS = {  # config.json's, ours
    "vocab_size": "vocab_size",
    "n_positions": "context",
    "n_layer": "layers",
    "n_head": "heads",
    "n_embd": "width",
    "resid_pdrop": "dropout",
    "tie_word_embeddings": "tied",
    "layer_norm_epsilon": "eps",
    "initializer_range": "init_std",
}
CHOICES: dict[str, tuple[Any, ...]] = {  # what GPT can do of what config.json may ask for
    "activation_function": tuple(ACTIVATIONS),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}
INDEX = "model.safetensors.index.json"  # of a model in parts: which of them has which tensor
PART = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
BESIDE = re.compile(r"[^/\\:]+\.safetensors")
FETCH = "fetch or save the model again"
MASKS = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # causal masks, which older files keep among the weights


@dataclass(frozen=True)
class Entry:
    """A tensor of the file and the parameters that are in it, side by side along its last axis.

    transposed: the file has (in, out). Parameters that the model does without (biases) are None, and zeros in the file.
    """

    name: str
    parameters: tuple[Parameter | None, ...]
    size: int  # of each of them along the last axis
    transposed: bool = False

    @property
    def shape(self) -> Shape:
        """In the file."""
        first = self.parameters[0]
        rows = () if first is None or first.ndim == 1 else (first.shape[1 if self.transposed else 0],)
        return (*rows, len(self.parameters) * self.size)

    def read(self, array: Any) -> None:
        """Copy the file's tensor into the parameters."""
        for i, parameter in enumerate(self.parameters):
            if parameter is not None:
                part = array[..., i * self.size : (i + 1) * self.size]
                parameter.inplace()[...] = move(part.T if self.transposed else part, parameter.device)

    def written(self) -> np.ndarray[Any, Any]:
        """The parameters as the file's tensor."""
        parts = [np.zeros(self.size) if p is None else to_host(p.array) for p in self.parameters]
        return np.concatenate([part.T if self.transposed else part for part in parts], axis=-1)


def entries(model: GPT) -> Iterator[Entry]:
    """All tensors of a GPT-2 file, without the prefix `transformer.`."""
    width, hidden = model.config.width, model.config.ffn_width

    def norm(name: str, module: Any) -> Iterator[Entry]:
        yield Entry(f"{name}.weight", (module.weight,), width)
        yield Entry(f"{name}.bias", (module.bias,), width)

    def linear(name: str, size: int, *modules: Any) -> Iterator[Entry]:
        yield Entry(f"{name}.weight", tuple(m.weight for m in modules), size, transposed=True)
        yield Entry(f"{name}.bias", tuple(m.bias for m in modules), size)

    yield Entry("wte.weight", (model.embedding.W_E.weight,), width)
    yield Entry("wpe.weight", (model.embedding.positions.weight,), width)
    block: Any
    for i, block in enumerate(model.blocks):
        attention, ffn = block.attention, block.ffn
        yield from norm(f"h.{i}.ln_1", block.norm_1)
        yield from linear(f"h.{i}.attn.c_attn", width, attention.W_Q, attention.W_K, attention.W_V)
        yield from linear(f"h.{i}.attn.c_proj", width, attention.W_O)
        yield from norm(f"h.{i}.ln_2", block.norm_2)
        yield from linear(f"h.{i}.mlp.c_fc", hidden, ffn.up)
        yield from linear(f"h.{i}.mlp.c_proj", width, ffn.down)
    yield from norm("ln_f", model.norm)
    if not model.config.tied:
        yield Entry("lm_head.weight", (model.unembedding.W_U.weight,), width)


# --- reading ------------------------------------------------------------------------------------------------


def read(kind: type[G], folder: str | Path) -> G:
    """See `GPT.from_pretrained`."""
    folder = Path(folder)
    config = read_config(folder / "config.json")
    stored: dict[str, tuple[Archive, str]] = {}
    twice = []
    for file in _files(folder):
        for key in sorted(file):
            name = key.removeprefix("transformer.")
            if name in stored:
                twice.append(f"{name} comes twice, as {stored[name][1]} and as {key}")
            stored[name] = file, key
    if config.layers > len(stored):  # before a model of so many is made
        raise ValueError(f"{folder}: config.json describes {config.layers} layers, but there are {len(stored)} tensors")
    with nn.init.skip():
        model = kind(config)
    wanted = {entry.name: entry for entry in entries(model)}
    ignored = {name for name in stored if MASKS.fullmatch(name) or (config.tied and name == "lm_head.weight")}

    complaints = [f"missing: {name} {entry.shape}" for name, entry in wanted.items() if name not in stored] + twice
    for name in sorted(stored.keys() - ignored):
        file, key = stored[name]
        shape, dtype = file.shape(key), file.dtype(key)
        if name not in wanted:
            complaints.append(f"unexpected: {name} {shape}")
        elif shape != wanted[name].shape:
            complaints.append(f"{name} has shape {shape}, wanted {wanted[name].shape}")
        elif not dtype.startswith(("F", "BF")):
            complaints.append(f"{name} is of {dtype}, wanted floats")
    if config.tied and {"wte.weight", "lm_head.weight"} <= stored.keys():
        W_E, W_U = (file[key] for file, key in (stored["wte.weight"], stored["lm_head.weight"]))
        if not np.array_equal(W_E, W_U):
            complaints.append("lm_head.weight differs from wte.weight although config.json ties them")
    if complaints:
        lines = "".join(f"\n  {complaint}" for complaint in complaints)
        raise ValueError(f"{folder}: the weights are not those of a GPT-2 as its config.json describes it{lines}")
    for name, entry in wanted.items():  # one tensor at a time, so that there is never a second copy of all
        file, key = stored[name]
        entry.read(file[key])
    return model.eval()


def read_config(path: Path) -> GPTConfig:
    """The config.json of a GPT-2 as a GPTConfig.

    Raises FileNotFoundError if there is none, ValueError if it is something else, or asks for what GPT does not do.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: wanted a folder with config.json and model.safetensors; nothing is downloaded"
        )
    given = read_json(path)
    if not isinstance(given, dict) or given.get("model_type", "gpt2") != "gpt2":
        what = given.get("model_type") if isinstance(given, dict) else type(given).__name__
        raise ValueError(f"{path} describes no GPT-2 but {what!r}")
    unknown = [f"{name} {given[name]!r}" for name, can in CHOICES.items() if name in given and given[name] not in can]
    if unknown:
        raise ValueError(f"{path} asks for what GPT does not do: {', '.join(unknown)}")
    asked = {ours: given[theirs] for theirs, ours in WORDS.items() if theirs in given}
    if given.get("n_inner") is not None:
        asked["hidden"] = given["n_inner"]
    try:
        return GPTConfig(
            activation=ACTIVATIONS[given.get("activation_function", "gelu_new")], **{"dropout": 0.1, **asked}
        )
    except ValueError as error:
        raise ValueError(f"{path}, in which what is left out is as in the smallest GPT-2: {error}") from None


def _files(folder: Path) -> list[Archive]:
    """The safetensors file of a folder or, of a large model, all of them. Raises FileNotFoundError or ValueError."""
    path, index = folder / "model.safetensors", folder / INDEX
    if path.is_file():  # as transformers does, whatever index is left of an earlier model
        return [Archive(path)]
    if index.is_file():
        return [Archive(folder / name) for name in _parts(index)]
    if (folder / "pytorch_model.bin").is_file():
        raise FileNotFoundError(
            f"{folder} has its weights in pytorch_model.bin, a pickle, which could run anything and is never opened "
            "here; have transformers save it with safe_serialization=True"
        )
    return [Archive(path)]


def _parts(index: Path) -> list[str]:
    """The files that an index names. Raises ValueError if it is none, or names something outside its folder."""
    given = read_json(index)
    files = given.get("weight_map") if isinstance(given, dict) else None
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        raise ValueError(f'{index} is no index of weights: wanted {{"weight_map": {{tensor: file, ...}}}}; {FETCH}')
    names = sorted(set(files.values()))
    for name in names:
        if not BESIDE.fullmatch(name):
            raise ValueError(f"{index} names {name!r}, which is no safetensors file in its own folder; {FETCH}")
    return names


# --- writing ------------------------------------------------------------------------------------------------


def write(model: GPT, folder: str | Path) -> None:
    """See `GPT.save_pretrained`."""
    config = model.config
    wrong = [
        f"{name} {getattr(config, name)!r}"
        for name, only in (("norm", "pre"), ("positions", "learned"), ("embedding_norm", False))
        if getattr(config, name) != only
    ]
    words = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
    if config.activation not in words:
        wrong.append(f"activation {config.activation!r}")
    if wrong:
        raise ValueError(f"a GPT-2 folder cannot describe this model: GPT-2 has no {', '.join(wrong)}")
    W_E, W_U = (to_host(p.array) for p in (model.embedding.W_E.weight, model.unembedding.W_U.weight))
    if config.tied and not np.array_equal(W_E, W_U):
        raise ValueError(
            "a GPT-2 folder cannot describe this model: its config says that W_U is W_E (tied), but they differ; set "
            "unembedding.W_U.weight to embedding.W_E.weight, or make the model with tied=False"
        )
    folder = Path(folder)
    make_folder(folder)
    dtype = str(model.embedding.W_E.weight.dtype)
    described = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **{theirs: getattr(config, ours) for theirs, ours in WORDS.items()},
        "initializer_range": config.std,
        "n_inner": config.hidden or None,
        "activation_function": words[config.activation],
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "torch_dtype": dtype,
    }
    tensors = {
        entry.name if entry.name.startswith("lm_head") else f"transformer.{entry.name}": Tensor(
            entry.written(), dtype=dtype
        )
        for entry in entries(model)
    }
    with atomic_write_together(folder / "model.safetensors", folder / "config.json") as (weights, description):
        save_file(tensors, weights, {"format": "pt"})
        description.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    _remove_parts(folder / INDEX)


def _remove_parts(index: Path) -> None:
    """Remove what is left of a model in parts, so that nobody takes it for the one that is there now."""
    if not index.is_file():
        return
    try:
        names = _parts(index)
    except ValueError:  # then which they are is not known
        names = []
    index.unlink()
    for name in names:
        if PART.fullmatch(name):
            (index.parent / name).unlink(missing_ok=True)
