"""How a folder of sentence-transformers makes one vector of a text (Reimers & Gurevych, arXiv:1908.10084).

modules.json                [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}, ...]
1_Pooling/config.json       {"pooling_mode_mean_tokens": true, ...}
sentence_bert_config.json   {"max_seq_length": 256}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nn.files.json_files import read_json, write_json
from tinygrad_lecture.files import make_folder

MODULES, LIMITS = "modules.json", "sentence_bert_config.json"
POOLING, CONFIG = "1_Pooling", "config.json"
POOLINGS: dict[str, Literal["mean", "first"]] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
}


@dataclass(frozen=True)
class Sentences:
    """From the vectors of a text's tokens to the text's. The defaults are those of a folder that does not say.

    - `pooling`: the "mean" of all, or the "first".
    - `normalized`: whether it is divided by its length.
    - `max_tokens`: how many tokens of a text are read; None for all that the context holds.
    - `unsupported`: what the folder asks for that is not known here; "" for nothing.
    """

    pooling: Literal["mean", "first"] = "mean"
    normalized: bool = True
    max_tokens: int | None = None
    unsupported: str = ""


def read_sentences(folder: Path) -> Sentences:
    """What a folder says. Raises ValueError for files that are not JSON."""
    limit = _read(folder / LIMITS, {}).get("max_seq_length")
    modules = {str(each.get("type")).rpartition(".")[2]: each.get("path") for each in _read(folder / MODULES, [])}
    if not modules:
        return Sentences(max_tokens=limit)
    config = _read(folder / str(modules.get("Pooling")) / CONFIG, {})
    modes = [name for name, chosen in config.items() if name.startswith("pooling_mode_") and chosen is True]
    unknown = [name for name in modules if name not in ("Transformer", "Pooling", "Normalize")]
    unknown += [name for name in modes if name not in POOLINGS]
    if unknown or len(modes) != 1:
        return Sentences(unsupported=", ".join(unknown) or f"{len(modes)} ways of pooling")
    return Sentences(POOLINGS[modes[0]], "Normalize" in modules, limit)


def write_sentences(sentences: Sentences, folder: Path) -> None:
    """Write what `read_sentences` reads, in place of what an earlier model left; nothing for the defaults."""
    for name in (MODULES, LIMITS):
        (folder / name).unlink(missing_ok=True)
    if sentences == Sentences():
        return
    kinds = ["Transformer", sentences.unsupported or "Pooling", *(["Normalize"] if sentences.normalized else [])]
    paths = ["", POOLING, "2_Normalize"]
    types = [f"sentence_transformers.models.{kind}" for kind in kinds]
    modules = [{"idx": i, "name": str(i), "path": path, "type": types[i]} for i, path in enumerate(paths[: len(kinds)])]
    make_folder(folder / POOLING)
    write_json(modules, folder / MODULES)
    write_json({name: pooling == sentences.pooling for name, pooling in POOLINGS.items()}, folder / POOLING / CONFIG)
    if sentences.max_tokens:
        write_json({"max_seq_length": sentences.max_tokens, "do_lower_case": False}, folder / LIMITS)


def _read(path: Path, default: Any) -> Any:
    """The contents of a file; `default` if there is none, or something of another type."""
    given = read_json(path) if path.is_file() else default
    return given if isinstance(given, type(default)) else default
