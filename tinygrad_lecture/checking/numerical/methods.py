"""Choosing how the numerical gradient is computed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.modes import no_grad
from ...autograd.op import Op
from ...autograd.tape import Record
from ...backend import Array, is_array
from ...inspect.observe import Observing
from .central_differences import STEP, central_differences
from .complex_step import complex_step
from .gradient import Function, NumericalGradient


def numerical_gradients(
    function: Function,
    xs: Sequence[Array],
    upstream: Array,
    values: Array,
    claims: Sequence[Array],
    *,
    eps: float | None = None,
    analytic: bool = True,
    only: Sequence[Array] | None = None,
) -> tuple[str, list[NumericalGradient]]:
    """The name of the method, and its gradient for each of xs.

    The complex step if `analytic` and every op that runs is marked analytic, else central differences of relative
    step `eps`. The other arguments as in `central_differences`.
    """
    if analytic:
        try:
            with Observing(_AnalyticOps()), no_grad(), warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part was discarded
                exact = complex_step(function, xs, upstream, values, only)
        except Exception:  # the function does not take complex numbers
            exact = None
        if exact is not None:
            return "complex step", exact
    step = STEP if eps is None else eps
    return "central differences", central_differences(function, xs, upstream, values, claims, step, only)


class _AnalyticOps:
    """An observer that raises at the first op that is not complex differentiable."""

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if any(is_array(a) and a.dtype.kind == "c" for a in arrays) and not (op.analytic and out.dtype.kind == "c"):
            raise TypeError(f"{op.name} is not analytic")

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None: ...
