"""`tl.gradcheck`: are the backward rules right? Every element of every gradient against what the values say.

    @tl.op
    def cube(x, /):
        return x * x * x

    @cube.backward
    def _(g, x):
        return g * 3 * x                            # it should be 3 * x * x

    tl.gradcheck(cube, tl.tensor([0.5, 2.0], dtype=tl.float64))

        GradcheckError: gradcheck: the gradient of cube with respect to x (input 0), shape (2,), is wrong in 2 of 2 ...
          a hint: times x it would be right

The gradient is pulled back (`pullback.py`) from a random upstream gradient, so that nothing cancels by accident. What
it should be is found in `differences.py`, what may be the matter in `explanation.py` and `hints.py`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd.modes import no_grad, set_grad_enabled
from ..autograd.op import Op
from ..autograd.tape import Record
from ..backend import Array, is_array, move, to_host
from ..creation import zeros_like
from ..inspect.observe import Observing
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from ..traced import Traced, wrap
from .analytical import Backward, Watch, alike, pull, random_upstream, run_backward
from .differences import STEP, Slopes, central_differences, complex_step
from .explanation import explain
from .report import GradcheckError, GradcheckReport, number
from .subject import Subject
from .verdict import Options, Verdict


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    *more: Any,
    eps: float | None = None,
    atol: float = 1e-12,
    rtol: float = 1e-6,
    seed: int = 0,
    raise_exception: bool = True,
    input_names: Sequence[str | None] | None = None,
) -> GradcheckReport:
    """Check the gradients of fn with respect to its inputs, every element, against differences of its values.

    fn: takes the inputs, returns a Tensor or a tuple of Tensors; integers in a tuple are passed over.
    inputs: a Tensor or a sequence. Those that require grad are checked or, if none does, all floats; they must be
    float64. They are copied: neither they nor their `.grad` change, and a tensor given twice counts as two.
    eps: the step of central differences, relative to max(1, |x|). By default the complex step is used where fn is made
    of analytic ops, and elsewhere eps is cbrt(2.2e-16) = 6.1e-6.  seed: of the upstream gradient.
    An element is right if |got - expected| <= atol + rtol * |expected| + what rounding may do to the differences.
    input_names: what the report calls the inputs, a name or None for each; by default as the signature of fn does.

    Elements at which fn has no derivative (relu at 0, ties in max, floor at an integer) are left out and counted; if
    none is left, it warns. Random numbers that fn draws from the engine's stream are the same in every call, and the
    stream is afterwards where it was before.

    Returns a report, true if all is well. Raises GradcheckError, which says what is wrong and often why; with
    raise_exception=False it is the report's `error` instead, and the report is false. Raises TypeError or ValueError
    for inputs that cannot be checked.
    """
    options = Options("gradcheck", eps, atol, rtol, seed, analytic=eps is None)
    if more:
        raise TypeError("gradcheck: put the inputs in a tuple, as in gradcheck(f, (a, b)); what follows it has names")
    subject = Subject(fn, inputs, input_names=input_names)
    return _concluded(lambda: _check(subject, options), subject, raise_exception)


def gradgradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float | None = None,
    atol: float = 1e-12,
    rtol: float = 1e-6,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckReport:
    """Check the derivatives of fn's gradients, with respect to its inputs and to the upstream gradients.

    It is `gradcheck` of the function (inputs, upstream) -> gradients that `tl.grad(..., create_graph=True)` computes.
    That it computes the same gradients as `backward` is checked too; if these are right is for `gradcheck` to say.
    grad_outputs: the upstream gradients, one per output; random by default. The rest as in `gradcheck`.
    """
    options = Options("gradgradcheck", eps, atol, rtol, seed, analytic=False)
    with _said_of("gradgradcheck"):
        subject = Subject(fn, inputs)
        check = lambda: _check(_gradient_of(subject, grad_outputs, options), options)  # noqa: E731
        return _concluded(check, subject, raise_exception)


@contextmanager
def _said_of(check: str) -> Iterator[None]:
    """Errors that are said of gradcheck are said of another check."""
    try:
        yield
    except (TypeError, ValueError, GradcheckError) as error:
        error.args = tuple(a.replace("gradcheck: ", f"{check}: ", 1) if _of_gradcheck(a) else a for a in error.args)
        raise


def _of_gradcheck(text: Any) -> bool:
    return isinstance(text, str) and text.startswith("gradcheck: ")


def _concluded(check: Callable[[], GradcheckReport], subject: Subject, raise_exception: bool) -> GradcheckReport:
    """The report of a check, or its error raised; grad mode and the random stream are left as they were."""
    before = get_rng_state()
    try:
        with set_grad_enabled(True), np.errstate(all="ignore"):
            report = check()
    except GradcheckError as error:
        if raise_exception:
            raise
        return GradcheckReport(subject.name, "", 0, 0, math.nan, error)
    finally:
        set_rng_state(before)
    if report and report.kinks and not report.checked:
        warnings.warn(
            f"{report.fn_name} has no derivative at any element of these inputs ({report.kinks} kinks), so gradcheck "
            "checked nothing: choose other inputs",
            stacklevel=3,
        )
    return report


# --- the check ----------------------------------------------------------------------------------------------


def _check(subject: Subject, options: Options) -> GradcheckReport:
    """Raises GradcheckError for the first input whose gradient is wrong."""
    done = run_backward(subject, options.seed)
    values = subject.values(subject.xs)
    if not alike(values, done.values, done.outs[0].device):
        raise GradcheckError(
            f"gradcheck: {subject.name} is not deterministic: two calls with the same inputs differ by up to "
            f"{number(float(np.abs(values - done.values).max()))}. Draw random numbers with tl.rand or tl.randn, whose "
            "stream gradcheck holds still, or outside of the function",
            fn_name=subject.name,
            hint="not-deterministic",
        )
    method, slopes = _measure(subject, options, done)
    verdicts = [
        Verdict.of(subject, k, options, method, s, got)
        for k, (s, got) in enumerate(zip(slopes, done.gradients, strict=True))
    ]
    if any(verdict.wrong.any() for verdict in verdicts):
        raise explain(verdicts, done, lambda part: _check_part(part, options))
    if done.narrow is not None and options.check == "gradcheck":
        op, dtype = done.narrow
        raise GradcheckError(
            f"gradcheck: the backward rule of {op} returns {dtype} for a float64 input: digits are lost on the way",
            fn_name=subject.name,
            hint="dtype",
            culprit=op,
        )
    return GradcheckReport(
        subject.name,
        method,
        checked=sum(verdict.total for verdict in verdicts),
        kinks=sum(int(verdict.kinks.sum()) for verdict in verdicts),
        largest_error=max((verdict.largest_error for verdict in verdicts), default=0.0),
    )


def _check_part(subject: Subject, options: Options) -> GradcheckError | None:
    """The error of one op of a function, checked alone."""
    try:
        _check(subject, replace(options, locate=False, analytic=False))
    except GradcheckError as error:
        return error
    return None


def _measure(subject: Subject, options: Options, done: Backward) -> tuple[str, list[Slopes]]:
    """The method, and what it found for each input."""
    if options.analytic:
        try:
            with Observing(_Analytic()), no_grad(), warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)  # where an imaginary part is dropped
                exact = complex_step(subject.values, subject.xs, done.upstream, done.values)
        except Exception:  # whatever does not take complex numbers gets real ones
            exact = None
        if exact is not None:
            return "complex step", exact
    step = STEP if options.eps is None else options.eps
    slopes = central_differences(subject.values, subject.xs, done.upstream, done.values, done.gradients, step)
    return "central differences", slopes


class _Analytic:
    """An observer that stops the complex step at the first op that is not complex differentiable."""

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if any(is_array(a) and a.dtype.kind == "c" for a in arrays) and not (op.analytic and out.dtype.kind == "c"):
            raise TypeError(f"{op.name} is not analytic")

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None: ...


# --- gradients as a function --------------------------------------------------------------------------------


def _gradient_of(subject: Subject, grad_outputs: Any, options: Options) -> Subject:
    """The function (inputs, upstream gradients) -> gradients of the checked inputs.

    Raises GradcheckError if recording it (create_graph) changes what it gives.
    """
    leaves = subject.leaves()
    with Observing(Watch()):
        outs = subject.run(leaves)
        upstreams = _upstreams(outs, grad_outputs, options.seed)
        plain, recorded = (pull(subject, outs, leaves, upstreams, create_graph) for create_graph in (False, True))
    for k, (a, b) in enumerate(zip(plain, recorded, strict=True)):
        got, expected = (np.zeros(subject.xs[k].shape) if g is None else to_host(g.array) for g in (b, a))
        atol = options.atol + 1e-9 * np.abs(expected).max(initial=0)
        if not np.allclose(got, expected, rtol=options.rtol, atol=atol, equal_nan=True):
            raise GradcheckError(
                f"gradgradcheck: the gradient of {subject.name} with respect to {subject.called(k)} changes by "
                f"{number(float(np.abs(got - expected).max()))} under create_graph=True: a backward rule computes "
                "other values from Tensors than from arrays, or the kernel of a fused op is not its definition",
                fn_name=subject.name,
                input_index=subject.checked[k],
                input_name=subject.input_names[subject.checked[k]],
                shape=got.shape,
                expected_array=expected,
                got_array=got,
                hint="create-graph",
            )

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        inputs = [args[position] for position in subject.checked]
        found = pull(subject, subject.run(inputs), inputs, args[len(subject.args) :], create_graph=True)
        return tuple(zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True))

    args = list(subject.args)
    for position, leaf in zip(subject.checked, leaves, strict=True):
        args[position] = leaf
    args += [upstream.detach().requires_grad_() for upstream in upstreams]
    names = [*subject.input_names, *(f"upstream[{i}]" for i in range(len(upstreams)))]
    return Subject(gradients, args, f"the gradient of {subject.name}", names)


def _upstreams(outs: Sequence[Tensor], grad_outputs: Any, seed: int) -> list[Tensor]:
    """The upstream gradients as Tensors on the outputs' devices: those given, or random ones."""
    if grad_outputs is None:
        rng = np.random.default_rng(seed)
        return [wrap(move(random_upstream(rng, out.shape), out.device)) for out in outs]
    given = [grad_outputs] if isinstance(grad_outputs, Traced) or is_array(grad_outputs) else list(grad_outputs)
    if [tuple(np.shape(g)) for g in given] != [out.shape for out in outs]:
        shapes = ", ".join(str(out.shape) for out in outs)
        raise ValueError(f"gradgradcheck: grad_outputs need the shapes of the outputs, which are {shapes}")
    return [Tensor(g, dtype=np.float64, device=out.device) for g, out in zip(given, outs, strict=True)]
