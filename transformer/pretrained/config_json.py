"""GPT-2's config.json in Hugging Face's format, as a `GPTConfig`, and back.

For example:

    {"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_layer": 12, "n_head": 12, "n_embd": 768, ...}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nn.files.json_files import read_json

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
    wrong = [
        f"{name} {getattr(config, name)!r}"
        for name, only in (("norm", "pre"), ("positions", "learned"), ("embedding_norm", False))
        if getattr(config, name) != only
    ]
    words = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
    if config.activation not in words:
        wrong.append(f"activation {config.activation!r}")
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
