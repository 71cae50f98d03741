"""From an exception during the backward pass to an error that names the op and what its rule was given or returned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class FailedRule:
    """A backward rule that raised.

    record: the call that it ran for.  arguments: what it was given, by name.
    function: the rule.  shape: the shape of its input.  Both are None for the backward kernel of a fused op.
    """

    record: Record
    arguments: dict[str, Any]
    function: Callable[..., Any] | None
    shape: Shape | None


def rule_error(
    subject: Subject, error: Exception, last: tuple[Record, Sequence[Any]] | None, create_graph: bool
) -> GradcheckError:
    """The GradcheckError for an exception that a backward pass raised.

    last: the latest record whose rules ran, and the gradients they returned.
    """
    failed = _failed_rule(error)
    if failed is not None:
        return _raised(subject, error, failed)
    refused = None if last is None else _refused(subject, *last, create_graph)
    if refused is not None:
        return refused
    return GradcheckError(
        f"{subject.check}: the backward pass through {subject.name} raised {type(error).__name__}: {error}",
        fn_name=subject.name,
        hint="rule-raised",
    )


def _failed_rule(error: Exception) -> FailedRule | None:
    """The rule that raised an error; None if it was not raised by a rule."""
    facts: RuleError | None = getattr(error, "rule_error", None)
    if facts is None:
        return None
    record, op = facts.record, facts.record.op
    rule = op.rules[0 if op.variadic else facts.index] if isinstance(op, Op) else None
    if rule is None:
        return FailedRule(record, {"g": facts.upstream}, None, None)
    saved = record.saved[facts.index] if record.saved else ()
    arguments = dict(zip(inspect.signature(rule).parameters, (facts.upstream, *saved), strict=False))
    return FailedRule(record, arguments, rule, record.nodes[facts.index].shape)


# --- a rule that raised -------------------------------------------------------------------------------------


def _raised(subject: Subject, error: Exception, failed: FailedRule) -> GradcheckError:
    shapes = {name: getattr(value, "shape", None) for name, value in failed.arguments.items()}
    given = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape is not None)
    what = f"raised {type(error).__name__}: {error}" + (f"\n  it was given {given}" if given else "")
    if numpy_refused(error):
        return _error_of_rule(subject, failed.record, what, "numpy-in-rule", WITH_TL)
    cause = _transposed_argument(failed)
    return _error_of_rule(subject, failed.record, what, "rule-raised" if cause is None else "transposed", cause)


def _transposed_argument(failed: FailedRule) -> str | None:
    """Whether the rule runs, and returns the shape of its input, when one of its arguments is transposed."""
    if failed.function is None:
        return None
    arrays = {name: value for name, value in failed.arguments.items() if getattr(value, "ndim", 0) > 1}
    then = f"then the rule runs, and returns the shape of the input, {failed.shape}"
    batches = {name: value.view(_Matrices) for name, value in arrays.items() if isinstance(value, np.ndarray)}
    if _returns_shape(failed, batches):
        return f".T of an array with more than two axes reverses all of them; write .swapaxes(-1, -2): {then}"
    for name, value in arrays.items():
        if _returns_shape(failed, {name: value.swapaxes(-1, -2)}):
            return f"transpose {name}: {then}"
    return None


class _Matrices(np.ndarray):
    """An array of matrices, whose .T transposes each."""

    T = property(lambda self: self.swapaxes(-1, -2))


def _returns_shape(failed: FailedRule, replaced: dict[str, Any]) -> bool:
    """Whether the rule returns the shape of its input when some of its arguments are replaced."""
    assert failed.function is not None
    try:
        trial = failed.function(**{**failed.arguments, **replaced})
    except Exception:  # this is not it
        return False
    return getattr(trial, "shape", None) == failed.shape


# --- a rule that returned something else than a gradient ----------------------------------------------------


def _refused(subject: Subject, record: Record, gradients: Sequence[Any], create_graph: bool) -> GradcheckError | None:
    """The error for the first returned value that the engine does not accept as a gradient; None if it accepts all."""
    for node, gradient in zip(record.nodes, gradients, strict=True):
        if node is None or gradient is None:  # None may also mean that no gradient was wanted here
            continue
        problem = _problem(gradient, node.shape, record.shape, create_graph)
        if problem is not None:
            return _error_of_rule(subject, record, *problem)
    if any(gradient is None and node is not None for node, gradient in zip(record.nodes, gradients, strict=True)):
        return _error_of_rule(subject, record, "returned None", "returned-none", "is a return missing?")
    return None


def _problem(gradient: Any, shape: Shape, out_shape: Shape, create_graph: bool) -> tuple[str, str, str | None] | None:
    """Why a value is not a gradient for an input of a given shape: what was returned, the hint and the likely cause."""
    if isinstance(gradient, Traced) and not create_graph:
        cause = "leave out tl.tensor(): operators and tl functions take arrays too, and return arrays"
        return "returned a Tensor, though it was given arrays", "no-array", cause
    if not (isinstance(gradient, (Traced, np.generic)) or is_array(gradient)):
        shown = repr(gradient) if isinstance(gradient, (bool, int, float)) else kind_of(gradient)
        cause = "a gradient is an array of its input's shape: the upstream gradient g times the derivative"
        return f"returned {shown}", "no-array", cause
    if not isinstance(gradient, Traced) and create_graph:
        return "returned an array, though it was given Tensors", "numpy-in-rule", WITH_TL
    if _broadcasts(shape, gradient.shape):
        return None
    what = f"returned a gradient of shape {gradient.shape} for an input of shape {shape}"
    if len(shape) > 1 and gradient.shape == (*shape[:-2], shape[-1], shape[-2]):
        return what, "transposed", "the last two axes must be swapped"
    if gradient.shape == out_shape:
        cause = "this is the shape of the output; the gradient must have the shape of the input"
        return what, "not-spread", cause
    return what, "wrong-shape", None


def _broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether one shape broadcasts to another."""
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def _error_of_rule(subject: Subject, record: Record, what: str, hint: str, cause: str | None) -> GradcheckError:
    op = record.op.name
    message = f"{subject.check}: the backward rule of {op} {what}"
    return GradcheckError(message, fn_name=subject.name, hint=hint, hint_text=cause, culprit=op)
