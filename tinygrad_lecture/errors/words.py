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
    article = "an" if name[0] in ("AEFHILMNORSX" if name[:2].isupper() else "aeiouAEIOU") else "a"  # an MLP
    if isinstance(value, (tuple, list)):
        return f"{article} {name} of {' and '.join(map(kind_of, value))}" if value else f"an empty {name}"
    return f"{article} {name}"


def shown(value: Any) -> str:
    """A value as a message shows it: numbers and short texts themselves, of everything else the kind."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    listed = type(value) in (tuple, list)
    plain = all(isinstance(x, (bool, int, float, str, bytes)) for x in (value if listed else [value]))
    if plain and len(text := repr(value)) <= 60:
        return text
    return f"a {type(value).__name__} of {len(value)}" if listed and len(value) > 3 else kind_of(value)
