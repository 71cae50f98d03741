"""Choosing how the numerical gradient is computed."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from ...autograd.core import Record
from ...autograd.modes import no_grad
from ...autograd.op import Op
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
            with Observing(_AnalyticOps()), no_grad(), warnings_are("error", np.exceptions.ComplexWarning):
                exact = complex_step(function, xs, upstream, values, only)
        except Exception:  # the function does not take complex numbers
            exact = None
        if exact is not None:
            return "complex step", exact
    step = STEP if eps is None else eps
    return "central differences", central_differences(function, xs, upstream, values, claims, step, only)


_filtering = threading.RLock()


@contextmanager
def warnings_are(action: Literal["error", "ignore"], category: type[Warning] = Warning) -> Iterator[None]:
    """Context manager: such warnings are errors, or ignored. Python has one list of filters for all threads, so only
    one thread at a time is in it; else one would put back the filters of another."""
    with _filtering, warnings.catch_warnings():
        warnings.simplefilter(action, category)
        yield


class _AnalyticOps:
    """An observer that raises at the first op that is not complex differentiable."""

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if any(is_array(a) and a.dtype.kind == "c" for a in arrays) and not (op.analytic and out.dtype.kind == "c"):
            raise TypeError(f"{op.name} is not analytic")

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None: ...
