"""Values in words, for messages."""

from __future__ import annotations

from typing import Any

from ..backend import is_array
from ..traced import Traced


def kind_of(value: Any) -> str:
    """The kind of a value with its article: "a Tensor of shape (2, 3), float32", "an int", "None"."""
    if value is None:
        return "None"
    if isinstance(value, Traced):
        return f"a Tensor of shape {value._array.shape}, {value._array.dtype}"
    if is_array(value):
        return f"an array of shape {value.shape}, {value.dtype}"
    name = type(value).__name__
    article = "an" if name[0] in "aeiouAEIOU" else "a"
    if isinstance(value, (tuple, list)):
        return f"{article} {name} of {' and '.join(map(kind_of, value))}" if value else f"an empty {name}"
    return f"{article} {name}"
