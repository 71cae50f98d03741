"""ExplainsArguments: `nn.Linear(3)` says that out_features is missing, `Adam(learning_rate=1)` that it is called lr."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any

from tinygrad_lecture.errors.call import call_complaint
from tinygrad_lecture.errors.users_line import hide_frames


class ExplainsArguments:
    """A mixin whose subclasses explain, if arguments do not fit their `__init__`, what to write instead."""

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__init__" in vars(cls):
            cls.__init__ = explained(cls.__init__)  # type: ignore[method-assign]


def explained(init: Callable[..., None], instead: Mapping[str, str] | None = None) -> Callable[..., None]:
    """An `__init__` whose TypeErrors say what to write. instead: other names of arguments -> what they are here."""

    @functools.wraps(init)
    def made(self: Any, *args: Any, **named: Any) -> None:
        try:
            init(self, *args, **named)
        except TypeError:
            name = type(self).__name__
            complaint = call_complaint(name, MethodType(init, self), args, named, instead)
            if complaint is None:  # the arguments fit, so the error is about something else
                raise
            hide_frames()
            raise TypeError(f"{name}: {complaint}") from None

    return made
