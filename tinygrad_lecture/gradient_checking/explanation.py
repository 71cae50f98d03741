"""The error for a wrong gradient: the facts, the numbers, the likely cause, and the op at fault."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np

from ..autograd.op import Op
from ..backend import is_array, to_host
from ..tensor_base import wrap
from . import report
from .analytical import Analytical, Call, analytical_gradients, name_of_input
from .hints import Likely, diagnose
from .hints.case import Case
from .hints.places import places
from .report import GradcheckError, counted, index_text, number
from .subject import Subject, said as in_words
from .verdict import Verdict, judge

CheckPart: TypeAlias = Callable[[Subject], GradcheckError | None]  # the same check, for a single op call

MAX_CALLS, MAX_JACOBIAN = 200, 1_000_000  # how many op calls are checked, and the largest Jacobian of one, in elements


def explain(verdicts: Sequence[Verdict], check_part: CheckPart) -> GradcheckError | None:
    """The error for the first wrong gradient among `verdicts`, which has one verdict per input.

    None if no rule can be at fault: all of the function is recorded, and each op is right on its own. By the chain rule
    so is their composition, and what differs is rounding.
    check_part: checks a single op call in the same way, to find the op at fault.
    """
    failed = [verdict for verdict in verdicts if verdict.wrong.any()]
    verdict, found = failed[0], failed[0].found
    case = _case(verdict, verdicts)
    is_op = isinstance(verdict.subject.fn, Op) or not verdict.options.locate
    culprit, likely = verdict.subject.name if is_op else None, None
    error, all_right = (None, False) if is_op else op_at_fault(found, check_part)
    if not found.arrived[verdict.k]:
        likely, error = Likely("no-gradient", {}), None
    elif error is not None:
        culprit, likely = error.culprit, error.likely
    elif all_right and _all_recorded(found):
        return None
    else:
        likely = diagnose(case, cache(lambda: _second_case(verdict)))
        if all_right and (likely is None or likely.hint not in ("not-finite", "nearly-right")):
            likely = Likely("outside-the-tape", {})
    lines = _facts(verdict, case)
    for other in failed[1:]:
        name = verdict.subject.called(other.k)
        lines.append(f"  {name} is wrong too, in {np.count_nonzero(other.wrong)} of {other.total}")
    if culprit is not None and not is_op:
        lines.append(f"  the op at fault: {culprit} (its backward rule fails the same check on its own)")
    return verdict.subject.failure(
        "\n".join(lines),
        verdict.k,
        wrong=int(np.count_nonzero(verdict.wrong)),
        total=verdict.total,
        worst_index=verdict.worst,
        expected=float(verdict.expected[verdict.worst]),
        got=float(verdict.got[verdict.worst]),
        method=verdict.method,
        expected_array=verdict.expected,
        got_array=verdict.got,
        kinks=verdict.kinks,
        likely=likely,
        hint=likely.hint if likely else error and error.hint,
        hint_text=str(likely) if likely else error and error.hint_text,
        culprit=culprit,
    )


def _case(verdict: Verdict, verdicts: Sequence[Verdict]) -> Case:
    """What is known about a wrong gradient, for the hints."""
    found = verdict.found
    call = found.calls[0] if len(found.calls) == 1 else None
    node = found.leaves[verdict.k]._node
    return Case(
        got=verdict.got,
        expected=verdict.expected,
        wrong=verdict.wrong,
        right=verdict.right,
        kinks=verdict.kinks,
        x=verdict.x,
        upstream=found.upstream,
        columns=verdict.jacobian,
        output=to_host(found.outs[0].array) if len(found.outs) == 1 else None,
        others={v.subject.called(v.k): (v.expected, v.got) for v in verdicts if v.k != verdict.k},
        call=call,
        position=0 if call is None or node not in call.nodes else call.nodes.index(node),
    )


def _second_case(verdict: Verdict) -> Case | None:
    """The case at other inputs, with another upstream gradient; None if the rule is right there, or cannot be run.

    Their elements are those of the first ones in another order, each changed by some percent; equal ones remain equal.
    """
    rng = np.random.default_rng(verdict.options.seed)
    subject = copy.copy(verdict.subject)
    for size, order in ((0.05, rng.permutation), (0.01, np.asarray)):
        subject.xs = []
        for x in verdict.subject.xs:
            values, places = np.unique(x, return_inverse=True)
            changed = values * (1 + size * rng.uniform(-1, 1, values.shape))
            subject.xs.append(order(changed[places.ravel()]).reshape(x.shape))
        try:
            verdicts = judge(analytical_gradients(subject, verdict.options.seed + 1), verdict.options)
        except Exception:  # the function is not defined at these inputs
            continue
        if verdicts[verdict.k].wrong.any():
            return _case(verdicts[verdict.k], verdicts)
    return None


def _facts(verdict: Verdict, case: Case) -> list[str]:
    """Which gradient is wrong, and its numbers, as lines."""
    worst, expected, got, x = verdict.worst, verdict.expected, verdict.got, verdict.x
    whose = f"{verdict.subject.name} with respect to {verdict.subject.called(verdict.k)}"
    wrong, kinks, untold = (int(np.count_nonzero(m)) for m in (verdict.wrong, verdict.kinks, verdict.cannot_tell))
    amount = "" if x.ndim == 0 else f" in {wrong} of {verdict.total} elements"
    element = f"worst element {index_text(worst)}: " if worst else ""
    digits = report.digits_to_tell_apart(expected[verdict.wrong], got[verdict.wrong])
    numbers = f"expected {number(expected[worst], digits)}, got {number(got[worst], digits)}"
    lines = [
        f"the gradient of {whose}, shape {x.shape}, is wrong{amount}.",
        f"  {element}{numbers} (error {abs(got[worst] - expected[worst]):.2g})",
    ]
    columns = {"input": x}
    if case.output is not None and case.output.shape == x.shape:
        columns["upstream"] = case.g_out
    marks = np.select([verdict.wrong, verdict.cannot_tell, verdict.kinks], ["wrong", "cannot tell", "kink"], "")
    lines += report.element_table(columns | {"expected": expected, "got": got}, marks, verdict.order, digits)
    if x.size > report.MAX_LISTED:
        where = "" if verdict.wrong.all() else f"; wrong: {places(verdict.wrong)}"
        lines.append(f"    these are the {report.MAX_LISTED} worst of {x.size}{where}")
    left_out = f"; {kinks} at kinks left out" if kinks else ""
    left_out += f"; rounding is too large to tell at {untold}" if untold else ""
    return [*lines, f"  (expected: by {verdict.method}, from a random upstream gradient{left_out})"]


def doubt_about(verdicts: Sequence[Verdict]) -> str:
    """Where a check cannot tell right from wrong, how large rounding is there, and what to do."""
    verdict, *others = [verdict for verdict in verdicts if verdict.cannot_tell.any()]
    index = tuple(np.argwhere(verdict.cannot_tell)[0].tolist())
    also = sum(int(np.count_nonzero(other.cannot_tell)) for other in others)
    amount = f"{np.count_nonzero(verdict.cannot_tell)} of {counted(verdict.total, 'element')}"
    whose = verdict.subject.called(verdict.k) + (f", and {also} of other inputs" if also else "")
    where = f"element {index_text(index)}, at" if index else "at"
    digits = {"x": 6, "expected": 2, "got": 2, "noise": 1, "rounding": 1}
    numbers = {name: number(getattr(verdict, name)[index], count) for name, count in digits.items()}
    return in_words("doubt", amount=amount, whose=whose, where=where, **numbers)


# --- which op -----------------------------------------------------------------------------------------------


def _all_recorded(found: Analytical) -> bool:
    """Whether the recorded calls alone give what the function gives, at other inputs too."""
    rng = np.random.default_rng(0)
    for step in (1e-2, 1e-5):
        xs = [x + step * rng.uniform(0.5, 1.5, x.shape) * np.where(x == 0, 1, x) for x in found.subject.xs]
        try:
            if not np.array_equal(found.replayed(xs), found.subject.values(xs), equal_nan=True):
                return False
        except Exception:  # these inputs are refused
            return False
    return True


def op_at_fault(found: Analytical, check_part: CheckPart) -> tuple[GradcheckError | None, bool]:
    """The error of the first op whose rule is wrong on its own, or None; then whether each rule was found right.

    That of a `tl.func.Function` is not: it is no op, and cannot be called with other arrays.
    """
    only_ops = all(isinstance(record.op, Op) for record, *_ in found.watch.steps)
    checked_all = only_ops and len(found.calls) <= MAX_CALLS
    for call in found.calls[:MAX_CALLS]:
        arrays = [a if is_array(a) else None for a in call.arrays]
        size = sum(a.size for a, node in zip(arrays, call.nodes, strict=True) if a is not None and node is not None)
        if size * call.out.size > MAX_JACOBIAN:
            checked_all = False
            continue
        try:
            error = check_part(_subject_of(call, found.subject.check))
        except Exception:  # the op cannot be checked on its own: it computes in float32, for example
            checked_all = False
            continue
        if error is not None and error.culprit is not None:
            return error, False
        right = error is None or error.hint == "cannot-tell"  # as far as one can tell
        checked_all = checked_all and right  # an inf, as in a mask, is not the fault of a rule
    return None, checked_all


def _subject_of(call: Call, check: str) -> Subject:
    """One call of an op as a function to check, with the arrays that it was called with."""
    inputs = []
    for array, node in zip(call.arrays, call.nodes, strict=True):
        tensor = wrap(array.copy()) if is_array(array) else array
        inputs.append(tensor if node is None else tensor.requires_grad_())
    names = [name_of_input(call.op, position) for position in range(len(inputs))]
    return Subject(lambda *xs: call.op(*xs, **call.settings), inputs, call.op.name, names, check)
