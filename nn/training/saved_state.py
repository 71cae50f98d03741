"""Saved state: everything a training run needs to resume, in one safetensors file that is verified when read.

A state is a tree of dicts and lists. Its tensors are stored as tensors, named by their paths, such as "model.0.weight";
the rest as JSON in the file's metadata. A SHA-256 covers both: safetensors detects truncated files, but not flipped
bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import brief
from tinygrad_lecture.files import check_writable, parse_json, sweep

from .. import weights
from ..data.loader import differences
from ..module import Module
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler

_FORMAT = "tinygrad_lecture saved state, version 3"
_TENSOR = "$tensor"  # {"$tensor": name} stands in the JSON where a tensor was


def save(path: str | Path, state: Any) -> None:
    """Write a state to a file, atomically.

    Raises ImportError without the safetensors package, TypeError for a state that JSON cannot hold.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_without_tensors(state, "", tensors), default=_plain)
    weights.save_file(tensors, path, {"format": _FORMAT, "state": text, "sha256": _fingerprint(tensors, text)})


def load(path: str | Path) -> dict[str, Any]:
    """The state that `save` wrote, with its tensors on the CPU.

    Raises FileNotFoundError if there is no such file, ValueError if it is not a saved state, incomplete or damaged.
    """
    metadata = weights.load_metadata(path)
    if (found := metadata.get("format")) != _FORMAT:
        raise ValueError(f"{path} is not the saved state of a training run: its format is {found!r}, not {_FORMAT!r}")
    tensors = weights.load_file(path)
    if metadata.get("sha256") != _fingerprint(tensors, metadata.get("state", "")):
        raise ValueError(f"{path} is damaged: its SHA-256 does not match; use another copy, or start a new run")

    def in_place(held: dict[str, Any]) -> Any:  # a damaged name is none, which does not fit
        return tensors.get(str(held[_TENSOR])) if held.keys() == {_TENSOR} else held

    state = parse_json(metadata.get("state", ""), path, in_place)
    if not isinstance(state, dict):
        raise ValueError(f"{path} is damaged: its state must be an object, not {type(state).__name__}")
    return state


def peek(path: str | Path) -> dict[str, Any]:
    """The state in a file, without reading its tensors or verifying it; {} if it has none."""
    try:
        state = parse_json(weights.load_metadata(path).get("state", ""), path)
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def prepare(last: Path, best: Path, resume: bool, begun: bool) -> bool:
    """Prepare the files of a run: returns whether to resume the run there, else removes those of a finished one.

    last, best: its saved state, and the weights with the best scores.  begun: whether this run has written them.
    Raises FileExistsError for an unfinished run that is not to be resumed.
    """
    check_writable(last)  # now, not after the first hour
    sweep(last)
    sweep(best)
    if begun:
        return False
    if resume and last.exists():
        return True
    if last.exists() and not (state := peek(last)).get("finished"):
        raise FileExistsError(
            f"{last} is the saved state of an unfinished run: fit(resume=True) resumes it; delete it to start over"
            if state
            else f"{last} exists, but is not the saved state of a training run; delete it to start over"
        )
    for old in (last, best):
        old.unlink(missing_ok=True)
    return False


def optimizer_settings(optimizer: Optimizer, schedule: LRScheduler | None) -> dict[str, Any]:
    """The settings by name, {"lr": 0.1, "gamma of the schedule": 0.5, ...}, as JSON returns them."""
    found: dict[str, Any] = {}
    for i, settings in enumerate(optimizer.param_groups):
        where = f" of group {i}" if i else ""
        found |= {f"{name}{where}": value for name, value in settings.items() if name not in ("params", "initial_lr")}
    for i, part in enumerate([schedule, *getattr(schedule, "schedulers", ())] if schedule is not None else []):
        where = f", part {i}" if i else ""
        own = [name for name in vars(part) if name[0] != "_" and name not in ("last_epoch", "optimizer", "schedulers")]
        found |= {f"{name} of the schedule{where}": getattr(part, name) for name in own}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain_or_kind))
    return plain


def _plain_or_kind(value: Any) -> Any:
    """A number as Python's, and of anything else its kind."""
    return value.item() if getattr(value, "shape", None) == () else type(value).__name__


def check_same(saved: Any, own: Mapping[str, Any], known_alone: bool = False) -> None:
    """Raises ValueError that lists the settings that differ from those saved.

    known_alone: names that are not in both do not count, such as settings that optimisers had in an earlier version.
    """
    if known_alone and isinstance(saved, Mapping):
        both = [name for name in own if name in saved]
        saved, own = ({name: settings[name] for name in both} for settings in (saved, own))
    if differing := differences(saved, own):
        raise ValueError(f"{differing}; use the same settings to resume, or start a new run in another folder")


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

    - `state`: what else to keep: tensors, numbers, strings, and lists and dicts of them.

    A `Trainer` with a folder does this by itself. Raises ImportError without the safetensors package, TypeError for a
    state that JSON cannot hold, FileNotFoundError if the folder does not exist.
    """
    parts = parts_of(model, optimizer, schedule).items()
    save(path, {**{name: part.state_dict() for name, part in parts}, "state": state})


def load_checkpoint(
    path: str | Path, model: Module, optimizer: Optimizer | None = None, schedule: LRScheduler | None = None
) -> dict[str, Any]:
    """Restore a model, and what trains it, from a file of `save_checkpoint`; returns the rest of the state, a dict.

    Raises FileNotFoundError if there is no such file; ValueError if it is damaged, does not fit the model, or has no
    state of an optimiser or schedule that is given.
    """
    saved = load(path)
    if not isinstance(saved.get("state"), dict):
        raise ValueError(f"{path} is the saved state of a Trainer, not a checkpoint: load it with Trainer.load")
    parts = parts_of(model, optimizer, schedule)
    for name in parts:
        if saved.get(name) is None:
            raise ValueError(f"{path} has no state of the {name}: leave it out, or give it to save_checkpoint as well")
    with fitting(path):
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    return dict(saved["state"])


@contextmanager
def fitting(path: str | Path) -> Iterator[None]:
    """Context manager: a state that cannot be restored, for whatever reason, is a ValueError that names its file."""
    try:
        yield
    except Exception as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} is the saved state of another run: {reason}") from error


def parts_of(model: Module, optimizer: Optimizer | None, schedule: LRScheduler | None) -> dict[str, Any]:
    """A model, and what there is that trains it, by name. Raises TypeError for what is no Module."""
    if not isinstance(model, Module):
        raise TypeError(f"the model must be a Module, not {brief(model)}; the order is (path, model, optimizer)")
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    return {name: part for name, part in parts.items() if part is not None}


def _without_tensors(tree: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """The tree with {"$tensor": path} in place of each tensor, which goes to `tensors`, on the CPU."""
    if isinstance(tree, Tensor):
        tensors[path] = tree.cpu()
        return {_TENSOR: path}
    below = f"{path}." if path else ""
    if isinstance(tree, Mapping):
        return {key: _without_tensors(part, f"{below}{key}", tensors) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return [_without_tensors(part, f"{below}{i}", tensors) for i, part in enumerate(tree)]
    return tree


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
    remedy = "its .state_dict()" if hasattr(value, "state_dict") else "x.tolist() of an array"
    raise TypeError(f"a saved state holds tensors, numbers, strings, lists, dicts, not {brief(value)}: save {remedy}")
