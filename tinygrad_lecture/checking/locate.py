"""Where a wrong gradient comes from: which output, and which op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from ..backend import is_array
from ..traced import wrap
from .analytical import Analytical, on_host, vjp
from .report import GradcheckError
from .subject import Subject
from .verdict import Verdict
from .watch import Call

MAX_CALLS, MAX_JACOBIAN = 200, 1_000_000  # how many op calls are checked, and the largest Jacobian of one, in elements

CheckPart: TypeAlias = Callable[[Subject], GradcheckError | None]  # the same check, for a single op call


# --- which output -------------------------------------------------------------------------------------------


def output_at_fault(verdict: Verdict, found: Analytical) -> int | None:
    """The only output whose gradient is wrong; None if several are wrong, or if there is only one output."""
    if len(found.outs) == 1 or verdict.jacobian is None:
        return None
    wrong = [o for o in range(len(found.outs)) if of_output(verdict, found, o).wrong.any()]
    return wrong[0] if len(wrong) == 1 else None


def of_output(verdict: Verdict, found: Analytical, output: int) -> Verdict:
    """The verdict on the gradient of one output alone."""
    assert verdict.jacobian is not None
    end = sum(u.size for u in found.upstreams[: output + 1])
    upstream = found.upstreams[output].ravel()
    jacobian = verdict.jacobian[end - upstream.size : end]
    gradients = vjp(verdict.subject, [found.outs[output]], [found.leaves[verdict.k]], [found.given[output]])
    (got,) = on_host(gradients, [verdict.x])
    return replace(verdict, got=got, expected=(upstream @ jacobian).reshape(got.shape), jacobian=jacobian)


# --- which op -----------------------------------------------------------------------------------------------


def op_at_fault(calls: Sequence[Call], check_part: CheckPart, check: str) -> tuple[GradcheckError | None, bool]:
    """The error of the first op whose rule is wrong on its own; and, if there is none, whether every op was checked."""
    checked_all = len(calls) <= MAX_CALLS
    for call in calls[:MAX_CALLS]:
        arrays = [a if is_array(a) else None for a in call.arrays]
        size = sum(a.size for a, node in zip(arrays, call.nodes, strict=True) if a is not None and node is not None)
        if size * call.out.size > MAX_JACOBIAN:
            checked_all = False
            continue
        try:
            error = check_part(_subject_of(call, check))
        except Exception:  # the op cannot be checked on its own: it computes in float32, for example
            checked_all = False
            continue
        if error is not None and error.culprit is not None and error.hint != "unsteady":
            return error, False
        checked_all = checked_all and error is None  # an inf, as in a mask, is not the fault of a rule
    return None, checked_all


def _subject_of(call: Call, check: str) -> Subject:
    """One call of an op as a function to check, with the arrays that it was called with."""
    inputs = []
    for array, node in zip(call.arrays, call.nodes, strict=True):
        tensor = wrap(array.copy()) if is_array(array) else array
        inputs.append(tensor if node is None else tensor.requires_grad_())
    names = [f"{call.op.variadic}[{i}]" for i in range(len(inputs))] if call.op.variadic else call.op.inputs
    return Subject(lambda *xs: call.op(*xs, **call.settings), inputs, call.op.name, names[: len(inputs)], check)
