"""Containers. Sequential runs its modules one after the other; the others only hold modules or parameters, by number
or by name, so that the module which has them as an attribute finds them: a plain list or dict hides them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, overload

from tinygrad_lecture import Tensor

from .module import Module, Parameter

T = TypeVar("T", Module, Parameter)


class _Container(Module, Generic[T]):
    """What is held are attributes, so that PyTorch's keys come out: 0.weight, 0.bias, 1.weight, ..."""

    _kind: type[T]

    def _held(self) -> dict[str, T]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, self._kind)}

    def __len__(self) -> int:
        return len(self._held())

    def _checked(self, value: Any) -> T:
        if self._kind is Parameter and isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        if not isinstance(value, self._kind):
            hint = " (an object of the class, not the class)" if isinstance(value, type) else ""
            given = value.__name__ if isinstance(value, type) else type(value).__name__
            raise TypeError(f"{type(self).__name__} holds {self._kind.__name__.lower()}s{hint}, not {given}")
        return value

    def _put(self, name: str, value: Any) -> None:
        """Hold a value under a name of the user's choice."""
        taken = hasattr(self, name) and name not in self._held()
        if taken or "." in name or not name:
            what = f"{type(self).__name__}: {name!r} cannot be the name of a {self._kind.__name__.lower()}"
            raise KeyError(f"{what}; it is taken, empty or dotted")
        setattr(self, name, self._checked(value))


class _Numbered(_Container[T]):
    """A list: the names are "0", "1", ..."""

    def __iter__(self) -> Iterator[T]:
        return iter(self._held().values())

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> T | Self:
        """What is at a place, or a container of what is in a slice (the same objects, not copies)."""
        held = list(self)
        if isinstance(index, slice):
            return type(self)._of(held[index])
        return held[self._place(index, len(held))]

    def __setitem__(self, index: int, value: T) -> None:
        names = list(self._held())
        setattr(self, names[self._place(index, len(names))], self._checked(value))

    def append(self, value: T) -> Self:
        """Add one at the end. In place."""
        setattr(self, str(len(self)), self._checked(value))
        return self

    def extend(self, values: Iterable[T]) -> Self:
        """Add several at the end. In place."""
        for value in list(values):
            self.append(value)
        return self

    @classmethod
    def _of(cls, values: Iterable[T]) -> Self:
        """A container of this kind; a subclass may have an __init__ of its own, which is not called."""
        made = cls.__new__(cls)
        return made.extend(values)

    def _place(self, index: int, n: int) -> int:
        if not -n <= index < n:
            held = self._kind.__name__.lower()
            raise IndexError(f"{type(self).__name__} has {n} {held}s, so there is none at {index}")
        return index % n


class _Named(_Container[T]):
    """A dict: the names are the user's."""

    def __init__(self, values: Mapping[str, T] | Iterable[tuple[str, T]] = ()) -> None:
        self.update(values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held())

    def __contains__(self, name: object) -> bool:
        return name in self._held()

    def __getitem__(self, name: str) -> T:
        return self._held()[name]

    def __setitem__(self, name: str, value: T) -> None:
        self._put(name, value)

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._held().keys()

    def values(self) -> Iterable[T]:
        """What is held."""
        return self._held().values()

    def items(self) -> Iterable[tuple[str, T]]:
        """Pairs of name and what it names."""
        return self._held().items()

    def update(self, values: Mapping[str, T] | Iterable[tuple[str, T]]) -> None:
        """Add or replace. In place. Raises KeyError for a name that is taken by something else, empty or dotted."""
        for name, value in dict(values).items():
            self[name] = value

    def pop(self, name: str) -> T:
        """Take one out and return it."""
        value = self[name]
        delattr(self, name)
        return value

    def clear(self) -> None:
        """Take all out."""
        for name in self:
            delattr(self, name)


class Sequential(_Numbered[Module]):
    """Modules that run one after the other, each on the output of the one before.

    Sequential(a, b, c) calls them "0", "1", "2"; Sequential({"hidden": a, "out": b}) names them.
    """

    _kind = Module

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self._put(name, module)
        else:
            self.extend(modules)  # type: ignore[arg-type]  # `append` checks

    def forward(self, x: Any) -> Any:
        for layer in self.children():
            x = layer(x)
        return x


class ModuleList(_Numbered[Module]):
    """A list of modules."""

    _kind = Module

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at a place; those behind it move up. In place."""
        modules = list(self.children())
        modules.insert(index, module)
        for place, shifted in enumerate(modules):
            setattr(self, str(place), self._checked(shifted))


class ModuleDict(_Named[Module]):
    """Modules by name."""

    _kind = Module


class ParameterList(_Numbered[Parameter]):
    """A list of parameters; Tensors in it become parameters."""

    _kind = Parameter

    def __init__(self, values: Iterable[Tensor] = ()) -> None:
        self.extend(values)  # type: ignore[arg-type]  # `append` makes Parameters of Tensors

    def extra_repr(self) -> str:
        return _shapes(self.named_parameters(recurse=False))


class ParameterDict(_Named[Parameter]):
    """Parameters by name; Tensors in it become parameters."""

    _kind = Parameter

    def extra_repr(self) -> str:
        return _shapes(self.named_parameters(recurse=False))


def _shapes(parameters: Iterable[tuple[str, Parameter]]) -> str:
    return ", ".join(f"{name}: {parameter.shape}" for name, parameter in parameters)
