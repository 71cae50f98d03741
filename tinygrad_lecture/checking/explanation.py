"""The error for a wrong gradient: the facts, the numbers, the likely cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ..autograd.op import Op
from ..backend import Array, to_host
from .analytical import Analytical
from .hints.case import Case
from .hints.diagnosis import diagnose
from .locate import CheckPart, of_output, op_at_fault, output_at_fault
from .report import MAX_LISTED, GradcheckError, counted, digits_to_tell_apart, element_table, number, place, region
from .verdict import Verdict

Cause: TypeAlias = tuple[str, str]  # the name of a hint and its sentence

NO_GRADIENT: Cause = (
    "no-gradient",
    "no gradient reaches this input: the path from it to the output goes through detach(), numpy(), item(), no_grad() "
    "or an op that is not differentiable",
)
OUTSIDE: Cause = (
    "outside-the-tape",
    "the rule of each op is right on its own, so a part of the computation is not recorded: look for detach(), "
    "numpy(), item() or no_grad()",
)


def explain(verdicts: Sequence[Verdict], analytical: Analytical, check_part: CheckPart) -> GradcheckError:
    """The error for the first wrong gradient among `verdicts`, which has one verdict per input.

    check_part: checks a single op call in the same way, to find the op at fault.
    """
    failed = [verdict for verdict in verdicts if verdict.wrong.any()]
    verdict = failed[0]
    output = output_at_fault(verdict, analytical)
    shown = verdict if output is None else of_output(verdict, analytical, output)
    case = _case(shown, verdicts, analytical, output)
    is_op = isinstance(verdict.subject.fn, Op) or not verdict.options.locate
    culprit = verdict.subject.name if is_op else None
    cause: Cause | None = None
    if not analytical.arrived[verdict.k]:
        cause = NO_GRADIENT
    elif is_op:
        cause = diagnose(case)
    else:
        error, checked_all = op_at_fault(analytical.calls, check_part, verdict.subject.check)
        cause = diagnose(case)
        if error is not None:
            culprit = error.culprit
            cause = None if error.hint is None or error.hint_text is None else (error.hint, error.hint_text)
        elif checked_all and (cause is None or cause[0] not in ("not-finite", "nearly-right")):
            cause = OUTSIDE
    return _error(shown, failed[1:], case, output, cause, culprit)


def _case(verdict: Verdict, verdicts: Sequence[Verdict], analytical: Analytical, output: int | None) -> Case:
    """What is known about a wrong gradient, for the hints."""
    single = 0 if len(analytical.outs) == 1 else output
    out: Array | None = None if single is None else to_host(analytical.outs[single].array)
    call, position = (analytical.calls[0], 0) if len(analytical.calls) == 1 else (None, 0)
    if call is not None:
        node = analytical.leaves[verdict.k]._node
        position = next((i for i, other in enumerate(call.nodes) if other is node), 0)
    return Case(
        got=verdict.got,
        expected=verdict.expected,
        wrong=verdict.wrong,
        kinks=verdict.kinks,
        x=verdict.x,
        upstream=analytical.upstream if output is None else analytical.upstreams[output].ravel(),
        columns=verdict.jacobian,
        output=out,
        others={v.subject.called(v.k): (v.expected, v.got) for v in verdicts if v.k != verdict.k},
        call=call,
        position=position,
    )


def _error(
    verdict: Verdict,
    also: Sequence[Verdict],
    case: Case,
    output: int | None,
    cause: Cause | None,
    culprit: str | None,
) -> GradcheckError:
    """The error with its report. also: the verdicts on other inputs whose gradients are wrong too."""
    subject, worst, wrong = verdict.subject, verdict.worst, int(np.count_nonzero(verdict.wrong))
    whose = subject.name if output is None else f"output {output} of {subject.name}"
    amount = "" if verdict.x.ndim == 0 else f" in {wrong} of {verdict.total} elements"
    lines = [
        f"{subject.check}: the gradient of {whose} with respect to {subject.called(verdict.k)}, shape "
        f"{verdict.x.shape}, is wrong{amount}."
    ]
    expected, got = float(verdict.expected[worst]), float(verdict.got[worst])
    digits = digits_to_tell_apart(verdict.expected[verdict.wrong], verdict.got[verdict.wrong])
    element = f"worst element {place(worst)}: " if worst else ""
    lines.append(
        f"  {element}expected {number(expected, digits)}, got {number(got, digits)} (error {abs(got - expected):.2g})"
    )
    columns = {"input": verdict.x}
    if case.output is not None and case.output.shape == verdict.x.shape:
        columns["upstream"] = case.upstream.reshape(verdict.x.shape)
    columns |= {"expected": verdict.expected, "got": verdict.got}
    lines += element_table(columns, verdict.marks, verdict.order, digits)
    if verdict.x.size > MAX_LISTED:
        where = region(verdict.wrong)
        of = f"these are the {MAX_LISTED} worst of {verdict.x.size}"
        lines.append(f"    {of}; the wrong ones are at {where}" if where else f"    {of}")
    kinks = int(np.count_nonzero(verdict.kinks))
    left_out = f"; {kinks} at kinks left out" if kinks else ""
    untold = int(np.count_nonzero(verdict.cannot_tell))
    left_out += f"; rounding is too large to tell at {untold}" if untold else ""
    lines.append(f"  (expected: by {verdict.method}, from a random upstream gradient{left_out})")
    for other in also:
        lines.append(f"  {subject.called(other.k)} is wrong too, in {np.count_nonzero(other.wrong)} of {other.total}")
    if culprit is not None and verdict.options.locate and not isinstance(subject.fn, Op):
        lines.append(f"  the op at fault: {culprit} (its backward rule fails the same check on its own)")
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
        hint=None if cause is None else cause[0],
        hint_text=None if cause is None else cause[1],
        culprit=culprit,
    )


def doubt_about(verdicts: Sequence[Verdict], refusal: str | None) -> str:
    """Where a check cannot tell right from wrong, how large rounding is there, and what to do.

    refusal: why longdouble did not help, or None if it was tried.
    """
    verdict = next(verdict for verdict in verdicts if verdict.cannot_tell.any())
    index = tuple(int(i) for i in np.argwhere(verdict.cannot_tell)[0])
    x, expected, got, noise, rounding = (
        float(array[index]) + 0.0
        for array in (verdict.x, verdict.expected, verdict.got, verdict.noise, verdict.rounding)
    )
    also = sum(int(np.count_nonzero(other.cannot_tell)) for other in verdicts if other.k != verdict.k)
    return "\n  ".join(
        [
            f"cannot tell for {np.count_nonzero(verdict.cannot_tell)} of {counted(verdict.total, 'element')} of "
            f"{verdict.subject.called(verdict.k)}{f', and {also} of other inputs' if also else ''}: the derivative "
            "there is 0, or so small that rounding swallows it, or steps of different sizes give different ones",
            f"{f'element {place(index)}, ' if index else ''}at {number(x)}: {expected:.2g} from values, uncertain by "
            f"{noise:.1g}; {got:.2g} from the rule, uncertain by {rounding:.1g}",
            "to see more, choose inputs where the function is less flat, usually smaller ones, or another scale; "
            + (refusal or "float64 and longdouble were both tried"),
        ]
    )
