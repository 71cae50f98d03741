"""Checkpoints: a training's whole state in one safetensors file, which is complete and unharmed, or refused.

The tensors of model and optimiser are in it as such, all else (counters, random states, the history) as JSON in the
file's metadata, with a SHA-256 of both: safetensors itself notices a file that was cut off, not a bit that was flipped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor

from ..files import weights

_FORMAT = "tinygrad_lecture checkpoint, version 1"


def save(path: str | Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a state of plain numbers, words, lists and dicts; the old file is there until the new one is.

    Raises ImportError without the safetensors package, TypeError for a state that JSON cannot hold.
    """
    text = json.dumps(state, default=_plain)
    tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
    weights.save_file(tensors, path, {"format": _FORMAT, "state": text, "sha256": _fingerprint(tensors, text)})


def load(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the state that `save` wrote.

    Raises FileNotFoundError if there is no such file, ValueError that says why if it is not a whole checkpoint.
    """
    words = weights.load_metadata(path)
    if words.get("format") != _FORMAT:
        raise ValueError(
            f"{path} is no checkpoint of a training: it calls itself {words.get('format', 'nothing')!r}, "
            f"and a checkpoint would say {_FORMAT!r}"
        )
    tensors = weights.load_file(path)
    if words.get("sha256") != _fingerprint(tensors, words.get("state", "")):
        raise ValueError(f"{path} is damaged: what is in it is not what was written; take another copy, or begin anew")
    state: dict[str, Any] = json.loads(words["state"])
    return tensors, state


def peek(path: str | Path) -> dict[str, Any]:
    """The state in a file alone, without looking at the tensors or whether it is unharmed; empty if it has none."""
    try:
        state: dict[str, Any] = json.loads(weights.load_metadata(path)["state"])
    except (KeyError, ValueError):
        return {}
    return state


def flat(optimizer: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's `state_dict` as tensors by name, "0.exp_avg", and the rest as JSON holds it; see `nested`."""
    state = optimizer["state"]
    tensors = {f"{i}.{name}": t for i, held in state.items() for name, t in held.items() if name != "step"}
    steps = {str(i): held["step"] for i, held in state.items()}
    return tensors, {"param_groups": optimizer["param_groups"], "steps": steps}


def nested(tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> dict[str, Any]:
    """The `state_dict` of which `flat` made tensors by name and a rest."""
    state: dict[str, dict[str, Any]] = {i: {"step": step} for i, step in rest["steps"].items()}
    for key, tensor in tensors.items():
        i, _, name = key.partition(".")
        state[i][name] = tensor
    return {"state": state, "param_groups": rest["param_groups"]}


def _fingerprint(tensors: Mapping[str, Tensor], text: str) -> str:
    """A SHA-256 of all names, dtypes, shapes, values and the text."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = np.asarray(tensors[name].array, order="C")
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        return value.item()
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}: {value!r}")
