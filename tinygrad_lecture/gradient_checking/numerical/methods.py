"""The numerical gradient: the complex step where every op is analytic, else central differences.

For an analytic f, f(x + ih) = f(x) + ih f'(x) + O(h²), so f'(x) = Im f(x + ih) / h (Squire & Trapp, SIAM Review 40,
1998). Nothing is subtracted, so there is no cancellation and h may be 1e-20: the truncation error vanishes, and the
derivative is exact to rounding.
"""

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
from .gradient import ROUNDINGS, NumericalGradient, Problem, largest, replaced_element

COMPLEX_STEP = 1e-20
INNER_ROUNDINGS = 8  # of the size of the values, that imaginary parts are assumed to have
REAL_STEP = 6e-6  # of the differences that confirm the result


def numerical_gradients(problem: Problem, eps: float | None, analytic: bool) -> tuple[str, list[NumericalGradient]]:
    """The name of the method, and its gradient for each input.

    The complex step if `analytic` and every op that runs is marked analytic, else central differences of relative
    step `eps`.
    """
    if analytic:
        try:
            with Observing(_AnalyticOps()), no_grad(), warnings_are("error", np.exceptions.ComplexWarning):
                exact = complex_step(problem)
        except Exception:  # the function does not take complex numbers
            exact = None
        if exact is not None:
            return "complex step", exact
    return "central differences", central_differences(problem, STEP if eps is None else eps)


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


def complex_step(problem: Problem) -> list[NumericalGradient] | None:
    """The gradients, one for each input; None if the function turns out not to be analytic.

    Two tests find a function that drops or distorts the imaginary part: the real part of f(x + ih) must equal
    the values, and the Jacobian must agree with a real difference along a random direction.
    """
    found, values, upstream = NumericalGradient.empty(problem), problem.values, problem.upstream
    points = [x.astype(np.result_type(x.dtype, np.complex128)) for x in problem.xs]
    close = ROUNDINGS * problem.eps * (np.abs(values) + largest(values))
    for k, i in problem.elements():
        x = points[k].flat[i]
        with replaced_element(points[k], i, x + 1j * COMPLEX_STEP):
            moved = problem.function(points)
        if moved.shape != values.shape or not np.all(np.abs(moved.real - values) <= close):
            return None
        column = moved.imag / COMPLEX_STEP
        scale = float(np.abs(upstream * values)[column != 0].sum() / max(1.0, abs(x)))
        found[k].put(i, column, upstream, INNER_ROUNDINGS * problem.eps * scale, zero=not column.any())
    return found if _confirmed(problem, found) else None


def _confirmed(problem: Problem, found: Sequence[NumericalGradient]) -> bool:
    """Whether real central differences along one random direction v agree with J v.

    Compares each output where the Jacobians were kept, else the sum over outputs weighted by upstream.
    """
    rng, xs, upstream = np.random.default_rng(1), problem.xs, problem.upstream
    direction = [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) * np.maximum(1, np.abs(x)) for x in xs]
    if problem.only is not None:
        direction = [v * mask for v, mask in zip(direction, problem.only, strict=True)]
    kept = all(gradient.jacobian is not None for gradient in found)
    jacobians = [gradient.jacobian if kept else gradient.expected.reshape(1, -1) for gradient in found]
    terms = [jacobian * v.ravel() for jacobian, v in zip(jacobians, direction, strict=True)]
    predicted, size = sum(t.sum(axis=1) for t in terms), sum(np.abs(t).sum(axis=1) for t in terms)
    for step in (REAL_STEP, REAL_STEP / 30, REAL_STEP / 900):
        up, down = (problem.function([x + h * v for x, v in zip(xs, direction, strict=True)]) for h in (step, -step))
        rise, noise = (up - down) / (2 * step), ROUNDINGS * problem.eps * np.abs(problem.values) / step
        if not kept:
            rise, noise = upstream @ rise, np.abs(upstream) @ noise
        if np.all(np.abs(rise - predicted) <= 1e-4 * size + noise):
            return True
    return False
