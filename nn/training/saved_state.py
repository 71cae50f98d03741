"""Saved state: everything a training run needs to resume, in one safetensors file that is verified when read.

The tensors of model and optimiser are stored as tensors; counters, random states and the history as JSON in the file's
metadata. A SHA-256 covers both: safetensors detects truncated files, but not flipped bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import brief

from ..files import weights
from ..files.json_files import parse_json
from ..module import Module
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler

_FORMAT = "tinygrad_lecture saved state, version 2"


def save(path: str | Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-like state to a file, atomically.

    Raises ImportError without the safetensors package, TypeError for a state that JSON cannot hold.
    """
    text = json.dumps(state, default=_plain)
    tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
    weights.save_file(tensors, path, {"format": _FORMAT, "state": text, "sha256": _fingerprint(tensors, text)})


def load(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the state that `save` wrote.

    Raises FileNotFoundError if there is no such file, ValueError if it is not a saved state, incomplete or damaged.
    """
    metadata = weights.load_metadata(path)
    if (found := metadata.get("format")) != _FORMAT:
        raise ValueError(f"{path} is not the saved state of a training run: its format is {found!r}, not {_FORMAT!r}")
    tensors = weights.load_file(path)
    if metadata.get("sha256") != _fingerprint(tensors, metadata.get("state", "")):
        raise ValueError(f"{path} is damaged: its SHA-256 does not match; use another copy, or start a new run")
    state = parse_json(metadata.get("state", ""), path)
    if not isinstance(state, dict):
        raise ValueError(f"{path} is damaged: its state must be an object, not {type(state).__name__}")
    return tensors, state


def peek(path: str | Path) -> dict[str, Any]:
    """The state in a file, without reading its tensors or verifying it; {} if it has none."""
    try:
        state = parse_json(weights.load_metadata(path).get("state", ""), path)
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def save_checkpoint(
    path: str | Path,
    model: Module,
    optimizer: Optimizer | None = None,
    schedule: LRScheduler | None = None,
    **state: Any,
) -> None:
    """Write a model, and what trains it, to one safetensors file, atomically.

        nn.save_checkpoint("run.safetensors", model, optimizer, step=step, random=tl.get_rng_state())

        state = nn.load_checkpoint("run.safetensors", model, optimizer)
        tl.set_rng_state(state["random"])

    - `state`: what else to keep: numbers, strings, and lists and dicts of them.

    A `Trainer` with a folder does this by itself. Raises ImportError without the safetensors package, TypeError for a
    state that JSON cannot hold, FileNotFoundError if the folder does not exist.
    """
    tensors, parts = parts_of(model, optimizer, schedule)
    save(path, tensors, {**parts, "state": state})


def load_checkpoint(
    path: str | Path, model: Module, optimizer: Optimizer | None = None, schedule: LRScheduler | None = None
) -> dict[str, Any]:
    """Restore a model, and what trains it, from a file of `save_checkpoint`; returns the rest of the state, a dict.

    Raises FileNotFoundError if there is no such file; ValueError if it is damaged, does not fit the model, or has no
    state of an optimiser or schedule that is given.
    """
    tensors, saved = load(path)
    if not isinstance(saved.get("state"), dict):
        raise ValueError(f"{path} is the saved state of a Trainer, not a checkpoint: load it with Trainer.load")
    for name, part in (("optimizer", optimizer), ("schedule", schedule)):
        if part is not None and saved.get(name) is None:
            raise ValueError(f"{path} has no state of the {name}: leave it out, or give it to save_checkpoint as well")
    restore_parts(tensors, saved, model, optimizer, schedule)
    return dict(saved["state"])


def parts_of(
    model: Module, optimizer: Optimizer | None, schedule: LRScheduler | None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors by name, a JSON-like rest) of a model and what trains it. Raises TypeError for what is no Module."""
    _check_model(model)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    own, rest = ({}, None) if optimizer is None else split_optimizer(optimizer.state_dict())
    tensors |= {f"optimizer.{name}": tensor for name, tensor in own.items()}
    return tensors, {"optimizer": rest, "schedule": None if schedule is None else schedule.state_dict()}


def restore_parts(
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Any],
    model: Module,
    optimizer: Optimizer | None,
    schedule: LRScheduler | None,
) -> None:
    """Restore what `parts_of` returned."""
    _check_model(model)
    model.load_state_dict(_with_prefix("model.", tensors))
    if optimizer is not None:
        optimizer.load_state_dict(join_optimizer(_with_prefix("optimizer.", tensors), state["optimizer"]))
    if schedule is not None:
        schedule.load_state_dict(state["schedule"])


def _check_model(model: Any) -> None:
    if not isinstance(model, Module):
        raise TypeError(f"the model must be a Module, not {brief(model)}; the order is (path, model, optimizer)")


def _with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with the prefix, named without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def split_optimizer(optimizer: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's `state_dict` as tensors by name ("0.exp_avg"), and the same without them, as JSON returns it."""
    held = [(str(i), name, value) for i, state in optimizer["state"].items() for name, value in state.items()]
    rest: dict[str, dict[str, Any]] = {str(i): {} for i in optimizer["state"]}
    for i, name, value in held:
        if not isinstance(value, Tensor):
            rest[i][name] = value
    tensors = {f"{i}.{name}": value for i, name, value in held if isinstance(value, Tensor)}
    return tensors, {**optimizer, "state": rest}


def join_optimizer(tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> dict[str, Any]:
    """The `state_dict` that `split_optimizer` took apart."""
    state = {i: dict(held) for i, held in rest["state"].items()}
    for key, tensor in tensors.items():
        i, _, name = key.partition(".")
        state[i][name] = tensor
    return {**rest, "state": state}


def _fingerprint(tensors: Mapping[str, Tensor], text: str) -> str:
    """SHA-256 of all names, dtypes, shapes, values and the text."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = np.asarray(tensors[name].array, order="C")
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Convert a NumPy number to a Python number, for `json.dumps`."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        return value.item()
    remedy = "its .state_dict()" if hasattr(value, "state_dict") else "x.tolist() of a tensor or array"
    raise TypeError(f"a saved state holds numbers, texts, lists and dicts, not {brief(value)}: save {remedy}")
