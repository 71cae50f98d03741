"""GPT-2 in Hugging Face's format: config.json as a `GPTConfig`, and back; the tensors, and the parameters they hold.

For example:

    {"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_layer": 12, "n_head": 12, "n_embd": 768, ...}

GPT-2's linear layers keep their matrices as (in, out), nn.Linear as (out, in).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import nn
from nn.files.json_files import read_json
from tinygrad_lecture.backend import Shape, move, to_host

from ..config import Activation, GPTConfig

FIELDS = {  # in config.json -> in GPTConfig
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
ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
}
SUPPORTED: dict[str, tuple[Any, ...]] = {  # values in config.json that GPT can follow
    "activation_function": tuple(ACTIVATIONS),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}
LAYERS = {  # of the file -> of a block, side by side
    "ln_1": ("norm_1",),
    "attn.c_attn": ("attention.W_Q", "attention.W_K", "attention.W_V"),
    "attn.c_proj": ("attention.W_O",),
    "ln_2": ("norm_2",),
    "mlp.c_fc": ("ffn.up",),
    "mlp.c_proj": ("ffn.down",),
}


# --- config.json ----------------------------------------------------------------------------------------------


def read_config(path: Path) -> GPTConfig:
    """The GPTConfig of a config.json. Fields that the file leaves out are those of the smallest GPT-2.

    Raises FileNotFoundError if the file does not exist, ValueError if it does not describe a GPT-2 or asks for
    something that GPT does not support.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: expected a folder with config.json and model.safetensors; nothing is downloaded"
        )
    given = read_json(path)
    if not isinstance(given, dict) or given.get("model_type", "gpt2") != "gpt2":
        what = given.get("model_type") if isinstance(given, dict) else type(given).__name__
        raise ValueError(f"{path} describes {what!r}, not a GPT-2")
    wrong = [f"{name} {given[name]!r}" for name, can in SUPPORTED.items() if name in given and given[name] not in can]
    if wrong:
        raise ValueError(f"{path} asks for something that GPT does not support: {', '.join(wrong)}")
    fields = {ours: given[theirs] for theirs, ours in FIELDS.items() if theirs in given}
    if given.get("n_inner") is not None:
        fields["hidden"] = given["n_inner"]
    try:
        return GPTConfig(
            activation=ACTIVATIONS[given.get("activation_function", "gelu_new")], **{"dropout": 0.1, **fields}
        )
    except ValueError as error:
        raise ValueError(f"{path} (missing fields are those of the smallest GPT-2): {error}") from None


def config_json(config: GPTConfig, dtype: str) -> dict[str, Any]:
    """The contents of config.json. Raises ValueError for a model that is not a GPT-2."""
    words = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
    can = {"norm": ("pre",), "positions": ("learned",), "embedding_norm": (False,), "activation": words}
    wrong = [f"{name} {getattr(config, name)!r}" for name in can if getattr(config, name) not in can[name]]
    if wrong:
        raise ValueError(f"cannot save this model as a GPT-2: GPT-2 has no {', '.join(wrong)}")
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **{theirs: getattr(config, ours) for theirs, ours in FIELDS.items()},
        "initializer_range": config.std,
        "n_inner": config.hidden or None,
        "activation_function": words[config.activation],
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "torch_dtype": dtype,
    }


# --- tensors --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A tensor of the file, and the parameters that it holds side by side along its last axis.

    - `name`: without the prefix `transformer.`.
    - `size`: of each parameter along that axis.
    - `parameters`: None for a bias that the model does not have; it is zero in the file.
    - `transposed`: whether the file has (in, out).
    """

    name: str
    parameters: tuple[nn.Parameter | None, ...]
    size: int
    transposed: bool = False

    @property
    def shape(self) -> Shape:
        """The tensor's shape in the file."""
        first = self.parameters[0]
        rows = () if first is None or first.ndim == 1 else (first.shape[1 if self.transposed else 0],)
        return (*rows, len(self.parameters) * self.size)

    def load(self, array: Any) -> None:
        """Copy the file's tensor into the parameters."""
        for i, parameter in enumerate(self.parameters):
            if parameter is not None:
                part = array[..., i * self.size : (i + 1) * self.size]  # (in, out) or (size,)
                parameter.inplace()[...] = move(part.T if self.transposed else part, parameter.device)

    def array(self) -> np.ndarray[Any, Any]:
        """The parameters as the file's tensor."""
        parts = [np.zeros(self.size) if p is None else to_host(p.array) for p in self.parameters]
        return np.concatenate([part.T if self.transposed else part for part in parts], axis=-1)


def entries(model: Any) -> Iterator[Entry]:
    """All tensors of a GPT-2 file, with the parameters of a `GPT`."""
    width = model.config.width
    yield Entry("wte.weight", (model.embedding.W_E.weight,), width)
    yield Entry("wpe.weight", (model.embedding.positions.weight,), width)
    layers = [(f"h.{i}.{name}", block, ours) for i, block in enumerate(model.blocks) for name, ours in LAYERS.items()]
    for name, owner, ours in [*layers, ("ln_f", model, ("norm",))]:
        modules = [owner.get_submodule(each) for each in ours]
        size, transposed = modules[0].weight.shape[0], isinstance(modules[0], nn.Linear)
        yield Entry(f"{name}.weight", tuple(module.weight for module in modules), size, transposed)
        yield Entry(f"{name}.bias", tuple(module.bias for module in modules), size)
    if not model.config.tied:
        yield Entry("lm_head.weight", (model.unembedding.W_U.weight,), width)
