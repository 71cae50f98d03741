"""A function of arrays and its rule as an op of the engine, so that `tl.gradcheck` can look at them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.op import Op
from ..autograd.op import op as make_op
from ..creation import tensor
from ..tensor import Tensor


def as_op(
    forward: Callable[..., Any],
    rule: Callable[..., Any],
    plain: Sequence[Any],
    settings: dict[str, Any],
    which: Sequence[int],
    names: Sequence[str],
    name: str,
) -> Op[Any]:
    """An op of the arguments at the positions `which`.

    The other arguments and the settings stay as they are; they are defaults of the op's settings, so that hints know
    them by name.
    """
    plainly = all(names[k].isidentifier() and names[k] != "g" for k in which)
    labels = [names[k] if plainly else f"input_{k}" for k in which]

    def all_of(values: Sequence[Any]) -> list[Any]:
        full = list(plain)
        for k, value in zip(which, values, strict=True):
            full[k] = value
        return full

    def call(*values: Any) -> Any:
        return np.asarray(forward(*all_of(values), **settings))

    def gradient(position: int, g: Any, *values: Any) -> Any:
        result = rule(g, *all_of(values), **settings)
        return np.asarray(result[position] if isinstance(result, tuple) else result)

    spelled = ", ".join(labels)
    rest = {names[k]: value for k, value in enumerate(plain) if k not in which and names[k].isidentifier()} | settings
    kept = "".join(f", {label}=rest[{label!r}]" for label in rest if label not in labels)
    scope: dict[str, Any] = {"call": call, "gradient": gradient, "rest": rest}
    exec(f"def forward({spelled}, /{kept and ', *'}{kept}):\n    return call({spelled})", scope)
    scope["forward"].__name__ = name
    made: Op[Any] = make_op(scope["forward"])
    for position, label in enumerate(labels):
        exec(f"def rule_{position}(g, {spelled}):\n    return gradient({position}, g, {spelled})", scope)
        made.backward(label)(scope[f"rule_{position}"])
    return made


class _Context:
    """What PyTorch calls ctx: a rule finds in it what its forward has saved."""

    saved_tensors: tuple[Any, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None: ...

    def mark_dirty(self, *tensors: Any) -> None: ...

    def set_materialize_grads(self, value: bool) -> None: ...


def is_function_class(value: Any) -> bool:
    """Whether it has a forward and a backward, as a class in the dialect of PyTorch's `autograd.Function`."""
    return all(callable(getattr(value, method, None)) for method in ("forward", "backward"))


def from_function(function: Any) -> tuple[Callable[..., Any], Callable[..., Any], str]:
    """A forward, a rule and a name, of NumPy arrays, from a class in the dialect of PyTorch's `autograd.Function`.

    Its methods get Tensors, and may return Tensors or arrays, and None for the gradient of what is no array of
    floats.
    """
    parameters = list(inspect.signature(function.forward).parameters)[1:]

    def run(args: Sequence[Any]) -> tuple[_Context, Any]:
        ctx = _Context()
        given = [tensor(a) if isinstance(a, np.ndarray) else a for a in args]
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.dtype.kind == "f" for a in given)
        return ctx, function.forward(ctx, *given)

    def forward(*args: Any) -> Any:
        return _array(run(args)[1])

    def rule(g: Any, *args: Any) -> Any:
        ctx, _ = run(args)
        result = function.backward(ctx, tensor(g))
        parts = [_array(part) for part in (result if isinstance(result, tuple) else (result,))]
        if len(parts) == len(args):  # None stands for the gradient of what has none
            parts = [part for part, needed in zip(parts, ctx.needs_input_grad, strict=True) if needed]
        return tuple(parts) if len(parts) > 1 else parts[0] if parts else None

    forward.names = parameters  # type: ignore[attr-defined]
    return forward, rule, f"{function.__name__}.backward"


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value
