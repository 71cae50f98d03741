"""Locate an error in a model: put the path of the layer that raised it in front of the message.

For example:

    ValueError: in layer 2.attention.proj (Linear): wanted (..., 64), got (8, 32)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from tinygrad_lecture.errors.kinds import DtypeError, PlaceError, TensorError
from tinygrad_lecture.errors.users_line import hide_frames


class Tree(Protocol):
    """The interface that `locate` needs from a module: the modules below it, by their dotted names."""

    def named_modules(self) -> Iterable[tuple[str, Any]]: ...


@dataclass
class Place:
    """Stored on an error while it propagates: the last module it left, and the path from there to its source."""

    module: Tree
    source: str  # class name of the module that raised
    message: str | None  # the error's own message; None if the place is added as a note instead
    note: int = 0  # index of that note in `__notes__`
    path: str = ""

    def __str__(self) -> str:
        return f"in layer {self.path} ({self.source})" if self.path else f"in {self.source}"


def locate(error: Exception, module: Tree) -> None:
    """Add to an error that leaves `module.forward` the path of the layer that raised it.

    The layer that raised it gives its class name. Each enclosing module then puts its name for the module below in
    front of the path. ValueError, TypeError and IndexError with one string get the path in their message, all other
    errors get it as a note.
    """
    place: Place | None = getattr(error, "_place", None)
    name = None if place is None else _name_of(place.module, module)
    if place is None or name is None:  # raised here, or by a module that is not registered below this one
        place = Place(module, type(module).__name__, _message(error))
        error._place = place  # type: ignore[attr-defined]
        if place.message is None:
            error.add_note("")
            place.note = len(error.__notes__) - 1
    else:
        place.module = module
        place.path = f"{name}.{place.path}".strip(".")
    if place.message is None:
        error.__notes__[place.note] = str(place)
    else:
        error.args = (f"{place}: {place.message}",)
    hide_frames(error)


def _name_of(inner: Tree, outer: Tree) -> str | None:
    """Dotted name of `inner` in `outer`, None if it is not there."""
    return next((name for name, module in outer.named_modules() if module is inner), None)


def _message(error: Exception) -> str | None:
    plain = (ValueError, TypeError, IndexError, TensorError, DtypeError, PlaceError)
    if type(error) in plain and len(error.args) == 1 and isinstance(error.args[0], str):
        return error.args[0]
    return None
