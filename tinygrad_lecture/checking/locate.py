"""Where a wrong gradient comes from: which output, and which op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ..backend import is_array, to_host
from ..traced import wrap
from .analytical import Analytical, vjp
from .report import GradcheckError
from .subject import Subject
from .verdict import Verdict
from .watch import Call

MAX_CALLS, MAX_JACOBIAN = 200, 1_000_000  # how many op calls are checked, and the largest Jacobian of one, in elements

CheckPart: TypeAlias = Callable[[Subject], GradcheckError | None]  # the same check, for a single op call


# --- which output -------------------------------------------------------------------------------------------


def output_at_fault(verdict: Verdict, analytical: Analytical) -> int | None:
    """The only output whose gradient is wrong; None if several are wrong, or if there is only one output."""
    if len(analytical.outs) == 1 or verdict.jacobian is None:
        return None
    wrong = [o for o in range(len(analytical.outs)) if of_output(verdict, analytical, o).wrong.any()]
    return wrong[0] if len(wrong) == 1 else None


def of_output(verdict: Verdict, analytical: Analytical, output: int) -> Verdict:
    """The verdict on the gradient of one output alone."""
    assert verdict.jacobian is not None
    out, upstream, leaf = analytical.outs[output], analytical.upstreams[output], analytical.leaves[verdict.k]
    (gradient,) = vjp(verdict.subject, [out], [leaf], [analytical.upstream_tensor(output)])
    got = np.zeros(verdict.x.shape) if gradient is None else to_host(gradient.array).copy()
    jacobian = verdict.jacobian[_rows(analytical, output)]
    expected = (upstream.ravel() @ jacobian).reshape(verdict.x.shape)
    return replace(verdict, got=got, expected=expected, jacobian=jacobian)


def _rows(analytical: Analytical, output: int) -> slice:
    """The rows of the Jacobian that belong to one output."""
    ends = np.cumsum([u.size for u in analytical.upstreams])
    return slice(int(ends[output]) - analytical.upstreams[output].size, int(ends[output]))


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
