"""FunctionLayer: a module without parameters, made of a function and its settings."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, ClassVar

from tinygrad_lecture import Tensor

from ..errors import MadeFirst
from .module import Module


class FunctionLayer(MadeFirst, Module):
    """A module that calls a function with its input and its settings.

        class LeakyReLU(FunctionLayer, function=F.leaky_relu):
            ...

    The settings are the function's arguments after its inputs: `__init__` takes them with the same names, order and
    defaults, and stores them as attributes. `axis` is `dim`, as in PyTorch, and `training` is the module's own.

    A subclass may give them another order, check them in `__post_init__`, say in `in_repr` which of them `repr` shows,
    and take more inputs by a `forward` of its own.
    """

    function: ClassVar[Callable[..., Any]]
    arguments: ClassVar[tuple[str, ...]] = ()  # of the function, after its inputs: names of attributes
    settings: ClassVar[tuple[str, ...]] = ()  # the arguments of __init__
    order: ClassVar[tuple[str, ...]] = ()  # of the settings, where it is not the function's
    in_repr: ClassVar[tuple[str, ...] | None] = None  # all

    def __init_subclass__(cls, function: Callable[..., Any] | None = None) -> None:
        if function is not None:
            cls.function = staticmethod(function)
            n_inputs = len(signature(cls.forward).parameters) - 1
            given = [p for p in signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY][n_inputs:]
            defaults = {"dim" if p.name == "axis" else p.name: p.default for p in given}
            cls.arguments = tuple(defaults)
            cls.settings = cls.order or tuple(name for name in defaults if name != "training")
            cls.weights_allowed = int("weight" in cls.settings)
            cls.__init__ = _init({name: defaults[name] for name in cls.settings})  # type: ignore[method-assign]
        super().__init_subclass__()

    def __post_init__(self) -> None:
        """Check the settings, or derive others from them."""

    def forward(self, x: Tensor) -> Any:
        """The function of x, with the settings."""
        return self.call_function(x) if self.arguments else self.function(x)

    def call_function(self, *inputs: Any) -> Any:
        """The function of the inputs, with the settings."""
        return self.function(*inputs, *[getattr(self, name) for name in self.arguments])

    def extra_repr(self) -> str:
        given = {name: getattr(self, name) for name in (self.settings if self.in_repr is None else self.in_repr)}
        usual = ("inplace", False), ("return_indices", False)
        return ", ".join(f"{name}={value!r}" for name, value in given.items() if (name, value) not in usual)

    if TYPE_CHECKING:

        def __init__(self, *settings: Any, **named: Any) -> None: ...

        def __getattr__(self, name: str) -> Any: ...  # the settings


def _init(defaults: dict[str, Any]) -> Callable[..., None]:
    """An `__init__` that takes these settings."""
    settings = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=value) for name, value in defaults.items()]
    bind = Signature(settings).bind

    def init(self: FunctionLayer, *args: Any, **named: Any) -> None:
        given = bind(*args, **named)
        given.apply_defaults()
        vars(self).update(given.arguments)
        self.__post_init__()

    vars(init)["__signature__"] = Signature([Parameter("self", Parameter.POSITIONAL_ONLY), *settings])
    return init
