"""torch.autograd, torch.func and torch.testing: derivatives under PyTorch's names and signatures, and their checks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import func as transforms
from tinygrad_lecture.func.gradients import map_leaves


def variable(data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
    """The tensor itself: Variable is PyTorch's old name for it."""
    return data.requires_grad_() if requires_grad else data


# --- torch.autograd.functional: the function and its inputs in one call -------------------------------------


def _of_all_inputs(name: str, transform: Callable[..., Any]) -> Callable[..., Any]:
    """A transform of a function at its inputs, one or a tuple of them; tuples of inputs and results nest."""

    def called(func: Any, inputs: Any, create_graph: bool = False, *unused: Any, **options: Any) -> Any:
        several = isinstance(inputs, tuple)
        given = inputs if several else (inputs,)
        given = given if create_graph else tuple(x.detach() for x in given)
        found = transform(func, tuple(range(len(given))) if several else 0)(*given)
        return found if create_graph else map_leaves(lambda x: x.detach(), found)

    called.__name__, called.__doc__ = name, f"The {name} of func at inputs, see `tl.func.{name}`."
    return called


jacobian, hessian = _of_all_inputs("jacobian", transforms.jacobian), _of_all_inputs("hessian", transforms.hessian)


# --- torch.utils.checkpoint ---------------------------------------------------------------------------------


def checkpoint_sequential(functions: Any, segments: int, input: Any, **options: Any) -> Any:
    """The functions one after another, in so many segments; of each backward computes the values within again."""
    steps = list(functions)
    size = -(-len(steps) // segments)
    for part in (steps[start : start + size] for start in range(0, len(steps), size)):
        input = tl.checkpoint(lambda x, part=part: functools.reduce(lambda x, step: step(x), part, x), input)
    return input


# --- torch.func ---------------------------------------------------------------------------------------------


def grad_and_value(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """`tl.func.value_and_grad` the other way round: (gradient, value)."""
    both = transforms.value_and_grad(func, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[::-1]


# --- checks ---------------------------------------------------------------------------------------------------


def _checker(name: str) -> Callable[..., bool]:
    """The check of this name in `tl`, which chooses steps and upstream gradients itself, with PyTorch's tolerances."""

    def check(func: Any, inputs: Any, *unused: Any, raise_exception: bool = True, **options: Any) -> bool:
        tolerances = {"atol": options.get("atol", 1e-5), "rtol": options.get("rtol", 1e-3)}
        return bool(getattr(tl, name)(func, inputs, raise_exception=raise_exception, **tolerances))

    return check


gradcheck, gradgradcheck = _checker("gradcheck"), _checker("gradgradcheck")


# --- torch.testing --------------------------------------------------------------------------------------------

TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}  # (rtol, atol) of PyTorch


def assert_close(
    actual: Any, expected: Any, *, rtol: Any = None, atol: Any = None, equal_nan: bool = False,
    check_dtype: bool = True, msg: str = "Tensor-likes are not close!", **options: Any,
) -> None:  # fmt: skip
    """Raise AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere, with equal shapes.

    actual, expected: tensors, arrays or numbers. rtol, atol: by default PyTorch's for the dtype.  check_dtype: whether
    dtypes must be equal.
    """
    x, y = (tl.as_tensor(value).detach() for value in (actual, expected))
    for name in ("shape", "dtype") if check_dtype else ("shape",):
        if getattr(x, name) != getattr(y, name):
            raise AssertionError(f"The {name}s do not match: {getattr(x, name)} and {getattr(y, name)}")
    usual = max(TOLERANCES.get(t.dtype.name, (0.0, 0.0)) for t in (x, y))
    rtol, atol = (value if given is None else given for given, value in zip((rtol, atol), usual, strict=True))
    np.testing.assert_allclose(x.numpy(), y.numpy(), rtol, atol, equal_nan=equal_nan, err_msg=msg)


# --- settings -----------------------------------------------------------------------------------------------


class set_detect_anomaly:
    """Switch `tl.detect_anomaly` on or off from now on or, in a `with` statement, within its block.

    It also raises for an inf, and in the forward pass already, where PyTorch waits for a nan in backward.
    """

    running: Any = None

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = set_detect_anomaly.running is not None
        self._switch(mode)

    def _switch(self, mode: bool) -> None:
        kind = set_detect_anomaly
        if mode and kind.running is None:
            kind.running = tl.detect_anomaly()
            kind.running.__enter__()
        elif not mode and kind.running is not None:
            kind.running.__exit__(None, None, None)
            kind.running = None

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None:
        self._switch(self._before)


def detect_anomaly(check_nan: bool = True) -> Any:
    """`tl.detect_anomaly()`, a context manager."""
    return tl.detect_anomaly()


def inference_mode(mode: Any = True) -> Any:
    """`no_grad` under PyTorch's other name, a context manager and decorator; with mode=False it changes nothing."""
    return tl.no_grad(mode) if callable(mode) else tl.set_grad_enabled(tl.is_grad_enabled() and not mode)


def once_differentiable(rule: Any) -> Any:
    """The rule of a Function itself. A second derivative, which PyTorch refuses here, is that of what it computes."""
    return rule
