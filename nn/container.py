"""Containers of modules: Sequential, which runs them one after the other, and ModuleList, which only holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from .module import Module


class _Numbered(Module):
    """Modules as attributes called "0", "1", ..., so that PyTorch's keys come out: 0.weight, 0.bias, 1.weight, ..."""

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module | Self:
        """The module at a place, or a container of those in a slice (the same modules, not copies)."""
        modules = list(self.children())
        if isinstance(index, slice):
            return type(self)._of(modules[index])
        return modules[self._place(index, len(modules))]

    def __setitem__(self, index: int, module: Module) -> None:
        names = [name for name, _ in self.named_children()]
        setattr(self, names[self._place(index, len(names))], self._checked(module))

    def append(self, module: Module) -> Self:
        """Add a module at the end. In place."""
        setattr(self, str(len(self)), self._checked(module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end. In place."""
        for module in list(modules):
            self.append(module)
        return self

    @classmethod
    def _of(cls, modules: Iterable[Module]) -> Self:
        """A container of this kind; a subclass may have an __init__ of its own, which is not called."""
        made = cls.__new__(cls)
        return made.extend(modules)

    def _place(self, index: int, n: int) -> int:
        if not -n <= index < n:
            raise IndexError(f"{type(self).__name__} has {n} modules, so there is none at {index}")
        return index % n

    def _checked(self, module: Any) -> Module:
        if not isinstance(module, Module):
            hint = " (an object of the class, not the class)" if isinstance(module, type) else ""
            given = module.__name__ if isinstance(module, type) else type(module).__name__
            raise TypeError(f"{type(self).__name__} holds modules{hint}, not {given}")
        return module


class Sequential(_Numbered):
    """Modules that run one after the other, each on the output of the one before.

    Sequential(a, b, c) calls them "0", "1", "2"; Sequential({"hidden": a, "out": b}) names them.
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                if hasattr(self, name) or "." in name or not name:
                    raise KeyError(f"Sequential: {name!r} cannot be the name of a module; it is taken, empty or dotted")
                setattr(self, name, self._checked(module))
        else:
            self.extend(modules)  # type: ignore[arg-type]  # `append` checks

    def forward(self, x: Any) -> Any:
        layer: Any = None
        try:
            for layer in self.children():
                x = layer(x)
        except Exception as error:
            name = next(name for name, child in self.named_children() if child is layer)
            error.add_note(f"in layer {name} of {type(self).__name__}: {type(layer).__name__}({layer.extra_repr()})")
            raise
        return x


class ModuleList(_Numbered):
    """A list of modules that the module which holds it finds; a plain list hides them."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at a place; those behind it move up. In place."""
        modules = list(self.children())
        modules.insert(index, module)
        for place, shifted in enumerate(modules):
            setattr(self, str(place), self._checked(shifted))
