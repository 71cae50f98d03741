"""torch.autograd, torch.func and torch.testing: derivatives under PyTorch's names and signatures, and their checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import func as transforms
from tinygrad_lecture.func.trees import map_leaves


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    inputs: Any = None,
) -> None:  # fmt: skip
    """Backward from each tensor in turn. inputs: accepted for None only; `torch.autograd.grad` has inputs."""
    if inputs is not None:
        raise NotImplementedError(
            "torch.autograd.backward: inputs is not here; use torch.autograd.grad(tensors, inputs)"
        )
    tensors = [tensors] if isinstance(tensors, tl.Tensor) else list(tensors)
    upstreams = [grad_tensors] if isinstance(grad_tensors, tl.Tensor) else grad_tensors or [None] * len(tensors)
    for i, (x, g) in enumerate(zip(tensors, upstreams, strict=True)):
        x.backward(g, retain_graph=retain_graph or create_graph or i < len(tensors) - 1, create_graph=create_graph)


def variable(data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
    """The tensor itself: Variable is PyTorch's old name for it."""
    return data.requires_grad_() if requires_grad else data


# --- torch.autograd.functional: the function and its inputs in one call -------------------------------------


def _call(transform: Callable[[tuple[Any, ...], bool], Any], inputs: Any, create_graph: bool) -> Any:
    """What a transform of a tuple of inputs returns. Constants unless create_graph; `several`: they came in a tuple."""
    several = isinstance(inputs, tuple)
    given = inputs if several else (inputs,)
    found = transform(given if create_graph else tuple(x.detach() for x in given), several)
    return found if create_graph else map_leaves(lambda x: x.detach(), found)


def _of_all_inputs(name: str, transform: Callable[..., Any]) -> Callable[..., Any]:
    """A transform of a function at its inputs, one or a tuple of them; tuples of inputs and results nest."""

    def called(func: Any, inputs: Any, create_graph: bool = False, *unused: Any, **options: Any) -> Any:
        def at(xs: tuple[Any, ...], several: bool) -> Any:
            return transform(func, tuple(range(len(xs))) if several else 0)(*xs)

        return _call(at, inputs, create_graph)

    called.__name__, called.__doc__ = name, f"The {name} of func at inputs, see `tl.func.{name}`."
    return called


jacobian, hessian = _of_all_inputs("jacobian", transforms.jacobian), _of_all_inputs("hessian", transforms.hessian)


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), v^T J). v: of the result's shape; None for a result of one element."""

    def both(xs: tuple[Any, ...], several: bool) -> Any:
        value, vjp_fn = transforms.vjp(func, *xs)
        products = vjp_fn(tl.ones_like(value) if v is None else v)
        return value, products if several else products[0]

    return _call(both, inputs, create_graph)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), J v). v: of the inputs' shapes; None for one input of one element."""
    return _call(lambda xs, _: transforms.jvp(func, xs, _directions(xs, v)), inputs, create_graph)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), H v) of a function that returns one number. v: of the inputs' shapes."""

    def both(xs: tuple[Any, ...], several: bool) -> Any:
        value, products = transforms.hvp(func, xs, _directions(xs, v))
        return value, (products,) if several and len(xs) == 1 else products

    return _call(both, inputs, create_graph)


def _directions(inputs: Sequence[Any], v: Any) -> Any:
    return tuple(map(tl.ones_like, inputs)) if v is None else v if isinstance(v, tuple) else (v,)


# --- torch.func ---------------------------------------------------------------------------------------------


def grad_and_value(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """`tl.func.value_and_grad` the other way round: (gradient, value)."""
    both = transforms.value_and_grad(func, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[::-1]


# --- checks ---------------------------------------------------------------------------------------------------


def gradcheck(
    func: Any, inputs: Any, *, atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True, **options: Any
) -> bool:
    """Whether func's gradients are right: `tl.gradcheck`, which chooses its steps itself, with PyTorch's tolerances."""
    return bool(tl.gradcheck(func, inputs, atol=atol, rtol=rtol, raise_exception=raise_exception))


def gradgradcheck(
    func: Any, inputs: Any, grad_outputs: Any = None, *, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, **options: Any,
) -> bool:  # fmt: skip
    """Whether func's second derivatives are right: `tl.gradgradcheck`, with PyTorch's tolerances."""
    return bool(tl.gradgradcheck(func, inputs, grad_outputs, atol=atol, rtol=rtol, raise_exception=raise_exception))


# --- torch.testing --------------------------------------------------------------------------------------------

TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}  # (rtol, atol) of PyTorch


def assert_close(
    actual: Any, expected: Any, *, rtol: Any = None, atol: Any = None, equal_nan: bool = False,
    check_dtype: bool = True, msg: Any = None, **options: Any,
) -> None:  # fmt: skip
    """Raise AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere, with equal shapes.

    actual, expected: tensors, arrays, numbers, or lists and dicts of these. rtol, atol: by default PyTorch's for the
    dtype.  check_dtype: whether dtypes must be equal.  msg: the message instead, or a function of it.
    """
    try:
        _compare(actual, expected, rtol, atol, equal_nan, check_dtype)
    except AssertionError as error:
        raise AssertionError(msg(str(error)) if callable(msg) else str(error) if msg is None else msg) from None


def _compare(a: Any, b: Any, rtol: Any, atol: Any, *settings: bool) -> None:
    """Compare two values, and those in lists and dicts. settings: equal_nan, check_dtype."""
    if isinstance(b, Mapping):
        if not isinstance(a, Mapping) or a.keys() != b.keys():
            raise AssertionError(f"The keys of the mappings do not match: {list(a)} and {list(b)}")
        a, b = [a[key] for key in b], list(b.values())
    if isinstance(b, Sequence) and not isinstance(b, str):
        if len(a) != len(b):
            raise AssertionError(f"The length of the sequences mismatch: {len(a)} != {len(b)}")
        for pair in zip(a, b, strict=True):
            _compare(*pair, rtol, atol, *settings)
        return
    equal_nan, check_dtype = settings
    numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
    x, y = (tl.as_tensor(v, dtype=tl.float64 if numbers else None).detach() for v in (a, b))
    for name in ("shape", "dtype") if check_dtype and not numbers else ("shape",):
        if getattr(x, name) != getattr(y, name):
            raise AssertionError(
                f"The values for attribute {name!r} do not match: {getattr(x, name)}, {getattr(y, name)}"
            )
    usual = max(TOLERANCES.get(t.dtype.name, (0.0, 0.0)) for t in (x, y))
    rtol, atol = (value if given is None else given for given, value in zip((rtol, atol), usual, strict=True))
    said = "Tensor-likes are not close!"
    np.testing.assert_allclose(x.numpy(), y.numpy(), rtol, atol, equal_nan=equal_nan, err_msg=said)


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


def once_differentiable(rule: Any) -> Any:
    """The rule of a Function itself. A second derivative, which PyTorch refuses here, is that of what it computes."""
    return rule
