"""From a wrong gradient to the error that explains it: which output, which op, and what is likely the matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ..autograd.op import Op
from ..backend import FLOAT64, Array, is_array, to_host
from ..traced import wrap
from .analytical import Backward, pull
from .case import Call, Case
from .hints import diagnose
from .report import GradcheckError, number, place, table
from .subject import Subject
from .verdict import Verdict

CALLS, CELLS = 200, 1_000_000  # how many op calls, with Jacobians how large, are looked through for the op at fault

Recheck: TypeAlias = Callable[[Subject], GradcheckError | None]  # the same check, of one op call


def explain(verdicts: Sequence[Verdict], done: Backward, recheck: Recheck) -> GradcheckError:
    """The error for the first of the wrong gradients among `verdicts`, which are those of all inputs."""
    failed = [verdict for verdict in verdicts if verdict.wrong.any()]
    verdict = failed[0]
    output = _output_at_fault(verdict, done)
    shown = verdict if output is None else _of_output(verdict, done, output)
    case = _case(shown, verdicts, done, output)
    is_op = isinstance(verdict.subject.fn, Op) or not verdict.options.locate
    culprit = verdict.subject.name if is_op else None
    hint: Hint | None = None
    if not done.arrived[verdict.k]:
        hint = NO_GRADIENT
    elif short := next((c for c in done.calls if c.out.dtype.kind == "f" and c.out.dtype != FLOAT64), None):
        hint = ("float32", f"{short.op.name} gives {short.out.dtype}, which is too few digits for differences")
    elif verdict.unsteady[verdict.wrong].all():
        hint = UNSTEADY
    elif is_op:
        hint = diagnose(case)
    else:
        error, searched_all = _op_at_fault(done.calls, recheck)
        hint = diagnose(case)
        if error is not None:
            culprit = error.culprit
            hint = None if error.hint is None or error.hint_text is None else (error.hint, error.hint_text)
        elif searched_all and (hint is None or hint[0] not in ("not-finite", "nearly-right")):
            hint = OUTSIDE
    return _mismatch(shown, failed[1:], case, output, hint, culprit)


Hint: TypeAlias = tuple[str, str]  # a name and a sentence

NO_GRADIENT: Hint = (
    "no-gradient",
    "no gradient reaches this input: the way from it leads through detach(), numpy(), item() or no_grad(), or through "
    "an op without a gradient",
)
UNSTEADY: Hint = (
    "unsteady",
    "differences of several steps do not agree here, so this may be no fault of the rule: the function changes too "
    "fast, or its values have too few digits",
)
OUTSIDE: Hint = (
    "outside-the-tape",
    "the rule of each op is right, taken alone, so a part of the computation is not recorded: look for detach(), "
    "numpy(), item() or no_grad()",
)


# --- which output -------------------------------------------------------------------------------------------


def _rows(done: Backward, output: int) -> slice:
    """Where an output's elements are in the flat vector of all."""
    ends = np.cumsum([u.size for u in done.upstreams])
    return slice(int(ends[output]) - done.upstreams[output].size, int(ends[output]))


def _of_output(verdict: Verdict, done: Backward, output: int) -> Verdict:
    """The verdict on the gradient of one output alone."""
    assert verdict.jacobian is not None
    out, upstream, leaf = done.outs[output], done.upstreams[output], done.leaves[verdict.k]
    (gradient,) = pull(verdict.subject, [out], [leaf], [done.given(output)])
    got = np.zeros(verdict.x.shape) if gradient is None else to_host(gradient.array).copy()
    jacobian = verdict.jacobian[_rows(done, output)]
    expected = (upstream.ravel() @ jacobian).reshape(verdict.x.shape)
    return replace(verdict, got=got, expected=expected, jacobian=jacobian)


def _output_at_fault(verdict: Verdict, done: Backward) -> int | None:
    """The only output whose gradient is wrong; None if there are more, or there is but one output."""
    if len(done.outs) == 1 or verdict.jacobian is None:
        return None
    wrong = [o for o in range(len(done.outs)) if _of_output(verdict, done, o).wrong.any()]
    return wrong[0] if len(wrong) == 1 else None


# --- which op -----------------------------------------------------------------------------------------------


def _op_at_fault(calls: Sequence[Call], recheck: Recheck) -> tuple[GradcheckError | None, bool]:
    """The error of the first op whose rule is wrong when checked alone; if there is none, whether all were checked."""
    searched_all = len(calls) <= CALLS
    for call in calls[:CALLS]:
        arrays = [a if is_array(a) else None for a in call.arrays]
        size = sum(a.size for a, node in zip(arrays, call.nodes, strict=True) if a is not None and node is not None)
        if size * call.out.size > CELLS:
            searched_all = False
            continue
        try:
            error = recheck(_subject_of(call))
        except Exception:  # an op that cannot be checked alone, for it computes in float32 or the like
            searched_all = False
            continue
        if error is not None and error.culprit is not None and error.hint != UNSTEADY[0]:
            return error, False
        searched_all = searched_all and error is None  # an inf, as of a mask, is no fault of a rule
    return None, searched_all


def _subject_of(call: Call) -> Subject:
    """One call of an op, to be checked alone with the arrays that it was called with."""
    inputs = []
    for array, node in zip(call.arrays, call.nodes, strict=True):
        tensor = wrap(array.copy()) if is_array(array) else array
        inputs.append(tensor if node is None else tensor.requires_grad_())
    names = [f"{call.op.variadic}[{i}]" for i in range(len(inputs))] if call.op.variadic else call.op.inputs
    return Subject(lambda *xs: call.op(*xs, **call.settings), inputs, call.op.name, names[: len(inputs)])


# --- the words ----------------------------------------------------------------------------------------------


def _case(verdict: Verdict, verdicts: Sequence[Verdict], done: Backward, output: int | None) -> Case:
    """What is known, for a diagnosis."""
    single = 0 if len(done.outs) == 1 else output
    out: Array | None = None if single is None else to_host(done.outs[single].array)
    call, position = (done.calls[0], 0) if len(done.calls) == 1 else (None, 0)
    if call is not None:
        node = done.leaves[verdict.k]._node
        position = next((i for i, other in enumerate(call.nodes) if other is node), 0)
    return Case(
        got=verdict.got,
        expected=verdict.expected,
        wrong=verdict.wrong,
        kinks=verdict.kinks,
        x=verdict.x,
        upstream=done.upstream if output is None else done.upstreams[output].ravel(),
        jacobian=verdict.jacobian,
        out=out,
        others={v.subject.called(v.k): v.expected for v in verdicts if v.k != verdict.k},
        call=call,
        position=position,
    )


def _mismatch(
    verdict: Verdict,
    also: Sequence[Verdict],
    case: Case,
    output: int | None,
    hint: Hint | None,
    culprit: str | None,
) -> GradcheckError:
    subject, worst, wrong = verdict.subject, verdict.worst, int(np.count_nonzero(verdict.wrong))
    whose = subject.name if output is None else f"output {output} of {subject.name}"
    amount = "" if verdict.x.ndim == 0 else f" in {wrong} of {verdict.total} elements"
    lines = [
        f"{verdict.options.check}: the gradient of {whose} with respect to {subject.called(verdict.k)}, shape "
        f"{verdict.x.shape}, is wrong{amount}."
    ]
    expected, got = float(verdict.expected[worst]), float(verdict.got[worst])
    element = f"worst element {place(worst)}: " if worst else ""
    lines.append(f"  {element}expected {number(expected)}, got {number(got)} (error {abs(got - expected):.2g})")
    columns = {"input": verdict.x}
    if case.out is not None and case.out.shape == verdict.x.shape:
        columns["upstream"] = case.upstream.reshape(verdict.x.shape)
    columns |= {"expected": verdict.expected, "got": verdict.got}
    lines += table(columns, verdict.wrong, verdict.kinks)
    kinks = int(np.count_nonzero(verdict.kinks))
    left_out = f"; {kinks} at kinks left out" if kinks else ""
    lines.append(f"  (expected: by {verdict.method}, from a random upstream gradient{left_out})")
    for other in also:
        lines.append(f"  {subject.called(other.k)} is wrong too, in {np.count_nonzero(other.wrong)} of {other.total}")
    if culprit is not None and verdict.options.locate and not isinstance(subject.fn, Op):
        lines.append(f"  the op at fault: {culprit}, whose backward rule fails the same check when taken alone")
    position = subject.checked[verdict.k]
    return GradcheckError(
        "\n".join(lines),
        fn_name=subject.name,
        input_index=position,
        input_name=subject.input_names[position],
        output_index=output,
        shape=verdict.x.shape,
        wrong=wrong,
        total=verdict.total,
        worst_index=worst,
        expected=expected,
        got=got,
        expected_array=verdict.expected,
        got_array=verdict.got,
        kinks=verdict.kinks,
        method=verdict.method,
        hint=None if hint is None else hint[0],
        hint_text=None if hint is None else hint[1],
        culprit=culprit,
    )
