"""FunctionLayer: a module without parameters, made of a function and its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, dataclass_transform

from tinygrad_lecture import Tensor

from ..errors import MadeFirst
from .module import Module


@dataclass_transform()
class FunctionLayer(MadeFirst, Module):
    """A module that calls a function with its input and its settings.

        class LeakyReLU(FunctionLayer, function=F.leaky_relu):
            negative_slope: float = 0.01
            inplace: bool = False

    The settings are fields, as of a dataclass: `__init__` takes them in this order, and the function gets them by name.
    A subclass may check them in `__post_init__`, say in `in_repr` which of them `repr` shows, and take more inputs by a
    `forward` of its own.
    """

    function: ClassVar[Callable[..., Any]]
    settings: ClassVar[tuple[str, ...]] = ()
    by_position: ClassVar[bool] = False  # whether the settings are the function's last arguments, in this order
    in_repr: ClassVar[tuple[str, ...] | None] = None  # all

    def __init_subclass__(cls, function: Callable[..., Any] | None = None) -> None:
        if function is not None:
            cls.function = staticmethod(function)
        if "__init__" not in vars(cls):
            dataclass(repr=False, eq=False)(cls)
            cls.settings = tuple(field.name for field in fields(cls))  # type: ignore[arg-type]
        if function is not None:
            last = tuple(inspect.signature(function).parameters)[-len(cls.settings) :]
            cls.by_position = last == cls.settings or not cls.settings
        super().__init_subclass__()

    def forward(self, x: Tensor) -> Any:
        """The function of x, with the settings."""
        return self.call_function(x) if self.settings else self.function(x)

    def call_function(self, *inputs: Any) -> Any:
        """The function of the inputs, with the settings."""
        given = vars(self)
        if self.by_position:  # which is faster
            return self.function(*inputs, *map(given.__getitem__, self.settings))
        return self.function(*inputs, **{name: given[name] for name in self.settings})

    def extra_repr(self) -> str:
        given = {name: getattr(self, name) for name in (self.settings if self.in_repr is None else self.in_repr)}
        return ", ".join(f"{name}={value!r}" for name, value in given.items() if (name, value) != ("inplace", False))
