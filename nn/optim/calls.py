"""Around the calls of an optimiser: arguments of PyTorch's that change nothing here, and hooks of steps."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from tinygrad_lecture.errors.users_line import hide_frames

# arguments for PyTorch's kernels -> why True is refused; None if it changes nothing
_COURTESIES: dict[str, str | None] = {
    "foreach": None,
    "fused": None,
    "capturable": "there are no CUDA graphs here; leave it out",
    "differentiable": "a step is not recorded here; write the update with ops, as in w = w - lr * g",
}


def accepts_courtesies(init: Callable[..., None]) -> Callable[..., None]:
    """An `__init__` that also takes foreach, fused, capturable and differentiable, which change nothing here.

    Raises NotImplementedError for capturable=True and differentiable=True.
    """

    @functools.wraps(init)
    def accepting(self: Any, *args: Any, **named: Any) -> None:
        for name in (_COURTESIES.keys() & named.keys()) - _arguments(init):
            reason = _COURTESIES[name]
            if named.pop(name) and reason is not None:
                hide_frames()
                raise NotImplementedError(f"{type(self).__name__}: {name}=True is not here, since {reason}")
        init(self, *args, **named)

    return accepting


def _arguments(init: Callable[..., None]) -> set[str]:
    """The names of the courtesies that an `__init__` takes itself, all if it takes any names."""
    parameters = inspect.signature(init).parameters
    return set(_COURTESIES if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) else parameters)


def without_courtesies(settings: dict[str, Any]) -> dict[str, Any]:
    """A group's settings, such as those that PyTorch saved, without those for its kernels."""
    return {name: value for name, value in settings.items() if name not in _COURTESIES}


def calls_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A `step` that calls the hooks of its optimiser, and notes that it was called; within another step it does not."""

    own = inspect.unwrap(step)  # tl.profile wraps it once more

    @functools.wraps(step)
    def calling(self: Any, *args: Any, **named: Any) -> Any:
        self.stepped = True
        if not (self._pre_hooks or self._post_hooks) or inspect.unwrap(type(self).step) is not own:
            return step(self, *args, **named)  # without hooks, or called by super().step()
        for hook in list(self._pre_hooks.values()):
            replaced = hook(self, args, named)
            args, named = (args, named) if replaced is None else replaced
        loss = step(self, *args, **named)
        for hook in list(self._post_hooks.values()):
            hook(self, args, named)
        return loss

    return calling
