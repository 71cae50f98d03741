"""What the program calls its tensors: "W1", "self.weight", "net.W1", "layers[0]"."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from ...errors.users_line import users_variables
from ...traced import Traced


def tensors_by_name() -> Iterator[tuple[str, Traced]]:
    """(name, tensor) of what the caller's variables hold: first the variables, then attributes, then items of lists.

    A name that begins with an underscore is left out, since notebooks keep what they have shown under such names.
    """
    held = {name: x for name, x in users_variables().items() if name.isidentifier() and name[0] != "_"}
    yield from ((name, x) for name, x in held.items() if isinstance(x, Traced))
    for name, x in held.items():
        yield from ((f"{name}.{key}", value) for key, value in _attributes(x).items() if isinstance(value, Traced))
    for name, x in held.items():
        if isinstance(x, (list, tuple)):
            yield from ((f"{name}[{i}]", value) for i, value in enumerate(x) if isinstance(value, Traced))


def _attributes(x: Any) -> dict[str, Any]:
    """The attributes of an object, such as a network, and the parts of a named tuple."""
    if isinstance(x, (Traced, type, ModuleType, FunctionType)):
        return {}
    parts = x._asdict() if isinstance(x, tuple) and hasattr(x, "_asdict") else getattr(x, "__dict__", {})
    return {key: value for key, value in parts.items() if key[0] != "_"}
