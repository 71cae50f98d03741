"""MadeFirst: for modules that are made from settings and then called: `nn.ReLU(x)` says to write `nn.ReLU()(x)`."""

from __future__ import annotations

from typing import Any, Self

from .checks import is_data


class MadeFirst:
    """A mixin for modules whose arguments are settings. Raises TypeError if they are data.

    - `weights_allowed`: how many of the first arguments may be tensors, such as the class weights of a loss.
    - `called_with`: the arguments of a call, for the error.
    """

    weights_allowed = 0
    called_with = "x"

    def __new__(cls, *settings: Any, **named: Any) -> Self:
        name = cls.__name__
        if sum(map(is_data, settings[:2])) > cls.weights_allowed:
            raise TypeError(f"{name} is made first and then called: write nn.{name}()({cls.called_with})")
        if (settings or named) and cls.__init__ is object.__init__:
            given = ", ".join([*map(repr, settings), *named])
            raise TypeError(f"{name} takes no settings, not {given}: write nn.{name}()")
        return super().__new__(cls)
