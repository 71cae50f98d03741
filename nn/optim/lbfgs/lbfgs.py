"""LBFGS: steps towards the bottom of the bowl that the last gradients suggest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tinygrad_lecture import Tensor, cat, no_grad, zeros_like
from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

from ..optimizer import Optimizer, Params, with_gradients
from ..settings import Group, not_negative
from .line_search import Point, strong_wolfe


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

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                f"LBFGS takes one parameter group, not {len(self.param_groups)}: its direction is one vector of all "
                "parameters"
            )

    def complaints(self, group: Group) -> Iterator[str]:
        yield from not_negative(group, "lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            yield f'line_search_fn must be None or "strong_wolfe", not {shown(group["line_search_fn"])}'

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to max_iter iterations. Returns the loss before them. Raises TypeError without a closure."""
        if closure is None:
            hide_frames()
            raise TypeError(
                "LBFGS.step: give a closure, since a step computes the loss several times: a function that clears the "
                "gradients, computes the loss, calls backward and returns the loss"
            )
        compute = with_gradients(closure)
        group = self.param_groups[0]
        params: list[Tensor] = group["params"]
        state = self.state[params[0]]
        tolerance, most = group["tolerance_change"], group["max_eval"]

        first = compute()
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
            before, calls = value, 0
            if group["line_search_fn"] is not None:
                line = Line(compute, params, d)
                start = Point(0.0, value, slope, g)
                end, calls = strong_wolfe(line.evaluate, start, t, _size(d), tolerance, most - evaluations)
                value, g, t = end.value, end.gradient, end.t
                state["t"] = t
            _move(params, d, t)
            if group["line_search_fn"] is None and done < group["max_iter"]:
                value, g, calls = float(compute()), _gradient(params), 1
            evaluations += calls
            if evaluations >= most or _size(d * t) <= tolerance or abs(value - before) < tolerance:
                break
        state["func_evals"] = state.get("func_evals", 0) + evaluations
        return first


class Line:
    """The line through the parameters in a direction; `evaluate` leaves the parameters as they were."""

    def __init__(self, compute: Callable[[], Any], params: Sequence[Tensor], d: Tensor) -> None:
        self.compute, self.params, self.d = compute, params, d
        self.before = [p.detach().clone() for p in params]

    def evaluate(self, t: float) -> Point:
        """The value, slope and gradient at t."""
        _move(self.params, self.d, t)
        value, g = float(self.compute()), _gradient(self.params)
        for p, held in zip(self.params, self.before, strict=True):
            p.copy_(held)
        return Point(t, value, float(g.dot(self.d)), g)


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


def _move(params: Sequence[Tensor], d: Tensor, t: float) -> None:
    """p ← p + t · d."""
    end = 0
    for p in params:
        begin, end = end, end + p.numel()
        p.add_(d[begin:end].reshape(p.shape), alpha=t)


def _size(vector: Tensor) -> float:
    """The largest size of an element; 0 if there is none."""
    return float(vector.abs().amax()) if vector.numel() else 0.0
