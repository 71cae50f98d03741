"""Hooks: functions that look on when a module is called, and may change what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    from .module import Module

# (module, inputs, output) -> what to return in place of the output, None to leave it
ForwardHook: TypeAlias = "Callable[[Module, tuple[Any, ...], Any], Any]"


class Handle:
    """A hook's registration: `remove()` ends it, and so does leaving a `with` block."""

    def __init__(self, module: Module, hook: ForwardHook) -> None:
        self._module = module
        self._key = object()
        module._forward_hooks = {**module._forward_hooks, self._key: hook}

    def remove(self) -> None:
        """Take the hook away; if it is gone already, nothing happens."""
        hooks = self._module._forward_hooks
        self._module._forward_hooks = {key: hook for key, hook in hooks.items() if key is not self._key}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()
