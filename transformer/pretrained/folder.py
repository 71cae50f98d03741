"""A GPT-2 folder: config.json, and the weights in one safetensors file or, for a large model, several with an index."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nn.files.json_files import read_json
from nn.files.weights import Archive, save_file
from tinygrad_lecture.backend import to_host
from tinygrad_lecture.files import atomic_write_together, make_folder

from .gpt2 import Entry, config_json, entries, read_config

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
PART = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
IN_FOLDER = re.compile(r"[^/\\:]+\.safetensors")
MASKS = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # causal masks, which older files keep among the weights
FETCH = "download or save the model again"


class PretrainedFolder:
    """A folder opened for reading: `config`, and `load_weights` for a model with that config.

    Raises FileNotFoundError if a file is missing, ImportError without safetensors, ValueError if a file is damaged or
    config.json describes something that GPT does not support, or far more parameters than there are.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        self.config = read_config(self.path / CONFIG)
        self._stored: dict[str, tuple[Archive, str]] = {}  # name without prefix -> file, name in the file
        self._repeated: list[str] = []
        for file in _archives(self.path):
            for key in sorted(file):
                name = key.removeprefix("transformer.")
                if name in self._stored:
                    self._repeated.append(f"{name} occurs twice, as {self._stored[name][1]} and as {key}")
                self._stored[name] = file, key
        wanted = self.config.parameter_count()
        held = sum(math.prod(file.shape(key)) for file, key in self._stored.values())
        if wanted > 10 * held:  # found before anyone makes a model of that size
            raise ValueError(f"{self.path}: {CONFIG} describes {wanted:,} parameters, but the files hold {held:,}")

    def load_weights(self, model: Any) -> None:
        """Copy the weights into a model, converted to its dtype.

        Raises ValueError that lists every tensor that is missing, unexpected, repeated, or of another shape or kind,
        and a head that differs from W_E although the config ties them.
        """
        expected = {entry.name: entry for entry in entries(model)}
        complaints = list(self._complaints(expected))
        if complaints:
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise ValueError(f"{self.path}: the weights do not match {CONFIG}{lines}")
        for name, entry in expected.items():  # one tensor at a time, to keep the memory of a second copy small
            file, key = self._stored[name]
            entry.load(file[key])

    def _complaints(self, expected: dict[str, Entry]) -> Iterator[str]:
        tied, head = self.config.tied, "lm_head.weight"
        yield from (f"missing: {name} {entry.shape}" for name, entry in expected.items() if name not in self._stored)
        yield from self._repeated
        for name, (file, key) in sorted(self._stored.items()):
            if MASKS.fullmatch(name) or (tied and name == head):
                continue
            shape, dtype = file.shape(key), file.dtype(key)
            if name not in expected:
                yield f"unexpected: {name} {shape}"
            elif shape != expected[name].shape:
                yield f"{name} has shape {shape}, expected {expected[name].shape}"
            elif not dtype.startswith(("F", "BF")):
                yield f"{name} has dtype {dtype}, expected floats"
        if tied and {"wte.weight", head} <= self._stored.keys():
            W_E, W_U = (file[key] for file, key in (self._stored["wte.weight"], self._stored[head]))
            if not np.array_equal(W_E, W_U):
                yield f"{head} differs from wte.weight, although {CONFIG} ties them"


def save_folder(model: Any, folder: str | Path) -> None:
    """Write a model as a GPT-2 folder; a model already in the folder is replaced.

    Raises ValueError for a model that is not a GPT-2, or a W_U that differs from W_E although the config ties them;
    ImportError without safetensors, and OSError if the folder cannot be written.
    """
    dtype = model.embedding.W_E.weight.dtype
    described = config_json(model.config, str(dtype))
    W_E, W_U = (to_host(p.array) for p in (model.embedding.W_E.weight, model.unembedding.W_U.weight))
    if model.config.tied and not np.array_equal(W_E, W_U):
        raise ValueError(
            "cannot save this model as a GPT-2: its config ties W_U to W_E, but their weights differ; set "
            "unembedding.W_U.weight to embedding.W_E.weight, or make the model with tied=False"
        )
    tensors = {_key(entry.name): entry.array().astype(dtype, copy=False) for entry in entries(model)}
    folder = Path(folder)
    make_folder(folder)
    with atomic_write_together(folder / WEIGHTS, folder / CONFIG) as (weights, config):
        save_file(tensors, weights, {"format": "pt"})
        config.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    _remove_parts(folder / INDEX)


def _key(name: str) -> str:
    return name if name.startswith("lm_head") else f"transformer.{name}"


def _archives(folder: Path) -> list[Archive]:
    """The safetensors file of a folder, or all of them. Raises FileNotFoundError or ValueError."""
    path, index = folder / WEIGHTS, folder / INDEX
    if path.is_file():  # it comes before the index of an earlier model, as in transformers
        return [Archive(path)]
    if index.is_file():
        return [Archive(folder / name) for name in _parts(index)]
    if (folder / "pytorch_model.bin").is_file():
        raise FileNotFoundError(
            f"{folder} has its weights in pytorch_model.bin, a pickle; pickles can run any code and are never opened "
            "here; save the model again from transformers with safe_serialization=True"
        )
    return [Archive(path)]


def _parts(index: Path) -> list[str]:
    """The file names in an index. Raises ValueError if it is not an index, or names a file outside its folder."""
    given = read_json(index)
    files = given.get("weight_map") if isinstance(given, dict) else None
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        raise ValueError(
            f'{index} is not an index of weights: expected {{"weight_map": {{tensor: file, ...}}}}; {FETCH}'
        )
    names = sorted(set(files.values()))
    for name in names:
        if not IN_FOLDER.fullmatch(name):
            raise ValueError(f"{index} names {name!r}, which is not a safetensors file in its own folder; {FETCH}")
    return names


def _remove_parts(index: Path) -> None:
    """Remove an earlier model's index and its parts, so that nobody mistakes them for the new model."""
    if not index.is_file():
        return
    try:
        names = _parts(index)
    except ValueError:  # a broken index does not say which files are its parts
        names = []
    index.unlink()
    for name in names:
        if PART.fullmatch(name):
            (index.parent / name).unlink(missing_ok=True)
