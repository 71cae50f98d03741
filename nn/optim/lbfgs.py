"""LBFGS: steps towards the bottom of the bowl that the last gradients suggest, and the search how far to go."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tinygrad_lecture import Tensor, cat, enable_grad, no_grad, zeros_like
from tinygrad_lecture.errors import hide_frames

from ..utils.parameters import parameters_to_vector, vector_to_parameters
from .optimizer import Optimizer, Params
from .settings import not_negative, one_of, settings

C1, C2 = 1e-4, 0.9  # of the strong Wolfe conditions


class LBFGS(Optimizer):
    """Limited-memory BFGS, for small problems with gradients of all data:

        def closure():                              # computes the loss, as often as the step asks for it
            optimizer.zero_grad()
            loss = loss_function(model(x), y)
            loss.backward()
            return loss

        loss = optimizer.step(closure)

    One step is up to `max_iter` iterations p ← p + t · d. The direction is d = -H g, where H approximates the inverse
    of the Hessian from the last `history_size` changes of p and of the gradient g. The length t is lr or, with
    line_search_fn="strong_wolfe", found on the line. A step ends early after `max_eval` calls of the closure (1.25
    max_iter by default), when no element of g is above `tolerance_grad`, or when p or the loss change by less than
    `tolerance_change`.

    (Nocedal & Wright, Numerical Optimization, 2006, algorithm 7.4.) Raises ValueError for several parameter groups,
    invalid settings, or another line search.
    """

    by_parameter = False
    limits = dict.fromkeys(("lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change"), not_negative) | {
        "line_search_fn": one_of(None, "strong_wolfe")
    }

    def __init__(
        self, params: Params, lr: float = 1.0, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        super().__init__(params, settings(locals()))
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS takes one parameter group, not {len(self.param_groups)}: its step is one vector")

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to max_iter iterations. Returns the loss before them. Raises TypeError without a closure."""
        if closure is None:
            hide_frames()
            raise TypeError(
                "LBFGS.step: give a closure, since a step computes the loss several times: a function that clears the "
                "gradients, computes the loss, calls backward and returns the loss"
            )
        compute = enable_grad()(closure)
        first = self.begin(closure)
        group = self.param_groups[0]
        params: list[Tensor] = group["params"]
        state = self.state[params[0]]
        tolerance, most = group["tolerance_change"], group["max_eval"]

        value, g, evaluations = float(first), _gradient(params), 1
        done = 0
        while done < group["max_iter"] and _size(g) > group["tolerance_grad"]:
            done += 1
            state["n_iter"] = state.get("n_iter", 0) + 1
            d = state["d"] = _direction(state, g, group["history_size"])
            state["prev_flat_grad"], state["prev_loss"] = g, value
            t = state["t"] = group["lr"] * (min(1.0, 1.0 / float(g.abs().sum())) if state["n_iter"] == 1 else 1)
            slope = float(g.dot(d))
            if slope > -tolerance:
                break
            before, calls, here = value, 0, parameters_to_vector(params)
            if group["line_search_fn"] is not None:

                def evaluate(t: float, d: Tensor = d, here: Tensor = here) -> Point:
                    vector_to_parameters(here + t * d, params)
                    value, g = float(compute()), _gradient(params)
                    return Point(t, value, float(g.dot(d)), g)

                start = Point(0.0, value, slope, g)
                end, calls = strong_wolfe(evaluate, start, t, _size(d), tolerance, most - evaluations)
                value, g, t = end.value, end.gradient, end.t
                state["t"] = t
            vector_to_parameters(here + t * d, params)
            if group["line_search_fn"] is None and done < group["max_iter"]:
                value, g, calls = float(compute()), _gradient(params), 1
            evaluations += calls
            if evaluations >= most or _size(d * t) <= tolerance or abs(value - before) < tolerance:
                break
        state["func_evals"] = state.get("func_evals", 0) + evaluations
        return first


def _direction(state: dict[str, Any], g: Any, history_size: int) -> Any:
    """-H g, by the two loops of algorithm 7.4; the last change of parameters and gradient joins the history first."""
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        return -g
    changes, steps, weights = state["old_dirs"], state["old_stps"], state["ro"]
    y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
    curvature = float(y.dot(s))
    if curvature > 1e-10:  # else the bowl is no bowl
        if len(changes) == history_size:
            for oldest in (changes, steps, weights):
                oldest.pop(0)
        changes.append(y)
        steps.append(s)
        weights.append(1 / curvature)
        state["H_diag"] = curvature / float(y.dot(y))
    q, parts = -g, []
    for y, s, weight in zip(reversed(changes), reversed(steps), reversed(weights), strict=True):
        parts.append(float(s.dot(q)) * weight)
        q = q - parts[-1] * y
    r = q * state["H_diag"]
    for y, s, weight in zip(changes, steps, weights, strict=True):
        r = r + (parts.pop() - float(y.dot(r)) * weight) * s
    return r


def _gradient(params: Sequence[Tensor]) -> Tensor:
    """The gradients of all parameters as one vector; 0 for those that have none."""
    vector: Tensor = cat([(zeros_like(p) if p.grad is None else p.grad).detach().reshape(-1) for p in params])
    return vector


def _size(vector: Tensor) -> float:
    """The largest size of an element; 0 if there is none."""
    return float(vector.abs().amax()) if vector.numel() else 0.0


# --- the line search ----------------------------------------------------------------------------------------


class Point(NamedTuple):
    """A point on the line: how far along, the value and the slope there, and the whole gradient."""

    t: float
    value: float
    slope: float
    gradient: Any


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, length: float, tolerance: float, most: int
) -> tuple[Point, int]:
    """(a good point, the number of evaluations), trying t first. A point t on the line is good enough if

        f(t) <= f0 + c1 · t · s0            it is lower by a part of what the slope s0 < 0 at the start promised
        |s(t)| <= c2 · |s0|                 and the line is flatter there

    (Nocedal & Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6.)

    length: of the direction, its largest element.  tolerance: stop once two points are closer than this.  most:
    evaluations after the first.
    """

    def too_high(point: Point) -> bool:
        return point.value > start.value + C1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -C2 * start.slope

    # go on, further each time, until two points have a good one between them
    before, point, done = start, evaluate(t), 0
    while done < most:
        higher = too_high(point) or (done > 1 and point.value >= before.value)
        if not higher and flat(point):
            return point, done + 1
        if higher or point.slope >= 0:
            break
        bounds = (point.t + 0.01 * (point.t - before.t), 10 * point.t)
        before, point = point, evaluate(_lowest(before, point, bounds))
        done += 1
    ends = [start if done == most else before, point]

    # narrow the pair down, always by a tenth at least
    low, high = sorted(ends, key=lambda end: end.value)
    while done < most and abs(high.t - low.t) * length >= tolerance:
        left, right = sorted((low.t, high.t))
        margin = 0.1 * (right - left)
        point = evaluate(_lowest(low, high, (left + margin, right - margin)))
        done += 1
        if too_high(point) or point.value >= low.value:
            high = point
            continue
        if flat(point):
            return point, done + 1
        if point.slope * (high.t - low.t) >= 0:
            high = low
        low = point
    return low, done + 1


def _lowest(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through the values and slopes of two points is lowest, within bounds; their middle if nowhere."""
    a, b = sorted((a, b), key=lambda point: point.t)
    if a.t == b.t:
        return (bounds[0] + bounds[1]) / 2
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (bounds[0] + bounds[1]) / 2
    d2 = math.sqrt(square)
    bend = b.slope - a.slope + 2 * d2
    if bend == 0:  # a straight line falls on
        return bounds[1]
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / bend)
    return min(max(t, bounds[0]), bounds[1])
