"""Composites: public functions composed of ops, under their own name in errors and in the graph.

Like ops, they take PyTorch's `dim` and `keepdim` for NumPy's `axis` and `keepdims`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ..autograd import modes as modes_module
from ..autograd.core import Record
from ..autograd.modes import Called, modes
from ..autograd.op import Value, op
from ..autograd.operands import numbers_among, refuse_lost
from ..errors import EXPLAINED, explain_call, inputs_by_position, numpy_names
from ..tensor_base import TENSORS, TensorBase

F = TypeVar("F", bound=Callable[..., Any])


def _label(result: Any, name: str, arguments: tuple[Any, ...]) -> None:
    """Set the name on a result's record. A result that is the first argument itself keeps the name it has."""
    if isinstance(result, TensorBase) and type(result._node) is Record and not (arguments and result is arguments[0]):
        result._node.called = name


def named(function: F) -> F:
    """Decorate a function composed of ops: the record of its result carries its name, as in `loss.grad_fn`."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        _label(result, function.__name__, args)
        return result

    return called  # type: ignore[return-value]


def composite(function: F, name: str = "") -> F:
    """Decorate a public function composed of ops: it also takes `dim` and `keepdim`.

    Errors raised inside, and the record of its result, carry its name instead of an inner op's.
    name: the name that users know, if it is not the function's.
    """
    name, numbers = name or function.__name__, numbers_among(function)

    @functools.wraps(function)
    def composed(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args, kwargs = inputs_by_position(name, args, kwargs)
            kwargs = numpy_names(name, kwargs)
        outermost = modes_module.observers and modes.called is None
        if outermost:
            modes.called = Called(name, args, kwargs)
        try:
            result = function(*args, **kwargs)
        except EXPLAINED as error:
            raise explain_call(error, name, function, args, kwargs)  # noqa: B904 - sets the cause
        finally:
            if outermost:
                modes.called = None
        if numbers and (kwargs or not TENSORS.isdisjoint(map(type, args[1:]))):
            refuse_lost(name, numbers, args, kwargs, result)
        if type(result) in TENSORS:
            if type(result._node) is Record:
                _label(result, name, args)
        elif isinstance(result, tuple):
            for part in result:
                _label(part, name, args)
        return result

    return composed  # type: ignore[return-value]


@op
def without_gradient(x: Value, /, values: Value, name: str) -> Value:
    """values, which the function `name` found in x: they require grad if x does, but backward through them raises."""
    return values


@without_gradient.backward
def _(g: Value, name: str) -> Value:
    raise NotImplementedError(f"{name} has no backward rule; where no gradient is needed, pass x.detach()")
