"""Where a model's weights come from: a config and tensors, named as Hugging Face names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinygrad_lecture.backend import Array, Shape

from ..tokenizer import Tokenizer
from .quantized import Quantized
from .sentences import Sentences


class Source:
    """A model in a folder or a file, opened for reading.

    - `path`: what messages call it; `config_name`: what they call its config.
    - `config`: the contents of its config.json, in Hugging Face's names.
    - `tensors`: each array by Hugging Face's name, with Hugging Face's shape and layout, read when it is indexed.
    - `tokenizer`: what makes the tokenizer beside the weights when it is first asked for; None if there is none.
    - `sentences`: how the vector of a text is made.
    """

    path: Path
    config_name: str = "config.json"
    config: dict[str, Any]
    tensors: Mapping[str, Array]
    tokenizer: Callable[[], Tokenizer] | None = None
    sentences: Sentences = Sentences()

    def shape(self, name: str) -> Shape:
        """The shape of a tensor; to override where it is known without reading the tensor."""
        return tuple(self.tensors[name].shape)

    def quantized(self, name: str) -> Quantized | None:
        """A matrix of 4 or 8 bits as it is in the file; None for other tensors."""
        return None

    def dtype(self, name: str) -> str:
        """The dtype of a tensor, such as "F32" or "float32"; to override as `shape` is."""
        return str(self.tensors[name].dtype)
