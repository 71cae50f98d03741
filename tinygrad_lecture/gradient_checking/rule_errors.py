"""From an exception during the backward pass to an error that names the op and what its rule was given or returned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.contract import RuleError
from ..autograd.core import Record
from ..autograd.op import Op
from ..backend import Shape, is_array
from ..errors.messages import WITH_TL, numpy_refused
from ..errors.words import kind_of
from ..traced import Traced
from .report import GradcheckError
from .subject import Subject
from .watch import RuleWatch


def rule_error(subject: Subject, error: Exception, watch: RuleWatch, create_graph: bool) -> GradcheckError:
    """The GradcheckError for an exception that a backward pass raised. watch: the observer of that pass."""
    facts: RuleError | None = getattr(error, "rule_error", None)
    if facts is not None:
        op, (what, hint, cause) = facts.record.op.name, _raised(error, facts)
    else:
        found = _refused(watch.steps[-1][0], watch.steps[-1][2], create_graph) if watch.steps else None
        if found is None:
            what = f"the backward pass through {subject.name} raised {type(error).__name__}: {error}"
            return subject.failure(what, hint="rule-raised")
        op, (what, hint, cause) = watch.steps[-1][0].op.name, found
    return subject.failure(f"the backward rule of {op} {what}", hint=hint, hint_text=cause, culprit=op)


# --- a rule that raised -------------------------------------------------------------------------------------


def _raised(error: Exception, facts: RuleError) -> tuple[str, str, str | None]:
    """What a rule did that raised, the hint, and the likely cause."""
    record, op = facts.record, facts.record.op
    rule = op.rules[0 if op.variadic else facts.index] if isinstance(op, Op) else None
    arguments = {"g": facts.upstream}  # of the backward kernel of a fused op
    if rule is not None:
        saved = record.saved[facts.index] if record.saved else ()
        arguments = dict(zip(inspect.signature(rule).parameters, (facts.upstream, *saved), strict=False))
    given = ", ".join(f"{name} {value.shape}" for name, value in arguments.items() if hasattr(value, "shape"))
    what = f"raised {type(error).__name__}: {error}" + (f"\n  it was given {given}" if given else "")
    if numpy_refused(error):
        return what, "numpy-in-rule", WITH_TL
    cause = None if rule is None else _transposed_argument(rule, arguments, record.nodes[facts.index].shape)
    return what, "rule-raised" if cause is None else "transposed", cause


def _transposed_argument(rule: Callable[..., Any], arguments: dict[str, Any], shape: Shape) -> str | None:
    """Whether a rule runs, and returns the shape of its input, when one of its arguments is transposed."""

    def runs_with(replaced: dict[str, Any]) -> bool:
        try:
            trial = rule(**{**arguments, **replaced})
        except Exception:  # this is not it
            return False
        return getattr(trial, "shape", None) == shape

    arrays = {name: value for name, value in arguments.items() if getattr(value, "ndim", 0) > 1}
    then = f"then the rule runs, and returns the shape of the input, {shape}"
    if runs_with({name: value.view(_Matrices) for name, value in arrays.items() if isinstance(value, np.ndarray)}):
        return f".T of an array with more than two axes reverses all of them; write .swapaxes(-1, -2): {then}"
    named = (name for name, value in arrays.items() if runs_with({name: value.swapaxes(-1, -2)}))
    return next((f"transpose {name}: {then}" for name in named), None)


class _Matrices(np.ndarray):
    """An array of matrices, whose .T transposes each, and np.transpose too, unless it is given axes."""

    T = property(lambda self: self.swapaxes(-1, -2))

    def transpose(self, *axes: Any) -> Any:
        return super().transpose(*axes) if axes and axes[0] is not None else self.T


# --- a rule that returned something else than a gradient ----------------------------------------------------


def _refused(record: Record, gradients: Sequence[Any], create_graph: bool) -> tuple[str, str, str | None] | None:
    """What is wrong with the first returned value that is no gradient, the hint, and the likely cause; or None."""
    missing = False
    for node, gradient in zip(record.nodes, gradients, strict=True):
        missing = missing or (node is not None and gradient is None)  # it may also mean that none was wanted here
        if node is None or gradient is None:
            continue
        problem = _problem(gradient, node.shape, record.shape, create_graph)
        if problem is not None:
            return problem
    return ("returned None", "returned-none", "is a return missing?") if missing else None


def _problem(gradient: Any, shape: Shape, out_shape: Shape, create_graph: bool) -> tuple[str, str, str | None] | None:
    """Why a value is not a gradient for an input of a given shape: what was returned, the hint and the likely cause."""
    if isinstance(gradient, Traced) and not create_graph:
        cause = "leave out tl.tensor(): operators and tl functions take arrays too, and return arrays"
        return "returned a Tensor, though it was given arrays", "no-array", cause
    if not (isinstance(gradient, (Traced, np.generic)) or is_array(gradient)):
        value = repr(gradient) if isinstance(gradient, (bool, int, float)) else kind_of(gradient)
        cause = "a gradient is an array of its input's shape: the upstream gradient g times the derivative"
        return f"returned {value}", "no-array", cause
    if not isinstance(gradient, Traced) and create_graph:
        return "returned an array, though it was given Tensors", "numpy-in-rule", WITH_TL
    if broadcasts(shape, gradient.shape):
        return None
    what = f"returned a gradient of shape {gradient.shape} for an input of shape {shape}"
    if len(shape) > 1 and gradient.shape == (*shape[:-2], shape[-1], shape[-2]):
        return what, "transposed", "the last two axes must be swapped"
    if gradient.shape == out_shape:
        cause = "this is the shape of the output; the gradient must have the shape of the input"
        return what, "not-spread", cause
    return what, "wrong-shape", None


def broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether one shape broadcasts to another."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))
