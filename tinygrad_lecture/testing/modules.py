"""`check_op` and `check_module`: are the gradients of an op right, and those of a module, on many inputs?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..autograd.op import Op
from ..backend import FLOAT64
from ..creation import tensor
from ..gradient_checking.check import gradcheck
from ..gradient_checking.report import GradcheckError
from ..gradient_checking.subject import names_of
from ..tensor import Tensor
from .calls import positional
from .checks import check_property
from .comparing import require_equal
from .failures import CheckFailed

__all__ = ["check_module", "check_op"]


def check_op(op: Op[Any], inputs: Any, *, draws: int = 30, seed: int = 0, strict_shapes: bool = False) -> None:
    """Raise CheckFailed unless the rules of an op made with `tl.op` are right: `tl.gradcheck`, on many inputs.

    inputs: a strategy for each input, or one of tuples of float64 arrays; a dict at the end holds settings.
    draws, seed: as in `check_function`.  strict_shapes: as in `tl.gradcheck`.
    """
    __tracebackhide__ = True  # pytest shows the test and the message, not the checker

    def check(*args: Any) -> None:
        plain, settings = positional(args)
        names = names_of(op.forward, len(plain))
        _require_gradients(partial(op, **settings), _tensors(plain), strict_shapes=strict_shapes, input_names=names)

    check_property(check, inputs, draws=draws, seed=seed)


def check_module(
    module: Any,
    inputs: Any,
    *,
    reference: Callable[..., Any] | None = None,
    draws: int = 12,
    seed: int = 0,
) -> None:
    """Raise CheckFailed unless a module's outputs and gradients are right, on the smallest input that shows it.

    module: an `nn.Module`, or anything with `get_submodule`, `named_parameters` and `to(dtype=...)` that is called with
    Tensors. A copy in float64 is checked.
    inputs: a strategy for each input, or one of tuples of arrays.
    reference: a function of the inputs and of the parameters by name, all arrays, that returns the right output.
    Gradients are checked by `tl.gradcheck`, for every input of floats and every parameter.
    """
    __tracebackhide__ = True
    twin = copy.deepcopy(module).to(dtype=FLOAT64)
    title = type(module).__name__
    parameters = {name: p.detach() for name, p in twin.named_parameters() if p.requires_grad}

    def run(given: Sequence[Any], values: Sequence[Any]) -> Any:
        for name, value in zip(parameters, values, strict=True):
            path, _, last = name.rpartition(".")
            vars(twin.get_submodule(path))[last] = value  # setattr would refuse a Tensor for a Parameter
        return twin(*given)

    def check(*args: Any) -> None:
        given = _tensors(args)
        names = [n or f"input {k}" for k, n in enumerate(names_of(twin.forward, len(args)))]
        if reference is not None:
            out = run(given, list(parameters.values()))
            got = out.detach().numpy() if isinstance(out, Tensor) else out
            right = reference(*args, **{name: p.numpy() for name, p in parameters.items()})
            require_equal(title, got, np.asarray(right), args, names, what="output")
        floats = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.dtype.kind == "f"]

        def call(*values: Any) -> Any:
            changed = dict(zip(floats, values, strict=False))
            return run([changed.get(k, x) for k, x in enumerate(given)], values[len(floats) :])

        call.__name__ = title
        xs = [*(given[k] for k in floats), *parameters.values()]
        _require_gradients(call, xs, input_names=[*(names[k] for k in floats), *parameters])

    check_property(check, inputs, draws=draws, seed=seed)


def _tensors(args: Sequence[Any]) -> list[Any]:
    return [tensor(a) if isinstance(a, np.ndarray) else a for a in args]


def _require_gradients(fn: Callable[..., Any], inputs: Sequence[Any], **options: Any) -> None:
    """Raise CheckFailed, in the words of `tl.gradcheck`, unless the gradients are right."""
    try:
        gradcheck(fn, inputs, **options)
    except GradcheckError as error:
        what, *more = str(error).split("\n  likely cause: ")[0].split("\n")
        shown = [line.removeprefix("  ") for line in more]
        hint = error.hint or "gradient"
        raise CheckFailed(what, kind="gradient", shown=shown, cause=error.hint_text, hint=hint) from None
