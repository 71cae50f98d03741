"""Thread-local modes: recording, reference kernels, and an observer of every op."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ContextDecorator
from typing import Any, NamedTuple, TypeVar

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "reference", "set_grad_enabled"]

F = TypeVar("F", bound=Callable[..., Any])


class Called(NamedTuple):
    """A call of a function composed of ops: its name and arguments."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class _Modes(threading.local):
    recording: bool = True
    reference: bool = False
    observer: Any = None  # an Observer, see inspect/observe.py
    called: Called | None = None  # the outermost composite that is running, kept only while some thread observes


modes = _Modes()


# The number of observers in all threads. Op calls check it first, since reading a thread-local mode costs more.
observers = 0


class ModeContext(ContextDecorator):
    """Sets one mode within a `with` block or a decorated function, and restores the previous value."""

    mode: str

    def __init__(self, value: Any) -> None:
        self.value = value
        self._before: list[Any] = []

    def __enter__(self) -> None:
        self._before.append(getattr(modes, self.mode))
        setattr(modes, self.mode, self.value)

    def __exit__(self, *error: object) -> None:
        setattr(modes, self.mode, self._before.pop())

    def _recreate_cm(self) -> ModeContext:
        """Another one for each call of a decorated function, so that threads do not share `_before`."""
        another = object.__new__(type(self))
        ModeContext.__init__(another, self.value)
        return another


class set_grad_enabled(ModeContext):
    """Sets recording on (True) or off (False) for this thread, as in PyTorch.

    Called alone, from now on; in a `with` statement or as a decorator, within the block or the function.
    """

    mode = "recording"

    def __init__(self, enabled: bool) -> None:
        super().__init__(enabled)
        super().__enter__()

    def __enter__(self) -> None:
        if not self._before:  # else the call has set the mode
            super().__enter__()

    def __call__(self, function: F) -> F:
        self.__exit__()
        return super().__call__(function)


class FixedMode(ModeContext):
    """Sets a mode to one value; it decorates without parentheses too: `@no_grad`."""

    value: Any

    def __new__(cls, function: Any = None) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        made.__init__()  # type: ignore[misc]
        return made(function)

    def __init__(self, function: None = None) -> None:
        super().__init__(self.value)


class no_grad(FixedMode):
    """Switches recording off: results do not require grad and keep no memory. Context manager and decorator."""

    mode = "recording"
    value = False


class enable_grad(FixedMode):
    """Switches recording on again inside a `no_grad`. Context manager and decorator."""

    mode = "recording"
    value = True


class reference(FixedMode):
    """Runs the definition of every fused op, as on the lecture's slide, instead of its kernel."""

    mode = "reference"
    value = True


def is_grad_enabled() -> bool:
    """Whether this thread records."""
    return modes.recording
