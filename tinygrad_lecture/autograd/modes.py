"""What is switched on, per thread: recording, the reference definitions, an observer of every op."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from contextlib import ContextDecorator
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


class _Modes(threading.local):
    recording: bool = True
    reference: bool = False
    observer: Any = None  # an Observer, see inspect/observe.py
    called: str | None = None  # the outermost composite that is running, kept only while some thread observes


modes = _Modes()


# How many observers there are in all threads: op calls ask this first, since a thread's own modes cost more to read.
observers = 0


class Switch(ContextDecorator):
    """Set one mode within a `with` block or a decorated function, and put back what was there before."""

    mode: str

    def __init__(self, value: Any) -> None:
        self.value = value
        self._before: list[Any] = []

    def _recreate_cm(self) -> Switch:
        """Each call of a decorated function gets a switch of its own, so threads do not share `_before`."""
        switch = object.__new__(type(self))
        Switch.__init__(switch, self.value)
        return switch

    def __call__(self, function: F) -> F:
        """As a decorator. A generator runs in the mode wherever it is, and its caller, in between, does not.

        Raises TypeError for an async function, which others may run in between of.
        """
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            name = type(self).__name__
            raise TypeError(f"{name} cannot decorate an async function; use `with {name}():` inside, around no await")
        if not inspect.isgeneratorfunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    with self._recreate_cm():
                        value = resume()
                except StopIteration as end:
                    return end.value
                try:
                    resume = functools.partial(generator.send, (yield value))
                except GeneratorExit:
                    with self._recreate_cm():
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)

        return generate  # type: ignore[return-value]

    def __enter__(self) -> None:
        self._before.append(getattr(modes, self.mode))
        setattr(modes, self.mode, self.value)

    def __exit__(self, *error: object) -> None:
        setattr(modes, self.mode, self._before.pop())


class set_grad_enabled(Switch):
    """Record (True) or do not (False), in a `with` block or, as a decorator, in a function. Per thread."""

    mode = "recording"

    def __init__(self, enabled: bool) -> None:
        super().__init__(enabled)


class Fixed(Switch):
    """A switch whose value is in its name; `@no_grad` works without parentheses too."""

    on: Any

    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    @overload
    def __new__(cls, function: None = None) -> Fixed: ...
    def __new__(cls, function: Any = None) -> Any:
        switch = super().__new__(cls)
        if function is None:
            return switch
        switch.__init__()  # type: ignore[misc]
        return switch(function)

    def __init__(self, function: None = None) -> None:
        super().__init__(self.on)


class no_grad(Fixed):
    """Do not record: results do not require grad, and no memory is kept. Context manager and decorator."""

    mode = "recording"
    on = False


class enable_grad(Fixed):
    """Record again inside a `no_grad`. Context manager and decorator, per thread."""

    mode = "recording"
    on = True


class reference(Fixed):
    """Run every fused op as its definition, not its kernel: what the lecture's slide says, op by op."""

    mode = "reference"
    on = True


def is_grad_enabled() -> bool:
    """Whether this thread records."""
    return modes.recording
