"""`PretrainedModel`: a model that is read from, and written to, the files of its family."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

import nn
from tinygrad_lecture.backend import to_host

from ..config import TransformerConfig
from ..tokenizer import Tokenizer
from .beside import save_tokenizer
from .folder import save_folder
from .format import Entry, Format
from .opened import opened
from .quantized import Quantized, QuantizedLayer, replace_layers
from .source import Source


class PretrainedModel(nn.Module):
    """The base of the families that Hugging Face's files know.

    - `format`: how these files describe the family.
    """

    format: ClassVar[Format]
    config_type: ClassVar[type[TransformerConfig]]
    config: Any
    _tokenizer: Tokenizer | Callable[[], Tokenizer] | None = None

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, *, quantized: bool = False) -> Self:
        """A model from files, in evaluation mode. Nothing is downloaded.

        - `name_or_path`: "smollm2" (a Llama) or "minilm" (a Bert), from a package that pip has installed; a folder of
          that name is "./smollm2". Or a .gguf file of a Llama or a GPT-2. Or a folder in Hugging Face's format, which
          holds config.json and model.safetensors (or its shards with an index) in float32, float16 or bfloat16.
        - `quantized`: whether a GGUF file's matrices of 4 or 8 bits (Q4_0, Q4_1, Q8_0) stay as they are. They then take
          a fifth of the memory, and are no parameters: they cannot be trained or saved.

        All other weights are read as the default dtype. The prefix of the names may be missing. Of several dropout
        probabilities, that of the residual stream is used.

        Raises FileNotFoundError for a missing file, ImportError for a package that is not installed, with the command
        that installs it, and ValueError for a config of another family or with an option that is not supported, for
        tensors that are missing, unexpected, duplicated or of another shape (all are listed), for tensors that differ
        although config.json ties them, and for a damaged file.
        """
        with opened(name_or_path) as source:
            config = cls.format.read_config(source, cls.config_type)
            wanted, held = config.parameter_count(), sum(math.prod(source.shape(name)) for name in source.tensors)
            if wanted > 10 * held:  # found before anyone makes a model of that size
                raise ValueError(
                    f"{source.path}: {source.config_name} describes {wanted:,} parameters, but the files hold {held:,}"
                )
            with nn.init.skip():
                model = cls(config)  # type: ignore[call-arg] # a family's
            load(model, source, quantized)
            model.read_beside(source)
        return model.eval()

    def read_beside(self, source: Source) -> None:
        """Read what else a source has beside the weights: the tokenizer."""
        self._tokenizer = source.tokenizer

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors in Hugging Face's format to a folder, which is made if missing.

        A model already in the folder is replaced, shards included. The tokenizer is written too, if there is one.
        Biases that the model lacks are written as zeros, where the family's files have biases. Raises ValueError for a
        model that the files of this family cannot describe.
        """
        if any(isinstance(module, QuantizedLayer) for module in self.modules()):
            raise ValueError("save_pretrained: the weights are quantised; read the model without quantized=True")
        _ = self.tokenizer  # if it cannot be made, nothing is written
        dtype = next(self.parameters()).dtype
        described = self.format.write_config(self.config, str(dtype))
        entries = self.format.entries(self)
        self._check_tied(entries[0])
        tensors = {entry.written: entry.array().astype(dtype, copy=False) for entry in entries}
        save_folder(folder, described, tensors)
        self.save_beside(Path(folder))

    def save_beside(self, folder: Path) -> None:
        """Write what `read_beside` reads."""
        if self.tokenizer is not None:
            save_tokenizer(self.tokenizer, folder)

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer that stood beside the weights, or that was set; None if there is none.

        It is made when it is first asked for. Raises ImportError without the package that it needs, ValueError for one
        that is damaged or not supported.
        """
        if callable(self._tokenizer):
            self._tokenizer = self._tokenizer()
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer = tokenizer

    def _check_tied(self, W_E: Entry) -> None:
        """Raises ValueError for a W_U that differs from W_E although the config ties them."""
        head = getattr(self, "unembedding", None)
        if not self.config.tied or head is None:
            return
        if not np.array_equal(W_E.array(), to_host(head.W_U.weight.array)):
            raise ValueError(
                f"cannot save this model as a {self.format.name}: its config ties W_U to W_E, but their weights differ;"
                " set unembedding.W_U.weight to embedding.W_E.weight, or make the model with tied=False"
            )


def load(model: PretrainedModel, source: Source, quantized: bool = False) -> None:
    """Copy the weights of a source into a model, converted to its dtype, one at a time to keep the memory small.

    - `quantized`: see `PretrainedModel.from_pretrained`.

    Raises ValueError that lists every tensor that is missing, unexpected, repeated, or of another shape or kind, and
    tied tensors that differ.
    """
    entries = model.format.entries(model)
    stored: dict[str, list[str]] = {}  # name without prefix -> names in the source
    for key in source.tensors:
        stored.setdefault(model.format.own_name(key), []).append(key)
    if complaints := list(_complaints(model.format, entries, stored, source)):
        lines = "".join(f"\n  {complaint}" for complaint in complaints)
        raise ValueError(f"{source.path}: the weights do not match {source.config_name}{lines}")
    kept: dict[int, Quantized] = {}
    for entry in entries:
        key = next(stored[name][0] for name in entry.names if name in stored)
        if quantized and (matrix := source.quantized(key)) is not None:
            kept[id(entry.parts[0])] = matrix
        else:
            entry.load(source.tensors[key])
    replace_layers(model, kept)


def _complaints(form: Format, entries: list[Entry], stored: dict[str, list[str]], source: Source) -> Iterator[str]:
    """Yields what is wrong with the tensors of a source."""
    expected = {name: entry for entry in entries for name in entry.names}
    yield from (f"missing: {e.names[0]} {e.shape}" for e in entries if stored.keys().isdisjoint(e.names))
    yield from (f"{name} occurs twice, as {keys[0]} and as {keys[1]}" for name, keys in stored.items() if keys[1:])
    for name, (key, *_) in sorted(stored.items()):
        if form.is_ignored(name):
            continue
        shape, dtype = source.shape(key), source.dtype(key)
        if name not in expected:
            yield f"unexpected: {name} {shape}"
        elif shape != expected[name].shape:
            yield f"{name} has shape {shape}, expected {expected[name].shape}"
        elif not dtype.lower().startswith(("f", "bf")):
            yield f"{name} has dtype {dtype}, expected floats"
    for entry in entries:
        first, *others = [name for name in entry.names if name in stored] or [""]
        for name in others:
            if not np.array_equal(source.tensors[stored[first][0]], source.tensors[stored[name][0]]):
                yield f"{name} differs from {first}, although {source.config_name} ties them"
