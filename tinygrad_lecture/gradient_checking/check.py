"""`tl.gradcheck` and `tl.gradgradcheck`: are the backward rules right?

    @tl.op
    def cube(x, /):
        return x * x * x

    @cube.backward
    def _(g, x):
        return g * 3 * x                            # wrong: it should be g * 3 * x * x

    tl.gradcheck(cube, tl.tensor([0.5, 2.0], dtype=tl.float64))

        GradcheckError: gradcheck: the gradient of cube with respect to x (input 0), shape (2,), is wrong in 2 of 2 ...
          likely cause: a factor is missing; multiply by x

The analytical gradient comes from the rules (`analytical.py`), the numerical gradient from the values of the function
(`numerical.py`). They are compared element by element (`verdict.py`), and each is right, wrong, or cannot be told, as
where rounding swallows the derivative. For a wrong gradient, `explanation.py` finds the op at fault, and `hints/` the
likely cause.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd.modes import set_grad_enabled
from ..backend import FLOAT64, Array, move, to_host
from ..creation import zeros_like
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from ..tensor_base import wrap
from .analytical import Analytical, analytical_gradients, on_host, random_upstream, roundings_of_rules, vjp
from .explanation import doubt_about, explain, op_at_fault
from .report import GradcheckError, GradcheckReport, compute_in_float64, number
from .subject import Subject, said
from .verdict import RULE_ROUNDING, Options, judge, with_measured_rounding

FACTOR = -1024.0  # of the upstream gradient, to see that a rule is linear in it: products with it are not rounded
TINY = 1e-300  # a smaller number has too few digits to be compared


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    *more: Any,
    eps: float | None = None,
    atol: float = 0.0,
    rtol: float = 1e-9,
    seed: int = 0,
    raise_exception: bool = True,
    input_names: Sequence[str | None] | None = None,
    strict_shapes: bool = False,
) -> GradcheckReport:
    """Compare the analytical gradients of fn with numerical ones, element by element; return a report.

    fn: a function of the inputs that returns a Tensor or a tuple of Tensors; integer outputs are ignored.
    inputs: a Tensor or a sequence. Those that require grad are checked or, if none does, all float Tensors; they must
    be float64. They are copied: neither they nor their `.grad` change, and a tensor given twice counts as two inputs.
    eps: the first step size of central differences, relative to max(1, |x|); in doubt others are tried, larger and
    smaller. By default the complex step is used if fn is made of analytic ops, and else central differences with 0.004.
    atol, rtol: an element is wrong if |got - expected| > atol + rtol * |expected| + the rounding errors of both, which
    are estimated. It is right if it is not wrong, and both agree to two digits, or to atol; or both are 0, and no
    output changes when the element does. Otherwise the check cannot tell; nor can it where all of
    fn is recorded and each op is right on its own, since values and rules then differ by rounding alone.
    seed: of the random upstream gradient.
    input_names: what the report calls the inputs, a name or None for each; by default fn's parameter names.
    strict_shapes: demand, as an exercise, that each rule of your own sums over the axes along which its input was
    broadcast, which the engine does otherwise.

    Elements without a derivative (relu at 0, ties in max, floor at an integer) are left out and counted as kinks; if
    none is left, a warning says so. Random numbers that fn draws from the engine's stream are the same in every call,
    and the state of the stream is restored afterwards.

    Raises GradcheckError for a wrong gradient, with the likely cause, and for rules that are not pure functions, as one
    that writes to its input. Where some elements cannot be told, the report says how many, where and why; it raises if
    none can be told. With raise_exception=False the report is false instead and holds the error as `error`.
    Raises TypeError or ValueError for inputs that cannot be checked.
    """
    if more:
        raise TypeError(said("several", check="gradcheck"))
    subject = Subject(fn, inputs, input_names=input_names)
    options = Options(eps, atol, rtol, seed, analytic=eps is None, strict_shapes=strict_shapes)
    return _report(subject, options, raise_exception)


def gradgradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    *,
    eps: float | None = None,
    atol: float = 0.0,
    rtol: float = 1e-9,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckReport:
    """Check second derivatives: those of fn's gradients, with respect to the inputs and the upstream gradients.

    This is `gradcheck` of the function (inputs, upstream gradients) -> gradients that
    `tl.grad(..., create_graph=True)` computes. It also checks that these gradients equal those without create_graph;
    whether they are right is for `gradcheck` to say.

    The rest as in `gradcheck`.
    """
    subject = Subject(fn, inputs, check="gradgradcheck")
    options = Options(eps, atol, rtol, seed, analytic=False)
    return _report(subject, options, raise_exception)


def _report(subject: Subject, options: Options, raise_exception: bool, grad_outputs: Any = None) -> GradcheckReport:
    """Run a check; return its report or raise its error. Restores grad mode and the state of the random stream."""
    before = get_rng_state()
    try:
        with set_grad_enabled(True), np.errstate(all="ignore"):
            second = subject.check == "gradgradcheck"
            report = _check(gradient_function(subject, options) if second else subject, options)
    except GradcheckError as error:
        if raise_exception:
            raise
        return GradcheckReport(subject.name, "", 0, 0, math.nan, error)
    finally:
        set_rng_state(before)
    if report and report.kinks and not report.checked:
        words = {"check": subject.check, "name": report.fn_name, "kinks": report.kinks}
        warnings.warn(said("only-kinks", **words), stacklevel=3)
    return report


def _check(subject: Subject, options: Options) -> GradcheckReport:
    """Both gradients, and the comparison. Raises GradcheckError for the first input whose gradient is wrong.

    Also if no element can be told right from wrong; or none of one input, though its values tell a derivative.
    """
    found = analytical_gradients(subject, options.seed)
    _require_pure(found)
    verdicts = judge(found, options)
    doubtful = [verdict for verdict in verdicts if (verdict.wrong | verdict.cannot_tell).any()]
    if doubtful:
        verdicts = with_measured_rounding(verdicts)
    if doubtful and any(verdict.wrong.any() for verdict in verdicts):
        error = explain(verdicts, lambda part: _error_of_part(part, options))
        if error is not None:
            raise error
        verdicts = [verdict.undecided() for verdict in verdicts]
    if options.strict_shapes:
        found.require_no("shape")
    _require_linear(found, options)
    right = unclear = kinks = 0
    largest_error, method = 0.0, verdicts[0].method
    for v in verdicts:
        right += int(np.count_nonzero(v.right))
        unclear += int(np.count_nonzero(v.cannot_tell))
        kinks += int(np.count_nonzero(v.kinks))
        largest_error = max(largest_error, float(v.error[v.right].max(initial=0)))
    doubt = doubt_about(verdicts) if unclear else ""
    for v in verdicts:
        seen = v.cannot_tell & (np.abs(v.expected) > 10 * v.noise)  # 0 by design, as of a key's bias, is noise alone
        if unclear and not (right and (v.right.any() or not seen.any())):
            whose = f"{subject.name} with respect to {subject.called(v.k)}" if len(verdicts) > 1 else subject.name
            message = f"it cannot be told for any element whether the gradient of {whose} is right\n  {doubt}"
            raise subject.failure(message, total=unclear, method=method, hint="cannot-tell")
    return GradcheckReport(
        subject.name, verdicts[0].method, right, kinks, largest_error, cannot_tell=unclear, doubt=doubt
    )


def _require_linear(found: Analytical, options: Options) -> None:
    """Raise GradcheckError if a rule is not linear in its upstream gradient; it names the op, if that can be found."""
    error, of_op, all_right = _not_linear(found), None, False
    if error is not None and options.locate and len(found.calls) > 1:
        of_op, all_right = op_at_fault(found, lambda part: _error_of_part(part, options))
    if error is not None and not all_right:  # else an intermediate gradient is too small for a float
        raise of_op or error


def _error_of_part(part: Subject, options: Options) -> GradcheckError | None:
    """The error of the same check for one op of the function; None if its rule is right."""
    try:
        _check(part, replace(options, locate=False, analytic=False))
    except GradcheckError as error:
        return error
    return None


# --- are the rules pure? --------------------------------------------------------------------------------
#
# A rule that is not pure may be right in a first, single pass and wrong in a training loop. So it must not write to an
# array that it was given, give another gradient when it runs again, or when its op has been called again in between,
# treat its upstream gradient otherwise than linearly, as abs(g) does, or compute in fewer digits than float64 has.


def _require_pure(found: Analytical) -> None:
    """All checks but those for which a wrong gradient is to be explained first."""
    subject = found.subject
    found.require_no("changed")
    for given, upstream in zip(found.given, found.upstreams, strict=True):
        if not np.array_equal(to_host(given), upstream):
            raise subject.fault("upstream-modified", culprit=found.culprit)
    _require_same_again(found)
    again = subject.values(subject.xs)
    if not _alike(again, found.values, subject.on_host):
        apart = number(float(np.abs(again - found.values).max()))
        raise subject.fault("not-deterministic", apart=apart)
    _require_float64(found)


def _require_same_again(found: Analytical) -> None:
    """The backward pass must give the same gradients after another call of the function."""
    subject = found.subject
    if subject.check == "gradcheck":
        with suppress(Exception):  # it need not take other values, in reverse order
            subject.values([-1.01 * x.ravel()[::-1].reshape(x.shape) for x in subject.xs])
    again = found.backward()
    if not _all_alike(found.gradients, again, subject.on_host):
        if _all_alike(on_host(again, subject.xs), found.backward(), subject.on_host):
            raise subject.fault("state-outside", culprit=found.culprit)
        raise subject.fault("not-repeatable", culprit=found.culprit)


def _require_float64(found: Analytical) -> None:
    """No op, nor the backward rule of one, may compute in fewer digits than float64 has."""
    for call in found.calls:
        dtype = call.out.dtype
        if dtype.kind == "f" and dtype.itemsize < FLOAT64.itemsize:
            raise found.subject.fault("float32", op=call.op.name, dtype=dtype, remedy=compute_in_float64(dtype))
    if found.subject.check == "gradcheck":
        found.require_no("dtype")


def _not_linear(found: Analytical) -> GradcheckError | None:
    """The error if the gradients for FACTOR times the upstream gradient are not FACTOR times the gradients.

    One upstream gradient cannot show a rule that uses abs(g): for a function with one output, it may be positive.
    """
    scaled = vjp(found.subject, found.outs, found.leaves, [FACTOR * g for g in found.given])
    for gradient, again in zip(found.gradients, scaled, strict=True):
        wanted = FACTOR * gradient
        close = 1e-9 * np.abs(wanted).max(initial=0) + TINY
        if again is not None and not np.allclose(to_host(again), wanted, rtol=0, atol=close, equal_nan=True):
            return found.subject.fault("not-linear", culprit=found.culprit, factor=FACTOR)
    return None


def _alike(a: Array, b: Array, on_host: bool) -> bool:
    """Whether two arrays have the same bits; on a GPU, where the order of atomic additions varies, nearly the same."""
    rtol = 0 if on_host else 1e-12
    return np.allclose(a, b, rtol=rtol, atol=rtol, equal_nan=True)


def _all_alike(gradients: Sequence[Array], again: Sequence[Array | None], on_host: bool) -> bool:
    """Whether a pass gives the gradients that another one gave."""
    return all(g is None or _alike(one, to_host(g), on_host) for one, g in zip(gradients, again, strict=True))


# --- the function that gradgradcheck checks --------------------------------------------------------------


def gradient_function(subject: Subject, options: Options) -> Subject:
    """The function (inputs, upstream gradients) -> gradients of the checked inputs, computed with create_graph=True.

    Raises GradcheckError if create_graph=True changes the values of the gradients.
    """
    leaves = subject.leaves()
    outs = subject.run(leaves)
    rng = np.random.default_rng(options.seed)
    upstreams = [wrap(move(random_upstream(rng, out.shape), out.device)) for out in outs]
    arrays = [upstream._array for upstream in upstreams]
    plain, recorded = vjp(subject, outs, leaves, arrays), vjp(subject, outs, leaves, upstreams, create_graph=True)
    roundings = roundings_of_rules(subject, arrays, on_host(plain, subject.xs))  # of the inputs alone
    for k, (expected, got) in enumerate(zip(on_host(plain, subject.xs), on_host(recorded, subject.xs), strict=True)):
        atol = options.atol + RULE_ROUNDING + 1e-9 * np.abs(expected).max(initial=0) + roundings[k].max(initial=0)
        close = np.isclose(got, expected, rtol=options.rtol, atol=atol) | ~np.isfinite(got)  # nan is refused below
        if not close.all():
            apart = number(float(np.abs(got - expected).max()))
            error = subject.fault("create-graph", k, hint_text=said("other-values"), apart=apart)
            error.expected_array, error.got_array = expected, got
            raise error

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        inputs = [args[position] for position in subject.checked]
        found = vjp(subject, subject.run(inputs), inputs, args[len(subject.args) :], create_graph=True)
        return tuple(zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True))

    given = dict(zip(subject.checked, leaves, strict=True))
    args = [*map(given.get, range(len(subject.args)), subject.args)]
    args += [upstream.detach().requires_grad_() for upstream in upstreams]
    names = [*subject.input_names, *(f"upstream[{i}]" for i in range(len(upstreams)))]
    return Subject(gradients, args, f"the gradient of {subject.name}", names, subject.check)
