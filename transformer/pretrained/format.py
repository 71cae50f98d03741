"""A family's format: its config.json as our config, and back; its tensors, and the parameters that they hold.

Each family's is data, in the .toml file of the name that Hugging Face gives the family.
"""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.backend import Array, Shape, move, to_host

from ..config import GATED, TransformerConfig
from ..embedding import LearnedPositions
from ..tokenizer.base import located
from .source import Source

DERIVED = ("hidden", "kv_heads", "head_width", "decoder_layers")  # null means that it follows from other fields
# Supported in one way, which need not be said:
UNWRITTEN = ("is_causal", "is_encoder_decoder", "partial_rotary_factor", "rope_type")


def table(name: str) -> dict[str, Any]:
    """The contents of a .toml file beside this one. A row with {q,k} on both sides is one row for q and one for k."""
    return _spread(tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text("utf-8")))


def _spread(rows: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for theirs, ours in rows.items():
        if isinstance(ours, dict):
            made[theirs] = _spread(ours)
        elif "{" in theirs:
            made |= zip(_choices(theirs), _choices(ours), strict=True)
        else:
            made[theirs] = ours
    return made


def _choices(name: str) -> list[str]:
    """The names that one with braces stands for: "self_attn.{q,k}_proj" for self_attn.q_proj and self_attn.k_proj."""
    before, _, rest = name.partition("{")
    inside, _, after = rest.partition("}")
    return [before + each + after for each in inside.split(",")]


NO_EFFECT = re.compile("|".join(table("no_effect")["fields"]))


class Layout(NamedTuple):
    """How a tensor of the file holds parameters.

    - `read`: the tensor and how many parameters it holds -> these.
    - `write`: the parameters -> the tensor.
    """

    read: Callable[[Array, int], list[Array]]
    write: Callable[[list[Array]], Array]


LAYOUTS = {
    "plain": Layout(lambda array, count: [array], lambda parts: parts[0]),
    "one_row": Layout(lambda array, count: [array[0]], lambda parts: parts[0][None]),
    "side_by_side": Layout(  # matrices as (in, out), where nn.Linear has (out, in)
        lambda array, count: [part.T for part in np.split(array, count, -1)],
        lambda parts: np.concatenate([part.T for part in parts], -1),
    ),
    "after_two": Layout(  # positions count from 2 in the files; nobody reads the first two rows
        lambda array, count: [array[2:]], lambda parts: np.concatenate([np.zeros_like(parts[0][:1])] * 2 + parts)
    ),
}


@dataclass(frozen=True, kw_only=True)
class Format:
    """How Hugging Face writes the models of a family.

    - `name`: the family in messages. `model_type`, `architecture`: what config.json calls it.
    - `fields`: fields of config.json -> ours. Several may have the same meaning; then they must agree.
    - `words`: for fields of config.json whose values are words, each value that we can follow -> ours.
    - `nullable`: fields that may be null in config.json; ours then is None, or follows from others: see DERIVED.
    - `also`: fields that are written, but not read -> ours. `defaults`: of our fields, where Hugging Face's differ.
    - `supported`: for other fields of config.json, the values that we can follow; the first is written.
    - `optional`: our fields that say whether a part exists -> a tensor of that part.
    - `tensors`: each tensor -> the parameter (or, without ".weight" or ".bias", the module) that holds it; a module of
      each layer has `*` for its number. In another layout than ours: that of LAYOUTS -> those that the tensor holds.
      The first is W_E. Several tensors may name one parameter. Those of a module that is None are left out.
    - `gated`, `ungated`: further tensors where the FFN has a gate, or has none.
    - `prefix`: what names may start with, or not. `renamed`: other names of older files, as in str.replace.
    - `ignored`: other tensors, which a file may have. `zeros`: tensors that it may lack; they are then zeros.
    - `biased`: whether the files have biases; zeros are written for those that a model lacks.
    - `gguf`: the "fields" and "tensors" of a GGUF file -> those of Hugging Face's; empty if there are no such files.
    """

    name: str
    model_type: str
    architecture: str
    fields: Mapping[str, str]
    tensors: Mapping[str, Any]
    gated: Mapping[str, Any] = field(default_factory=dict)
    ungated: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nullable: Collection[str] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    supported: Mapping[str, list[Any]] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    ignored: str = ""
    zeros: Collection[str] = ()
    biased: bool = True
    gguf: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, model_type: str) -> Self:
        """The format of the models that config.json calls so."""
        return cls(model_type=model_type, **table(model_type))

    # --- config.json --------------------------------------------------------------------------------------

    def read_config(self, source: Source, kind: type[TransformerConfig]) -> Any:
        """The config, of our kind, of a source. Fields that the source leaves out have our defaults.

        Raises ValueError if the source is not of this family or asks for something that the family here does not
        support.
        """
        given, where = source.config, f"{source.path}: {source.config_name}"
        what = str(given.get("model_type", self.model_type)) if isinstance(given, dict) else type(given).__name__
        if what != self.model_type:
            raise ValueError(f"{where} describes {what!r}, not a {self.name}{nearest(what)}")
        names = {self.own_name(name) for name in source}
        with located(where):
            given = ADJUST[self.model_type](given, names) if self.model_type in ADJUST else given
        family = kind.__name__.removesuffix("Config")
        if wrong := list(self._unsupported(given)):
            raise ValueError(f"{where} asks for something that {family} does not support: {', '.join(wrong)}")
        known = {*self.fields, *self.also, *self.supported}
        others = [name for name in given if name not in known and not NO_EFFECT.match(name)]
        if unknown := ", ".join(f"{name} {given[name]!r:.40}" for name in others if given[name]):
            warnings.warn(f"{where} has options that {family} does not know and leaves out: {unknown}", stacklevel=3)
        read: dict[str, Any] = {ours: name in names for ours, name in self.optional.items()}
        for theirs, ours in self.fields.items():
            if theirs in given and not (given[theirs] is None and theirs in self.nullable and ours in DERIVED):
                read[ours] = self._meaning(given, theirs)
        with located(f"{where} (missing fields are those of {kind.__name__}())"):
            return kind(**{**self.defaults, **read})

    def _unsupported(self, given: dict[str, Any]) -> Iterator[str]:
        """Yields each field of config.json that asks for something else than we can do."""
        for name, value in given.items():
            fits = value in self.supported.get(name, [value]) and str(value) in self.words.get(name, [str(value)])
            if not fits or (value == 0 and self.fields.get(name) == "decoder_layers"):  # where 0 is a default here
                yield f"{name} {value!r}"
        first: dict[str, str] = {}
        for theirs, ours in self.fields.items():
            before = theirs if given.get(theirs) is None else first.setdefault(ours, theirs)
            # In a list NaN equals itself.
            if [self._meaning(given, theirs)] != [self._meaning(given, before)]:
                yield f"{theirs} {given[theirs]!r} beside {before} {given[before]!r}"

    def _meaning(self, given: dict[str, Any], theirs: str) -> Any:
        """What a field of config.json means here."""
        return self.words.get(theirs, {}).get(str(given.get(theirs)), given.get(theirs))

    def write_config(self, config: Any, dtype: str) -> dict[str, Any]:
        """The contents of config.json. Raises ValueError for a config that this family's files cannot describe."""
        described = {"init_std", *self.fields.values(), *self.optional, *(("bias",) if self.biased else ())}
        usual = vars(type(config)(**{name: v for name, v in vars(config).items() if name in described}))
        wrong = [f"{name} {v!r}" for name, v in vars(config).items() if name not in described and v != usual[name]]
        written: dict[str, Any] = {"model_type": self.model_type}
        for theirs, ours in {**self.fields, **self.also}.items():
            value = config.std if ours == "init_std" else getattr(config, ours)
            if theirs in self.words:
                words = {means: word for word, means in reversed(list(self.words[theirs].items()))}
                wrong += [] if value in words else [f"{ours} {value!r}"]
                value = words.get(value)
            written[theirs] = value
        if wrong:
            raise ValueError(f"cannot save this model as a {self.name}: a {self.name} has no {', '.join(wrong)}")
        fixed = {name: can[0] for name, can in self.supported.items() if name not in UNWRITTEN}
        return {"architectures": [self.architecture], "torch_dtype": dtype, **fixed, **written}

    # --- tensors ------------------------------------------------------------------------------------------

    def own_name(self, name: str) -> str:
        """The name of a tensor without prefix, as newer files have it."""
        for old, new in self.renamed.items():
            name = name.replace(old, new)
        return name.removeprefix(self.prefix)

    def entries(self, model: Any) -> list[Entry]:
        """All tensors of the files of a model, with its parameters."""
        made: dict[Any, Entry] = {}  # by their parameters: a tied tensor has several names
        rows = {**self.tensors, **(self.gated if model.config.activation in GATED else self.ungated)}
        for theirs, row in rows.items():
            ((layout, held),) = row.items() if isinstance(row, dict) else [("plain", [row])]
            if getattr(model, held[0].partition(".")[0]) is None:
                continue
            for name, paths in _each_layer(model, theirs, held):
                for kind, parts in self._parts(model, paths):
                    entry = made.setdefault(tuple(map(id, parts)), Entry(name + kind, [], parts, LAYOUTS[layout]))
                    entry.names.append(self.own_name(name + kind))
        return list(made.values())

    def _parts(self, model: Any, paths: list[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yields what a row of `tensors` holds: the end of its name, and the parameters."""
        if paths[0].endswith((".weight", ".bias")):
            yield "", tuple(model.get_parameter(path) for path in paths)
            return
        modules = [model.get_submodule(path) for path in paths]
        for path, kind in zip(paths, map(type, modules), strict=True):
            if kind not in (nn.Linear, nn.Embedding, nn.LayerNorm, nn.RMSNorm, LearnedPositions):
                raise ValueError(f"{path} is a {kind.__name__}; a {self.name}'s files have one of nn there: merge it")
        yield ".weight", tuple(module.weight for module in modules)
        if isinstance(modules[0], (nn.Linear, nn.LayerNorm)) and (self.biased or modules[0].bias is not None):
            yield ".bias", tuple(map(_bias, modules))


def _bias(module: Any) -> nn.Parameter:
    """A module's bias; zeros for one that it does not have."""
    return nn.Parameter(tl.zeros(len(module.weight))) if module.bias is None else module.bias


def _each_layer(model: Any, theirs: str, paths: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yields a row of `Format.tensors` for each layer, with its number in place of `*`."""
    blocks, star, _ = paths[0].partition(".*.")
    for i in range(len(model.get_submodule(blocks)) if star else 1):
        yield theirs.replace("*", str(i)), [path.replace("*", str(i)) for path in paths]


@dataclass(frozen=True)
class Entry:
    """A tensor of the files, and the parameters that it holds.

    - `written`: its name.
    - `names`: that it may have, without prefix.
    - `parts`: the parameters.
    """

    written: str
    names: list[str]
    parts: tuple[nn.Parameter, ...]
    layout: Layout

    @property
    def shape(self) -> Shape:
        """The tensor's shape in the file."""
        return tuple(self.layout.write([np.broadcast_to(np.float32(0), part.shape) for part in self.parts]).shape)

    def load(self, array: Any) -> None:
        """Copy the file's tensor into the parameters."""
        for part, values in zip(self.parts, self.layout.read(array, len(self.parts)), strict=True):
            part.inplace()[...] = move(values, part.device)

    def array(self) -> Array:
        """The parameters as the file's tensor."""
        return self.layout.write([to_host(part.array) for part in self.parts])


def nearest(model_type: str) -> str:
    """Of a model type that is not the family's: which class reads it, or is nearest and why it is not equal."""
    families = table("families")  # read for the first mistake
    if model_type in families["read"]:
        return f"; {families['read'][model_type]}.from_pretrained reads it"
    family, reason = families["others"].get(model_type, ("none of the families here", "the type is not known"))
    return f", and not read here; the nearest is {family}, but it is not equal: {reason}"


# --- what moved within config.json --------------------------------------------------------------------------------


def with_flat_rotary(given: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A Llama's, with what counts of its rotary positions at the top; newer and older files have it in other places."""
    rotary = given.get("rope_scaling") or given.get("rope_parameters") or {}
    rotary = rotary if isinstance(rotary, dict) else {"rope_type": rotary}
    return {**given, "rope_type": rotary.get("type", "default"), **rotary}


def told_apart(given: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A T5's, with `tie_word_embeddings` and `scale_decoder_outputs` apart, which older files have as one."""
    tied = given.get("tie_word_embeddings", True)
    scaled = given.get("scale_decoder_outputs", tied)
    tied = "lm_head.weight" not in names or (tied and scaled)  # transformers 5 calls all of them tied
    own = {"scale_decoder_outputs": scaled, "tie_word_embeddings": tied}
    return {**given, **own}


ADJUST = {"llama": with_flat_rotary, "t5": told_apart}
