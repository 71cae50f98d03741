"""Where a model's weights come from: a config and tensors, named as Hugging Face names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinygrad_lecture.backend import Array, Shape


class Source:
    """A model in a folder or a file, opened for reading.

    - `path`: what messages call it; `config_name`: what they call its config.
    - `config`: the contents of its config.json, in Hugging Face's names.
    - `tensors`: each array by Hugging Face's name, with Hugging Face's shape and layout, read when it is indexed.
    """

    path: Path
    config_name: str = "config.json"
    config: dict[str, Any]
    tensors: Mapping[str, Array]

    def shape(self, name: str) -> Shape:
        """The shape of a tensor; to override where it is known without reading the tensor."""
        return tuple(self.tensors[name].shape)

    def dtype(self, name: str) -> str:
        """The dtype of a tensor, such as "F32" or "float32"; to override as `shape` is."""
        return str(self.tensors[name].dtype)


def tokenizer_beside(path: Path) -> Any:
    """The tokenizer in the same folder or file as the weights; None if there is none."""
    return None
