"""Where in a model an error came up: the path of the layer, in front of the error's message.

ValueError: in 2.attention.proj (Linear): wanted (..., 64), got (8, 32)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..module import Module


@dataclass
class Place:
    """What an error remembers on its way out: the module that it left last, and the path from there to its source."""

    module: Module
    source: str  # the class of the module in which it came up
    message: str | None  # what the error says itself; None where its message is not for us to change
    note: int = 0  # which of the error's notes is ours, then
    path: str = ""

    def __str__(self) -> str:
        return f"in {self.path} ({self.source})" if self.path else f"in {self.source}"


def locate(error: Exception, module: Module) -> None:
    """Have an error that leaves a module's `forward` say where it came up.

    The module where it came up gives its class; each one around it, as the error passes, puts the name that it has for
    the one before in front of the path. Errors as ops and layers raise them for wrong inputs get the place into their
    message, all others as a note.
    """
    place: Place | None = getattr(error, "_place", None)
    name = None if place is None else _name_of(place.module, module)
    if place is None or name is None:  # it begins here, or comes from a module that this one does not know
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


def _name_of(inner: Module, outer: Module) -> str | None:
    """The path to a module from one around it, None if it is not there."""
    return next((name for name, module in outer.named_modules() if module is inner), None)


def _message(error: Exception) -> str | None:
    if type(error) in (ValueError, TypeError, IndexError) and len(error.args) == 1 and isinstance(error.args[0], str):
        return error.args[0]
    return None
