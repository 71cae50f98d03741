"""Containers of modules and parameters, by number or by name.

Sequential runs its modules in order. The others only register what they hold: a module finds parameters in its
attributes and in containers, but not in plain lists or dicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from itertools import groupby
from typing import Any, Self

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import PlaceError, brief

from .module import Module, Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterList", "Sequential"]


class _Container(Module):
    """Stores its values as attributes, which gives PyTorch's keys: 0.weight, 0.bias, 1.weight, ..."""

    _kind: Any = Module  # a class of what it may hold, or several
    _noun = "Module"

    def __len__(self) -> int:
        return len(self._held(self._kind))

    def extra_repr(self) -> str:
        return ", ".join(f"{name}: {parameter.shape}" for name, parameter in self.named_parameters(recurse=False))

    def _checked(self, value: Any) -> Any:
        """The value, a Tensor as a Parameter where this holds parameters. Raises TypeError for another kind."""
        if self._noun == "Parameter" and isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        if not isinstance(value, self._kind):
            raise TypeError(f"{type(self).__name__} holds {self._noun} objects, not {brief(value)}{_remedy(value)}")
        return value

    def _put(self, name: str, value: Any) -> None:
        """Store a value under a name that the user chose."""
        taken = hasattr(self, name) and name not in self._held(self._kind)
        if taken or "." in name or not name:
            raise KeyError(f"{type(self).__name__}: {name!r} cannot be a name: it is empty, dotted, or an attribute")
        setattr(self, name, self._checked(value))


class _Numbered(_Container):
    """A list, with the names "0", "1", ..."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held(self._kind).values())

    def __getitem__(self, index: int | slice) -> Any:
        """The item at an index, or a container with the items of a slice (not copied)."""
        held = list(self)
        if isinstance(index, slice):
            return type(self)._of(held[index])
        return held[self._position(index, len(held))]

    def __setitem__(self, index: int, value: Any) -> None:
        names = list(self._held(self._kind))
        setattr(self, names[self._position(index, len(names))], self._checked(value))

    def append(self, value: Any) -> Self:
        """Add a value at the end, in place. Returns self."""
        setattr(self, str(len(self)), self._checked(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add several values at the end, in place. Returns self."""
        for value in list(values):
            self.append(value)
        return self

    __iadd__ = extend

    def __delitem__(self, index: int | slice) -> None:
        values = list(self)
        del values[index if isinstance(index, slice) else self._position(index, len(values))]
        for name in list(self._held(self._kind)):
            delattr(self, name)
        self.extend(values)

    @classmethod
    def _of(cls, values: Iterable[Any]) -> Self:
        """A container of the same class, made without its __init__, which a subclass may have changed."""
        made = cls.__new__(cls)
        return made.extend(values)

    def _position(self, index: int, n: int) -> int:
        """The index of one of n values, counted from the start. Raises IndexError if it is out of range."""
        try:
            return range(n)[index]
        except IndexError:
            kinds = f"{self._noun.lower()}s"
            raise PlaceError(f"{type(self).__name__}: index {index} is out of range for {n} {kinds}") from None


class Sequential(_Numbered):
    """Runs its modules in order, each on the output of the one before: the first's input shape -> the last's output.

    Sequential(a, b, c) names them "0", "1", "2"; Sequential({"hidden": a, "out": b}) gives other names.
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self._put(name, module)
        else:
            self.extend(modules)  # `append` checks

    def forward(self, x: Any) -> Any:
        for layer in self:
            x = layer(x)
        return x


class ModuleList(_Numbered):
    """A list of modules; it has no forward."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def __repr__(self) -> str:
        """The modules one below the other; those in a row that print alike as one, `(0-2): 3 x Linear(...)`."""
        lines, first = [f"{type(self).__name__}("], 0
        for text, alike in groupby(map(repr, self)):
            count = len(list(alike))
            end = first + count - 1
            label = f"({first}): " if count == 1 else f"({first}-{end}): {count} x "
            lines.append((label + text).replace("\n", "\n  "))
            first = end + 1
        return "\n  ".join(lines) + ("\n)" if first else ")")


class ModuleDict(_Container, MutableMapping[str, Module]):
    """A dict of modules, with names that are not empty, without a dot, and no other attribute's; it has no forward."""

    __eq__ = object.__eq__  # a module equals itself alone
    __hash__ = object.__hash__

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self.update(modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held(self._kind))

    def __getitem__(self, name: str) -> Module:
        return self._held(self._kind)[name]  # type: ignore[no-any-return]

    def __setitem__(self, name: str, module: Module) -> None:
        self._put(name, module)

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)


class ParameterList(_Numbered):
    """A list of parameters, and of other lists of them; a Tensor becomes a Parameter."""

    _kind = (Parameter, _Container)
    _noun = "Parameter"

    def __init__(self, values: Iterable[Tensor] = ()) -> None:
        self.extend(values)  # `append` makes Parameters of Tensors


def _remedy(value: Any) -> str:
    """What to write instead of a value that is no module."""
    if isinstance(value, type) and issubclass(value, Module):
        return f"; make one, with parentheses: {value.__name__}()"
    if isinstance(value, (list, tuple)):
        return "; unpack it, as in nn.Sequential(*layers)"
    return "; use a module in its place, such as nn.ReLU() for tl.relu" if callable(value) else ""
