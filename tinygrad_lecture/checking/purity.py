"""Are the backward rules pure functions? A gradient may depend on what its rule was given, and on nothing else.

A rule that is not pure may be right in a first, single pass and wrong in a training loop. So it must not

- write to an array that it was given: its inputs, its output, its upstream gradient;
- give another gradient when it runs again, or when its op has been called again in between (state in a global);
- return an array that it keeps, since the receiver may add to it in place;
- treat its upstream gradient otherwise than linearly, as abs(g) does;
- give another gradient when no other input needs one (as a kernel may that looks at `needs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..autograd.versions import arrays_in
from ..backend import Array, to_host
from ..inspect.observe import Observing
from ..tensor import Tensor
from .report import GradcheckError, number
from .subject import Subject
from .watch import Call, CallWatch

FACTOR = -1024.0  # of the upstream gradient, to see that a rule is linear in it: products with it are not rounded
TINY = 1e-300  # a smaller number has too few digits to be compared


def require_unchanged_inputs(subject: Subject, leaves: Sequence[Tensor]) -> None:
    """Raise GradcheckError if the function has written to an input."""
    for k, (x, leaf) in enumerate(zip(subject.xs, leaves, strict=True)):
        if not np.array_equal(to_host(leaf.array), x):
            raise GradcheckError(
                f"{subject.check}: {subject.name} changes its input in place: {subject.called(k)}, shape {x.shape}, "
                "has new values; make a new array",
                fn_name=subject.name,
                input_index=subject.checked[k],
                input_name=subject.input_names[subject.checked[k]],
                shape=x.shape,
                hint="input-modified",
            )


def require_new_outputs(subject: Subject, calls: Sequence[Call]) -> None:
    """Raise GradcheckError if an op returns the memory that it returned in an earlier call, `calls`, of the function.

    A view of a constant input is in the same memory too.
    """
    again = CallWatch()
    with Observing(again):
        subject.values(subject.xs)
    for one, other in zip(calls, again.calls, strict=False):
        if _share(one.out, other.out) and not any(_share(other.out, array) for array in other.arrays):
            raise GradcheckError(
                f"{subject.check}: {one.op.name} returns the same memory in every call, so the next call changes an "
                "earlier result; make a new array, without out= an array that is kept",
                fn_name=subject.name,
                hint="output-kept",
                culprit=one.op.name,
            )


def require_unchanged_arrays(
    subject: Subject, watch: CallWatch, given: Sequence[Tensor], upstreams: Sequence[Array], culprit: str | None
) -> None:
    """Raise GradcheckError if a rule has written to an array that it was given.

    given: the upstream gradients of the outputs.  upstreams: what they were before.
    """
    if watch.changed is not None:
        op, what, shape = watch.changed
        raise GradcheckError(
            f"{subject.check}: the backward rule of {op} changes an array that it was given, in place: its {what}, "
            f"shape {shape}, has new values; make a new array",
            fn_name=subject.name,
            hint=f"{what.split()[0]}-modified",
            culprit=op,
        )
    for tensor, upstream in zip(given, upstreams, strict=True):
        if not np.array_equal(to_host(tensor.array), upstream):
            raise GradcheckError(
                f"{subject.check}: {_rule(subject, culprit)} changes its upstream gradient g in place, which other "
                "rules use too; write g = g * ... instead of g *= ...",
                fn_name=subject.name,
                hint="upstream-modified",
                culprit=culprit,
            )


def require_same_again(
    subject: Subject,
    watch: CallWatch,
    gradients: Sequence[Array],
    backward: Callable[[], list[Tensor | None]],
    culprit: str | None,
) -> None:
    """Raise GradcheckError if the backward pass gives other gradients after another call of the function.

    Or if a rule returns the same memory again.  gradients: the results of the first pass.
    """
    first_steps = watch.steps
    if subject.check == "gradcheck":
        _call_with_other_values(subject)
    again = backward()
    if not _all_alike(gradients, again):
        if _all_alike([None if g is None else to_host(g.array) for g in again], backward()):
            says = (
                f"returns a different gradient after another call of {subject.name}: it uses what the latest call left "
                "in a variable outside; let the rule ask for what it needs by name, such as an input or out"
            )
            hint = "state-outside"
        else:
            says = (
                "returns a different gradient when it runs a second time; a rule must not change what it was given, "
                "nor depend on how often it was called"
            )
            hint = "not-repeatable"
        raise GradcheckError(
            f"{subject.check}: {_rule(subject, culprit)} {says}", fn_name=subject.name, hint=hint, culprit=culprit
        )
    for (record, upstream, before), (_, _, after) in zip(first_steps, watch.steps, strict=False):
        lent = [upstream, *arrays_in(record.saved)]
        for one, other in zip(before, after, strict=True):
            if _share(one, other) and not any(_share(one, array) for array in lent):
                raise GradcheckError(
                    f"{subject.check}: the backward rule of {record.op.name} returns the same array in every backward "
                    "pass, though gradients are added to in place; make a new array in the rule",
                    fn_name=subject.name,
                    hint="array-kept",
                    culprit=record.op.name,
                )


def _call_with_other_values(subject: Subject) -> None:
    """Call the function with other inputs: the same numbers in reverse order, 1 % larger; then with a minus."""
    for factor in (1.01, -1.01):
        with suppress(Exception):  # it need not take them
            subject.values([factor * x.ravel()[::-1].reshape(x.shape) for x in subject.xs])


def require_linear(
    subject: Subject, gradients: Sequence[Array], scaled: Sequence[Tensor | None], culprit: str | None
) -> None:
    """Raise GradcheckError unless the gradients for FACTOR times the upstream gradient are FACTOR times the gradients.

    One upstream gradient cannot show a rule that uses abs(g): for a function with one output, it may be positive.
    """
    for gradient, again in zip(gradients, scaled, strict=True):
        wanted = FACTOR * gradient
        close = 1e-9 * np.abs(wanted).max(initial=0) + TINY
        if again is not None and not np.allclose(to_host(again.array), wanted, rtol=0, atol=close, equal_nan=True):
            raise GradcheckError(
                f"{subject.check}: {_rule(subject, culprit)} is not linear in the upstream gradient g: for "
                f"{FACTOR:.0f} g it does not return {FACTOR:.0f} times as much; multiply g by the derivative, without "
                "abs(g), a limit on g, or a mask made from g",
                fn_name=subject.name,
                hint="not-linear",
                culprit=culprit,
            )


def require_same_alone(
    subject: Subject,
    k: int,
    gradient: Array,
    backward: Callable[[list[Tensor], list[Tensor]], Tensor | None],
    culprit: str | None,
) -> None:
    """Raise GradcheckError if the gradient of the k-th checked input changes when no other input requires grad.

    backward: from the outputs and the input as a leaf to its gradient.
    """
    tensors = subject.leaves()
    for i, tensor in enumerate(tensors):
        tensor.requires_grad_(i == k)
    try:
        outs = subject.run(tensors)
    except Exception:  # it computes gradients itself, of the others
        return
    got = backward(outs, [tensors[k]])
    alone = np.zeros_like(gradient) if got is None else to_host(got.array)
    if np.allclose(alone, gradient, rtol=1e-9, atol=1e-9 * np.abs(gradient).max(initial=0), equal_nan=True):
        return
    raise GradcheckError(
        f"{subject.check}: the gradient of {subject.name} with respect to {subject.called(k)} changes by "
        f"{number(float(np.abs(alone - gradient).max()))} when no other input requires grad; a rule or kernel must "
        "give the same gradient of an input whichever others need one (`needs`)",
        fn_name=subject.name,
        input_index=subject.checked[k],
        input_name=subject.input_names[subject.checked[k]],
        shape=gradient.shape,
        hint="needs",
        culprit=culprit,
    )


def alike(a: Array, b: Array, device: str = "cpu") -> bool:
    """Whether two arrays have the same bits; on a GPU, where the order of atomic additions varies, nearly the same."""
    if device == "cpu":
        return np.array_equal(a, b, equal_nan=True)
    return np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)


def _all_alike(gradients: Sequence[Array | None], again: Sequence[Tensor | None]) -> bool:
    """Whether a pass gives the gradients that another one gave; None where no gradient arrives."""
    return all(
        g is None or one is None or alike(one, to_host(g.array), g.device)
        for one, g in zip(gradients, again, strict=True)
    )


def _share(a: Any, b: Any) -> bool:
    """Whether two NumPy arrays share memory."""
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


def _rule(subject: Subject, op: str | None) -> str:
    return f"a backward rule of {subject.name}" if op is None else f"the backward rule of {op}"
