"""Where a model's weights come from: a config and tensors, named as Hugging Face names them; and a folder of these.

A folder has config.json, and the weights in model.safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from nn.weights import Archive, save_file
from tinygrad_lecture.backend import Array, Shape
from tinygrad_lecture.files import atomic_write, make_folder, parse_json, read_json, write_json

from ..tokenizer import BPETokenizer, PretrainedTokenizer, Tokenizer
from ..tokenizer.base import located
from ..tokenizer.bpe import ADDED, PAIR, WHOLE
from ..tokenizer.pretrained import NAMES, SETTINGS, TEMPLATE, read_files

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
GENERATION = "generation_config.json"
OTHERS = ("spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "vocab.txt")  # tokenizers in other formats
MODULES, LIMITS = "modules.json", "sentence_bert_config.json"


class Sentences(NamedTuple):
    """What a folder says of vectors of texts, in the files of sentence-transformers (arXiv:1908.10084).

        sentence_bert_config.json   {"max_seq_length": 256}
        modules.json                [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}, ...]
        1_Pooling/config.json       {"pooling_mode_mean_tokens": true, ...}

    - `max_tokens`: how many tokens of a text are read; None for all that the context holds.
    - `unsupported`: what it asks for besides the mean of all vectors, divided by its length; "" for nothing.
    """

    max_tokens: int | None = None
    unsupported: str = ""


BESIDE = (INDEX, GENERATION, WHOLE, ADDED, *PAIR, SETTINGS, NAMES, TEMPLATE, MODULES, LIMITS)


class Source(Mapping[str, Array]):
    """A model in a folder or a file, opened for reading. Each tensor is read when it is indexed by its name.

    - `path`: what messages call it; `config_name`: what they call its config.
    - `config`: the contents of its config.json. This and the tensors have Hugging Face's names, shapes and layouts.
    - `held`: what stands for each tensor until it is read; in a folder the file of the weights.
    - `generation`: the contents of its generation_config.json.
    - `tokenizer`: what makes the tokenizer beside the weights when it is first asked for; None if there is none.
    - `sentences`: how the vector of a text is made.
    """

    path: Path
    config_name: str = CONFIG
    config: Any
    held: Any  # by name
    generation: Mapping[str, Any] = {}
    tokenizer: Callable[[], Tokenizer] | None = None
    sentences: Sentences = Sentences()

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, name: str) -> Array:
        return self.held[name]

    def shape(self, name: str) -> Shape:
        """The shape of a tensor, without reading it."""
        return self.held.shape(name)  # type: ignore[no-any-return]

    def dtype(self, name: str) -> str:
        """The dtype of a tensor, such as "F32", without reading it."""
        return self.held.dtype(name)  # type: ignore[no-any-return]

    def quantized(self, name: str) -> tuple[Array, Array, Array] | None:
        """A matrix of 4 or 8 bits as it is in the file, see `Quantized` in gguf.py; None for other tensors."""
        return None


class Folder(Source):
    """A folder in Hugging Face's format; `name` is what messages call it, by default its path.

    Raises FileNotFoundError if a file is missing, ImportError without safetensors, ValueError if a file is damaged.
    """

    def __init__(self, folder: str | Path, name: Path | None = None) -> None:
        self._folder = Path(folder)
        self.path = name or self._folder
        self.config, self.generation = read_json(self._folder / CONFIG), _read(self._folder / GENERATION, {})
        if isinstance(self.config, dict):  # newer files have some token ids in the second file alone
            ids = {name: id for name, id in self.generation.items() if name.endswith("_token_id") and type(id) is int}
            self.config |= {name: id for name, id in ids.items() if self.config.get(name) is None}
        self.tokenizer, self.sentences = tokenizer_beside(self._folder, self.config), read_sentences(self._folder)

    @cached_property
    def held(self) -> Archive:  # opened when first asked for
        """The file of the weights."""
        return _weights(self._folder)


def tokenizer_beside(folder: Path, config: Any) -> Callable[[], Tokenizer] | None:
    """What makes the tokenizer of a folder when it is first asked for; None if the folder has none.

    The two files of a GPT-2 are a `BPETokenizer`, a tokenizer.json is a `PretrainedTokenizer` or what `Tokenizer.save`
    wrote. Of tokenizers in other files alone, the error says how to get a tokenizer.json. config: the contents of
    config.json.
    """
    gpt2 = isinstance(config, dict) and config.get("model_type", "gpt2") == "gpt2"
    if gpt2 and all((folder / name).is_file() for name in PAIR):
        return partial(BPETokenizer.from_files, folder)
    if (folder / WHOLE).is_file():
        return partial(_tokenizer, folder / WHOLE, *read_files(folder))
    return next((partial(_refuse, folder, name) for name in OTHERS if (folder / name).is_file()), None)


def _refuse(folder: Path, name: str) -> NoReturn:
    raise ValueError(f"{folder / name} is not read here; AutoTokenizer of transformers saves a {WHOLE} of it")


def _tokenizer(path: Path, whole: str, settings: dict[str, Any]) -> Tokenizer:
    if "tokenizer" in parse_json(whole, path):
        return Tokenizer.load(path)
    with located(path):
        return PretrainedTokenizer(whole, settings)


def save_folder(folder: Path, config: Any, tensors: Mapping[str, Array], generation: Mapping[str, Any]) -> None:
    """Write a folder; a model already in it is replaced, with what stood beside the weights.

    Raises ImportError without safetensors, and OSError if the folder cannot be written.
    """
    make_folder(folder)
    earlier = (folder / CONFIG).is_file()
    with atomic_write(folder / WEIGHTS) as weights, atomic_write(folder / CONFIG) as described:
        save_file(tensors, weights, {"format": "pt"})
        described.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for name in BESIDE if earlier else ():
        (folder / name).unlink(missing_ok=True)
    if generation:
        write_json(dict(generation), folder / GENERATION)


def _weights(folder: Path) -> Archive:
    """The safetensors file of a folder. Raises FileNotFoundError if it is not there, with what stands in its place."""
    if not (folder / WEIGHTS).is_file():
        if (folder / INDEX).is_file():
            raise FileNotFoundError(
                f"{folder} has its weights in parts, which are not read here; save the model again from transformers "
                'with max_shard_size="999GB"'
            )
        if (folder / "pytorch_model.bin").is_file():
            raise FileNotFoundError(
                f"{folder} has its weights in pytorch_model.bin, a pickle; pickles can run any code and are never "
                "opened here; save the model again from transformers with safe_serialization=True"
            )
    return Archive(folder / WEIGHTS)


# --- how a folder makes one vector of a text ----------------------------------------------------------------------


def read_sentences(folder: Path) -> Sentences:
    """What a folder says. Raises ValueError for files that are not as they must be."""
    limit = _read(folder / LIMITS, {}).get("max_seq_length")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ValueError(f"{folder / LIMITS}: max_seq_length must be a whole number from 1, not {limit!r}")
    modules, pooling = _read(folder / MODULES, []), dict[str, Any]()
    for path in folder.glob(f"*_Pooling/{CONFIG}") if modules else ():
        pooling |= _read(path, {})
    with located(folder / MODULES):
        kinds = [str(each["type"]).rpartition(".")[2] for each in modules]
    others = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    modes = [name for name, chosen in pooling.items() if chosen is True and name.startswith("pooling_mode_")]
    others += [name for name in modes if name != "pooling_mode_mean_tokens"]
    others += ["vectors of any length"] if modules and "Normalize" not in kinds else []
    return Sentences(limit, ", ".join(others))


def _read(path: Path, default: Any) -> Any:
    """The contents of a file, which must be of the type of `default`; that itself if there is none."""
    return read_json(path, type(default)) if path.exists() or path.is_symlink() else default
