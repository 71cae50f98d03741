"""FunctionLayer: a module without parameters, made of a function and its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    A subclass may say in `order` which settings `__init__` takes, and in which order; those left out are attributes of
    the class. It may check them in `__post_init__`, say in `in_repr` which of them `repr` shows, and take more inputs
    by a `forward` of its own. An `__init__` of its own calls this one, with the settings.
    """

    function: ClassVar[Callable[..., Any]]
    arguments: ClassVar[tuple[str, ...]] = ()  # attributes that the function gets after its inputs, by position
    named: ClassVar[tuple[str, ...]] = ()  # those that it gets by name, since it takes them by name alone
    settings: ClassVar[Mapping[str, Parameter]] = {}  # the arguments of __init__
    order: ClassVar[tuple[str, ...]] = ()  # of the settings; (): the function's
    in_repr: ClassVar[tuple[str, ...] | None] = None  # None: all

    def __init_subclass__(cls, function: Callable[..., Any] | None = None) -> None:
        if function is not None:
            cls.function = staticmethod(function)
            n_inputs = len(signature(cls.forward).parameters) - 1
            given = list(signature(function).parameters.values())[n_inputs:]
            single = (p for p in given if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
            taken = {"dim" if p.name == "axis" else p.name: p for p in single}
            cls.settings = {name: _argument(name, taken[name]) for name in cls.order or taken if name != "training"}
            cls.arguments = tuple(name for name, p in taken.items() if p.kind is not p.KEYWORD_ONLY)
            cls.named = tuple(name for name in cls.settings if name not in cls.arguments)
            cls.weights_allowed = int("weight" in cls.settings)
            if "__init__" not in vars(cls):
                cls.__init__ = _init([*cls.settings.values()])  # type: ignore[method-assign]
        super().__init_subclass__()

    def __init__(self, *settings: Any, **named: Any) -> None:
        given = Signature([*self.settings.values()]).bind(*settings, **named)
        given.apply_defaults()
        vars(self).update(given.arguments)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the settings, or derive others from them."""

    def forward(self, x: Tensor) -> Any:
        """The function of x, with the settings; shapes are the function's."""
        return self.call_function(x) if self.settings or self.arguments else self.function(x)

    def call_function(self, *inputs: Any) -> Any:
        """The function of the inputs, with the settings."""
        arguments = [getattr(self, name) for name in self.arguments]
        if not self.named:  # as of nearly all: without a dict the call is faster
            return self.function(*inputs, *arguments)
        return self.function(*inputs, *arguments, **{name: getattr(self, name) for name in self.named})

    def extra_repr(self) -> str:
        given = {name: getattr(self, name) for name in (self.settings if self.in_repr is None else self.in_repr)}
        usual = ("inplace", False), ("return_indices", False)
        return ", ".join(f"{name}={value!r}" for name, value in given.items() if (name, value) not in usual)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # the settings


def _argument(name: str, p: Parameter) -> Parameter:
    """A parameter of `__init__`; names in an annotation would be those of the function's own file."""
    return p.replace(name=name, kind=max(p.kind, p.POSITIONAL_OR_KEYWORD), annotation=p.empty)


def _init(settings: list[Parameter]) -> Callable[..., None]:
    """An `__init__` that shows these settings as its arguments."""

    def init(self: FunctionLayer, *args: Any, **named: Any) -> None:
        FunctionLayer.__init__(self, *args, **named)

    vars(init)["__signature__"] = Signature([Parameter("self", Parameter.POSITIONAL_ONLY), *settings])
    return init
