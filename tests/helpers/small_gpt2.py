"""A small GPT-2 with random weights, and changes to its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nn
import tinygrad_lecture as tl
from modules import shuffled
from transformer import GPT, GPTConfig


def small(**changes: Any) -> GPT:
    sizes = {"vocab_size": 7, "context": 6, "layers": 2, "heads": 2, "width": 4, "hidden": 5, "eps": 1e-3}
    return shuffled(GPT(GPTConfig(**{**sizes, **changes})), tl.float32).eval()


def rewrite(folder: Path, change: Callable[[dict[str, tl.Tensor]], Any]) -> None:
    """Apply a change to the tensors of a folder, in place."""
    path = folder / "model.safetensors"
    tensors = nn.weights.load_file(path)
    change(tensors)
    nn.weights.save_file(tensors, path)


def reconfigure(folder: Path, **changes: Any) -> None:
    """Change fields of config.json."""
    path = folder / "config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps(config), encoding="utf-8")
