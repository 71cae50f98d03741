"""A folder in Hugging Face's format: config.json, and the weights in safetensors, one file or several with an index."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from nn.files.json_files import read_json
from nn.files.weights import Archive, save_file
from tinygrad_lecture.backend import Array, Shape
from tinygrad_lecture.files import atomic_write_together, make_folder

from .beside import tokenizer_beside
from .sentences import read_sentences
from .source import Source

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
PART = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
IN_FOLDER = re.compile(r"[^/\\:]+\.safetensors")
FETCH = "download or save the model again"


class Folder(Source):
    """A folder opened for reading; `name` is what messages call it, by default its path.

    Raises FileNotFoundError if a file is missing, ImportError without safetensors, ValueError if a file is damaged.
    """

    def __init__(self, folder: str | Path, name: Path | None = None) -> None:
        self._folder = Path(folder)
        self.path = name or self._folder
        config = self._folder / CONFIG
        if not config.is_file():
            raise FileNotFoundError(
                f"{config} does not exist: expected a folder with {CONFIG} and {WEIGHTS}; nothing is downloaded"
            )
        self.config = read_json(config)
        self.tokenizer, self.sentences = tokenizer_beside(self._folder, self.config), read_sentences(self._folder)

    @cached_property
    def tensors(self) -> Archives:  # type: ignore[override] # the files are opened when first asked for
        return Archives(_archives(self._folder))

    def shape(self, name: str) -> Shape:
        return self.tensors.file_of[name].shape(name)

    def dtype(self, name: str) -> str:
        return self.tensors.file_of[name].dtype(name)


class Archives(Mapping[str, Array]):
    """The tensors of several safetensors files. Raises ValueError if two have a tensor of the same name."""

    def __init__(self, files: list[Archive]) -> None:
        self.file_of: dict[str, Archive] = {}
        for file in files:
            for name in sorted(file):
                if name in self.file_of:
                    raise ValueError(f"{name} occurs twice, in {self.file_of[name].path} and in {file.path}; {FETCH}")
                self.file_of[name] = file

    def __getitem__(self, name: str) -> Array:
        return self.file_of[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.file_of)

    def __len__(self) -> int:
        return len(self.file_of)


def save_folder(folder: str | Path, config: dict[str, Any], tensors: Mapping[str, Array]) -> None:
    """Write a folder; a model already in it is replaced.

    Raises ImportError without safetensors, and OSError if the folder cannot be written.
    """
    folder = Path(folder)
    make_folder(folder)
    with atomic_write_together(folder / WEIGHTS, folder / CONFIG) as (weights, described):
        save_file(tensors, weights, {"format": "pt"})
        described.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    _remove_parts(folder / INDEX)


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
